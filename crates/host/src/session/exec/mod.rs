//! A session over plain Docker execs: one for each command and file call. Slower than the agent, and it needs a shell
//! in the image; it works wherever Docker does.

mod complaint;
mod files;
mod kill;
mod list;
mod live;
mod process;
mod processes;
mod said;
mod shell;

use crate::docker::Engine;

/// Holds no connection: every call makes its own.
#[derive(Debug, Clone)]
pub struct ExecSession {
    engine: Engine,
    container: String,
    user: Option<String>,
}

impl ExecSession {
    pub fn new(engine: Engine, container: String, user: Option<String>) -> Self {
        Self { engine, container, user }
    }

    pub fn is_open(&self) -> bool {
        true
    }
}
