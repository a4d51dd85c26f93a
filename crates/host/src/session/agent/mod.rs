//! A session over the agent: requests and answers as frames on one reader and one writer, whatever these are.
//!
//! One task reads, one writes; both end with the session. The agent may send only as much of a request's output as
//! was granted, so the reading task never waits for a slow taker.

mod call;
mod files;
mod open;
mod process;
mod requests;

use std::sync::Arc;

use tokio::task::JoinHandle;

use self::requests::Requests;

pub use open::SessionLabel;

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
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
