//! Processes by their pid over the agent.

use bytes::Bytes;
use computesdk_docker_protocol::{Failed, KillProcess, Op, ProcessEntry, ReadLog, ToAgent, ToHost};

use super::AgentSession;
use super::call::Portion;
use super::kind::Kind;
use crate::error::{Error, Result};
use crate::session::processes::ProcessInfo;
use crate::session::{Chunk, Exit, Output, Stream, system};

const ESRCH: i32 = 3;
const ECHILD: i32 = 10;

impl AgentSession {
    pub async fn list_processes(&self) -> Result<Vec<ProcessInfo>> {
        let mut call = self.requests.begin(Kind::Processes, &ToAgent::ListProcesses, &Portion::none())?;
        let mut all = Vec::new();
        loop {
            match call.next().await? {
                ToHost::Processes(entries) => all.extend(entries.iter().map(info)),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Ok(all),
            }
        }
    }

    pub async fn kill_process(&self, pid: u32, signal: i32) -> Result<()> {
        let request = ToAgent::KillProcess(KillProcess { pid, signal });
        self.change(Kind::KillProcess, &request).await
    }

    /// Tells the sandbox's first process that it has left its pool.
    pub async fn hand_out(&self) -> Result<()> {
        self.change(Kind::HandOut, &ToAgent::HandOut).await
    }

    pub async fn wait_process(&self, pid: u32) -> Result<Exit> {
        let request = ToAgent::WaitProcess(pid);
        match self.requests.begin(Kind::WaitProcess, &request, &Portion::none())?.next().await? {
            ToHost::Exited(exited) => Ok(Exit { code: system::exit_code(exited) }),
            ToHost::Failed(failed) => Err(unknown(pid, &failed)),
            _ => Err(self.requests.lost(Kind::WaitProcess, "the agent did not tell the end")),
        }
    }

    /// Answers at the end of what is kept, or, when following, of what comes. A taker that is gone ends it.
    pub async fn read_log(&self, pid: u32, follow: bool, output: &Output) -> Result<()> {
        let request = ToAgent::ReadLog(ReadLog { pid, follow });
        let mut call = self.requests.begin(Kind::Log, &request, &Portion::none())?;
        loop {
            let (stream, data) = match call.next().await? {
                ToHost::Stdout(data) => (Stream::Stdout, data),
                ToHost::Stderr(data) => (Stream::Stderr, data),
                ToHost::Failed(failed) => return Err(unknown(pid, &failed)),
                _ => return Ok(()),
            };
            let size = data.len();
            if output.send(Chunk { stream, data: Bytes::from(data) }).await.is_err() {
                return Ok(());
            }
            call.took(size);
        }
    }
}

fn unknown(pid: u32, failed: &Failed) -> Error {
    match (failed.op, failed.errno) {
        (Op::Wait, ESRCH) => Error::NoSuchProcess { pid },
        (Op::Wait, ECHILD) => Error::CannotRun {
            what: format!(
                "how background command {pid} ended is not known: the agent that watched it was killed"
            ),
        },
        _ => system::refused(failed),
    }
}

fn info(entry: &ProcessEntry) -> ProcessInfo {
    ProcessInfo {
        pid: entry.pid,
        parent: entry.parent,
        state: entry.state,
        command: String::from_utf8_lossy(&entry.command).into_owned(),
        started_ms: entry.started_ms,
        cpu_ms: entry.cpu_ms,
        memory: entry.memory,
        background: entry.background,
    }
}
