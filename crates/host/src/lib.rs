//! The Docker provider itself, without a word of Node.js: config → provider → sandbox → session.
//!
//! `docker/` is the only place that speaks to the engine, `session/` the only one that speaks to a sandbox. Calls go
//! down, output comes up. Everything runs on the tokio runtime of whoever calls.

mod agent_binary;
pub mod chunk;
pub mod config;
mod create;
pub mod docker;
pub mod error;
pub mod instance;
mod labels;
pub mod pool;
pub mod provider;
pub mod prune;
mod pull_log;
pub mod sandbox;
pub mod saved;
pub mod session;
mod stream_log;

pub use create::{CreateOptions, PullListener};
