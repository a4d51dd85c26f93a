//! Processes over the agent: run to the end, or start and leave.

use bytes::Bytes;
use computesdk_docker_protocol::{Failed, Op, Run, ToAgent, ToHost};
use tokio_util::sync::CancellationToken;

use super::AgentSession;
use super::call::{Call, Feed};
use crate::error::{Error, Result};
use crate::session::{Chunk, Exit, Output, Process, Stream, system};

const DURING: &str = "runCommand";

impl AgentSession {
    pub async fn run(&self, process: Process, stop: &CancellationToken, output: &Output) -> Result<Exit> {
        let feed = Feed::stdin(process.stdin.clone());
        let stdin = process.stdin.is_some();
        let call = self.requests.begin(DURING, &request(process, Kind::Foreground { stdin }))?;
        let mut running = Running { call, feed, stop, output, killed: false };
        loop {
            running.feed.pump(&running.call);
            match running.next().await? {
                ToHost::Stdout(data) => running.pass_on(Stream::Stdout, data).await,
                ToHost::Stderr(data) => running.pass_on(Stream::Stderr, data).await,
                ToHost::Credit(bytes) => running.feed.credited(bytes),
                ToHost::Exited(exited) => return Ok(Exit { code: system::exit_code(exited) }),
                ToHost::Failed(failed) => return Err(not_started(&failed)),
                _ => return Err(running.call.broken()),
            }
        }
    }

    pub async fn start(&self, process: Process) -> Result<u32> {
        let mut call = self.requests.begin(DURING, &request(process, Kind::Background))?;
        let mut pid = None;
        loop {
            match (call.next().await?, pid) {
                (ToHost::Started(started), None) => pid = Some(started.pid),
                (ToHost::Done, Some(pid)) => return Ok(pid),
                (ToHost::Failed(failed), None) => return Err(not_started(&failed)),
                _ => return Err(call.broken()),
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Foreground { stdin: bool },
    Background,
}

fn request(process: Process, kind: Kind) -> ToAgent {
    let (stdin, background) = match kind {
        Kind::Foreground { stdin } => (stdin, false),
        Kind::Background => (false, true),
    };
    ToAgent::Run(Run { argv: process.argv, env: process.env, cwd: process.cwd, stdin, background })
}

struct Running<'a> {
    call: Call,
    feed: Feed,
    stop: &'a CancellationToken,
    output: &'a Output,
    killed: bool,
}

impl Running<'_> {
    async fn next(&mut self) -> Result<ToHost> {
        loop {
            tokio::select! {
                biased;
                // First: a process that floods must not keep itself from being killed.
                () = self.stop.cancelled(), if !self.killed => self.kill(),
                answer = self.call.next() => return answer,
            }
        }
    }

    /// Hands output on; a slow taker slows the process, and does not keep it from being killed.
    async fn pass_on(&mut self, stream: Stream, data: Vec<u8>) {
        let size = data.len();
        let output = self.output;
        let send = output.send(Chunk { stream, data: Bytes::from(data) });
        tokio::pin!(send);
        loop {
            tokio::select! {
                biased;
                // A taker that is gone wants nothing more: the rest is drained.
                _ = &mut send => break,
                () = self.stop.cancelled(), if !self.killed => self.kill(),
            }
        }
        self.call.took(size);
    }

    fn kill(&mut self) {
        self.killed = true;
        self.call.send(&ToAgent::Kill);
    }
}

/// Why a command never ran.
fn not_started(failed: &Failed) -> Error {
    let error = system::refused(failed);
    let Error::System { code, .. } = &error else { return error };
    let what = match (failed.op, *code) {
        (Op::Exec, "ENOENT") if failed.path == "/bin/sh" => {
            "the image has no /bin/sh, which runCommand needs; runCode and the file calls work without it"
                .to_owned()
        }
        (Op::Exec, "E2BIG") => {
            "the command is too long for the system (128 KiB for a word): put it into a file with writeFile"
                .to_owned()
        }
        (Op::Fork, "EAGAIN" | "ENOMEM") => {
            "no more processes can be started in the sandbox: its pids or memory limit is reached".to_owned()
        }
        _ => return error,
    };
    Error::CannotRun { what }
}
