//! A session over the agent: requests and answers as frames on one reader and one writer, whatever these are.
//!
//! One task reads; what is sent goes out from the caller's own task while the way is free, and by a second task while
//! it is not. Both end with the session. The agent may send only as much of a request's output as was granted, so the
//! reading task never waits for a slow taker. The peer may be hostile: what it sends is checked, and bounded.

mod call;
mod files;
mod greet;
mod kind;
mod live;
mod open;
mod outgoing;
mod process;
mod processes;
mod requests;
#[cfg(test)]
mod tests;
mod transfer;

use std::sync::Arc;

use tokio::task::JoinHandle;

use self::requests::Requests;

pub use open::SessionLabel;
pub use transfer::{FileReader, FileWriter, Placement, Watching};

/// One live agent. Dropping it ends the channel; the agent then kills what still runs in the foreground.
#[derive(Debug)]
pub struct AgentSession {
    requests: Arc<Requests>,
    tasks: [JoinHandle<()>; 2],
}

impl AgentSession {
    /// False once the channel has broken or ended.
    pub fn is_open(&self) -> bool {
        self.requests.is_open()
    }
}

impl Drop for AgentSession {
    fn drop(&mut self) {
        self.requests.close("the session was closed");
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
