//! Ends a command's process tree by execs of its own: Docker has no call for that. Armed until the command has ended,
//! so that a caller that goes away leaves nothing running.

use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::ExecSession;
use super::shell::{Printed, Script};
use crate::error::Result;
use crate::session::live::SIGKILL;

const KILL: &str = concat!(include_str!("scripts/look.sh"), include_str!("scripts/kill.sh"));
const SIGNAL: &str =
    concat!("signal=$1; shift\n", include_str!("scripts/look.sh"), include_str!("scripts/signal.sh"));
const DURING: &str = "killing a command";
/// A command may just be about to start when a look finds nothing of it.
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Killer {
    session: ExecSession,
    tag: String,
    armed: bool,
}

impl Killer {
    pub(super) fn new(session: ExecSession, tag: String) -> Self {
        Self { session, tag, armed: true }
    }

    /// The command has ended by itself.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }

    /// Kills until the command has ended and nothing of its tree is left.
    pub(super) async fn end<T>(&self, mut running: Pin<&mut impl Future<Output = T>>) -> T {
        loop {
            // In a task of its own: a caller that stops waiting must not save the process.
            let mut kill = self.spawn(&Handle::current());
            tokio::select! {
                ended = &mut running => {
                    // The process has ended; the kill goes on until its children have.
                    _ = kill.await;
                    return ended;
                }
                _ = &mut kill => {}
            }
            if let Ok(ended) = tokio::time::timeout(AGAIN, &mut running).await {
                return ended;
            }
        }
    }

    pub(super) fn spawn(&self, runtime: &Handle) -> JoinHandle<()> {
        runtime.spawn(kill(self.session.clone(), self.tag.clone()))
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        if self.armed
            && let Ok(runtime) = Handle::try_current()
        {
            drop(self.spawn(&runtime));
        }
    }
}

/// As the command's own user first: without further rights only that one may read the environment in /proc. What has
/// changed its user since is root's to kill. Fails when the container has gone, and the processes with it.
async fn kill(session: ExecSession, tag: String) {
    let Ok(Printed { code: 1, stdout, .. }) = session.script(DURING, script(vec![tag.clone()])).await else {
        return;
    };
    let left = String::from_utf8_lossy(&stdout).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let root = ExecSession { user: Some("0".to_owned()), ..session };
    _ = root.script(DURING, script([vec![tag], left].concat())).await;
}

/// Sends another signal than SIGKILL to a command that runs.
pub(super) async fn signal(session: ExecSession, tag: String, signal: i32, pid: u32) {
    let args = [signal.to_string(), tag, pid.to_string()].to_vec();
    // What has ended meanwhile needs no signal.
    _ = session.script(DURING, Script { text: SIGNAL, args, ..Script::default() }).await;
}

/// Exit code of signal.sh when there is no such process.
pub(super) const NOBODY: i32 = 3;
const FORBIDDEN: i32 = 4;

/// Sends a signal to a process and all that descends from it; [`NOBODY`], or another code that is not 0.
pub(super) async fn process(session: &ExecSession, pid: u32, signal: i32) -> Result<i32> {
    // No process can have a tag that was made up just now: the pid alone counts.
    let tag = format!("{:032x}", rand::random::<u128>());
    let exists = if signal == SIGKILL { 0 } else { signal };
    let args = |signal: i32| [signal.to_string(), tag.clone(), pid.to_string()].to_vec();
    let code =
        session.script(DURING, Script { text: SIGNAL, args: args(exists), ..Script::default() }).await?.code;
    if code != 0 || signal != SIGKILL {
        return Ok(code);
    }
    let killed = session.script(DURING, script(vec![tag.clone(), pid.to_string()])).await?;
    Ok(if killed.code == 0 { 0 } else { FORBIDDEN })
}

fn script(args: Vec<String>) -> Script {
    Script { text: KILL, args, ..Script::default() }
}
