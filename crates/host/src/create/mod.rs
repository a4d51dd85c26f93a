//! How a sandbox comes to be: the options of `create()`, the choice of its image, the container that Docker is
//! asked for, the agent's way into it, and the steps in their order.

mod boot;
mod delivery;
pub(crate) mod image;
mod lost;
mod options;
mod pulls;
mod spec;
mod strict;
mod sweep;
mod workdir;

pub(crate) use boot::create;
pub(crate) use delivery::{AGENT_LABEL, Delivery, current_volumes};
pub use options::{CreateOptions, PullListener};
pub(crate) use pulls::Pulls;
pub(crate) use spec::{AGENT, AGENT_DIR, check_security, preview};
