//! Looks at and ends processes that no request of this session started: all of the sandbox, and background commands
//! by the pid that their start told.

pub(crate) mod list;
pub(crate) mod log;

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use computesdk_docker_protocol::{Exited, Op, ToHost};
use libc::{ESRCH, SIGKILL, pid_t};

use crate::background::Record;
use crate::command::tree::Tree;
use crate::files::Failure;
use crate::sys::{self, Ending, Errno};

/// How long a killed tree may take to vanish before the answer comes without that.
const KILL_PATIENCE: Duration = Duration::from_secs(1);

/// A tree that is being killed.
#[derive(Debug)]
pub(crate) struct Killing {
    tree: Tree,
    since: Instant,
}

/// Sends a signal to a process and all below it. SIGKILL is sent until nobody is left. `tag`: of the command whose first
/// process it is.
pub(crate) fn signal(pid: pid_t, signal: i32, tag: Option<&str>) -> Result<Option<Killing>, Failure> {
    let failed = |errno| Failure::new(Op::Kill, Errno(errno));
    if pid <= 1 || pid == std::process::id() as pid_t {
        return Err(failed(libc::EPERM));
    }
    let root = match sys::kill(pid, 0) {
        Ok(()) => Some(pid),
        // What it started may live on.
        Err(Errno(ESRCH)) if tag.is_some() => None,
        Err(Errno(errno)) => return Err(failed(errno)),
    };
    let mut tree = Tree::new(root, tag);
    if signal == SIGKILL {
        tree.freeze();
        if tree.kill() == 0 && root.is_none() {
            return Err(failed(ESRCH));
        }
        return Ok(Some(Killing { tree, since: Instant::now() }));
    }
    match tree.signal(signal) {
        0 if root.is_none() => Err(failed(ESRCH)),
        _ => Ok(None),
    }
}

impl Killing {
    /// Whether to look again, and the end when there is nothing left to kill.
    pub(crate) fn tick(&mut self) -> Option<ToHost> {
        let goes_on = self.tree.kill() > 0 && self.since.elapsed() < KILL_PATIENCE;
        (!goes_on).then_some(ToHost::Done)
    }
}

/// Waits for the end of a background command.
#[derive(Debug)]
pub(crate) struct Waiting {
    journal: OwnedFd,
}

impl Waiting {
    pub(crate) fn new(journal: OwnedFd) -> Self {
        Self { journal }
    }

    pub(crate) fn tick(&self) -> Result<Option<ToHost>, Failure> {
        match Record::read(self.journal.as_fd()) {
            Some(Record { ending: Some(Ending::Code(code)), .. }) => {
                Ok(Some(ToHost::Exited(Exited::Code(code))))
            }
            Some(Record { ending: Some(Ending::Signal(signal)), .. }) => {
                Ok(Some(ToHost::Exited(Exited::Signal(signal))))
            }
            Some(record) if !record.is_final() => Ok(None),
            // Its agent was killed: nobody knows how it ended.
            _ => Err(Failure::new(Op::Wait, Errno(libc::ECHILD))),
        }
    }
}
