//! Where the engine is and how a socket to it is opened. Knows no HTTP and no Docker object.

mod address;
mod config;
mod context;
mod dial;
mod environment;
mod find;
mod known;
mod local;
mod proxy;
mod socket;
mod ssh;
mod tls;

pub(super) use address::Address;
pub use config::{Connection, Pem, Protocol};
pub(super) use dial::{DialError, Dialer};
pub(super) use find::{Target, find};
