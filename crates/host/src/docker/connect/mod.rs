//! Where the engine is and how a socket to it is opened. Knows no HTTP and no Docker object.

mod address;
mod config;
mod dial;
mod find;

pub use config::{Connection, Pem, Protocol};
pub(super) use dial::{DialError, Dialer};
pub(super) use find::{Target, find};
