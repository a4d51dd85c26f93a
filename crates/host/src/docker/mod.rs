//! The Docker engine: the only folder that names bollard and hyper, and the only one that knows Docker's HTTP API.
//!
//! `connect/` finds the engine and opens sockets, `wire` keeps a few of them and speaks HTTP with the API version in
//! every path, the other files are one kind of Docker object each. What an engine's status code means is decided per
//! operation here. Knows nothing of sandboxes beyond the container id that it is handed.

mod archive;
mod bridge;
mod build;
mod commit;
mod connect;
mod container;
mod demux;
mod engine;
mod exec;
mod failure;
mod image;
mod login;
mod names;
mod pause;
mod pull;
mod raw;
mod settings;
mod stats;
mod version;
mod volume;
mod wire;

pub use archive::{ArchivedFile, NewFile};
pub use build::{Build, BuildLine, Building};
pub use commit::ImageRemoval;
pub use connect::{Connection, Pem, Protocol};
pub use engine::{Engine, EngineInfo};
pub use exec::{ExecInput, ExecOutput, ExecSpec, ExecStream};
pub use image::ImageInfo;
pub(crate) use login::HUB;
pub use login::{Login, RegistryAuth};
pub use names::encode;
pub(crate) use names::registry;
pub use pull::{PullProgress, PullRequest};
pub use raw::{Method, RawBody, RawRequest, RawResponse, RawStream};
