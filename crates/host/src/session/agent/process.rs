//! Processes over the agent: run to the end, or start and leave.

use std::pin::{Pin, pin};

use bytes::Bytes;
use computesdk_docker_protocol::{Failed, Op, Run, ToAgent, ToHost};
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::AgentSession;
use super::call::{Call, Feed, Portion};
use super::kind::Kind;
use crate::error::{Error, Result};
use crate::session::{Chunk, Exit, Output, Process, Stream, system};

impl AgentSession {
    /// Dropping the future kills the command.
    pub async fn run(&self, process: Process, stop: &CancellationToken, output: &Output) -> Result<Exit> {
        let mut feed = Feed::stdin(process.stdin.clone());
        let request = request(process, Kind::Run);
        let call = self.requests.begin(Kind::Run, &request, &feed.portion())?;
        let stopped = pin!(stop.cancelled());
        let mut running = Running { call, stopped, output, killed: false };
        loop {
            match running.next().await? {
                ToHost::Stdout(data) => running.pass_on(Stream::Stdout, data).await,
                ToHost::Stderr(data) => running.pass_on(Stream::Stderr, data).await,
                ToHost::Credit(bytes) => running.call.go_on(&mut feed, bytes),
                ToHost::Exited(exited) => return Ok(Exit { code: system::exit_code(exited) }),
                ToHost::Failed(failed) => return Err(not_started(&failed)),
                // Not let through for this kind of request.
                _ => {}
            }
        }
    }

    /// Dropping the future leaves the process.
    pub async fn start(&self, process: Process) -> Result<u32> {
        let mut call = self.requests.begin(Kind::Start, &request(process, Kind::Start), &Portion::none())?;
        let mut pid = 0;
        loop {
            match call.next().await? {
                ToHost::Started(started) => pid = started.pid,
                ToHost::Failed(failed) => return Err(not_started(&failed)),
                _ => return Ok(pid),
            }
        }
    }
}

fn request(process: Process, kind: Kind) -> ToAgent {
    let background = kind == Kind::Start;
    let stdin = process.stdin.is_some() && !background;
    ToAgent::Run(Run { argv: process.argv, env: process.env, cwd: process.cwd, stdin, background })
}

struct Running<'a, 's> {
    call: Call,
    stopped: Pin<&'a mut WaitForCancellationFuture<'s>>,
    output: &'a Output,
    killed: bool,
}

impl Running<'_, '_> {
    async fn next(&mut self) -> Result<ToHost> {
        loop {
            tokio::select! {
                biased;
                // First: a process that floods must not keep itself from being killed.
                () = self.stopped.as_mut(), if !self.killed => self.kill(),
                answer = self.call.next() => return answer,
            }
        }
    }

    /// Hands output on; a slow taker slows the process, and does not keep it from being killed.
    async fn pass_on(&mut self, stream: Stream, data: Vec<u8>) {
        let size = data.len();
        match self.output.try_send(Chunk { stream, data: Bytes::from(data) }) {
            // A taker that is gone wants nothing more: the rest is drained.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(chunk)) => self.wait_for_taker(chunk).await,
        }
        self.call.took(size);
    }

    async fn wait_for_taker(&mut self, chunk: Chunk) {
        let mut send = pin!(self.output.send(chunk));
        loop {
            tokio::select! {
                biased;
                _ = &mut send => return,
                () = self.stopped.as_mut(), if !self.killed => self.kill(),
            }
        }
    }

    fn kill(&mut self) {
        self.killed = true;
        self.call.kill();
    }
}

/// Why a command never ran.
pub(super) fn not_started(failed: &Failed) -> Error {
    let error = system::refused(failed);
    let Error::System { code, .. } = &error else { return error };
    let what = match (failed.op, *code) {
        (Op::Exec, "ENOENT") if failed.path == "/bin/sh" => {
            "the image has no /bin/sh, which runCommand needs; runCode and the file calls work without it"
        }
        (Op::Exec, "E2BIG") => system::TOO_LONG,
        (Op::Fork, "EAGAIN") => {
            "the sandbox has reached its limit of processes: end some, or raise container.resources.pidsLimit"
        }
        (Op::Fork, "ENOMEM") => {
            "the sandbox has no memory left for another process: end some, or raise container.resources.memory"
        }
        (Op::Fork, "EMFILE" | "ENFILE") => {
            "the sandbox has too many files open for another process: run fewer commands at once"
        }
        _ => return error,
    };
    Error::CannotRun { what: what.to_owned() }
}
