//! One exec of a shell script in the container: its input, its output, its exit code. Three engine calls.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::ExecSession;
use crate::docker::ExecSpec;
use crate::error::{Error, Result};
use crate::session::{Chunk, Output, Stream as Fd};

/// How often, and how far apart, Docker is asked for the code of an exec whose output has ended.
const EXIT_POLLS: u32 = 100;
const EXIT_POLL: Duration = Duration::from_millis(20);
/// Chunks between the engine and the taker.
const QUEUE: usize = 8;
/// How much of the output is kept to recognise a complaint of the OCI runtime.
const HEAD: usize = 1024;
/// Exit codes of an exec that the OCI runtime could not start.
const NOT_STARTED: [i64; 2] = [126, 127];

/// A script with its arguments: nothing in these is ever read as shell.
#[derive(Default)]
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) stdin: Option<Bytes>,
    /// Leads what the script itself says on stderr; empty: it says nothing.
    pub(super) mark: String,
}

/// What a script printed, and its exit code.
pub(super) struct Printed {
    pub(super) stdout: Bytes,
    pub(super) stderr: Bytes,
    pub(super) code: i32,
    pub(super) refusal: Option<String>,
}

/// How a script ended.
pub(super) struct Ended {
    pub(super) code: i32,
    /// What it said led by its mark.
    pub(super) refusal: Option<String>,
}

impl ExecSession {
    pub(super) fn spec(&self, script: &Script) -> ExecSpec {
        let mut cmd: Vec<String> = ["/bin/sh", "-c", script.text, "sh"].map(str::to_owned).to_vec();
        cmd.extend(script.args.iter().cloned());
        ExecSpec {
            cmd,
            env: script.env.clone(),
            user: self.user.clone(),
            stdin: script.stdin.is_some(),
            ..ExecSpec::default()
        }
    }

    /// Runs a script of ours to its end and keeps what it prints.
    pub(super) async fn script(&self, during: &str, script: Script) -> Result<Printed> {
        let (output, mut arriving) = mpsc::channel::<Chunk>(QUEUE);
        let run = async {
            let ended = self.exec(during, script, &output).await;
            drop(output);
            ended
        };
        let keep = async {
            let (mut stdout, mut stderr) = (BytesMut::new(), BytesMut::new());
            while let Some(chunk) = arriving.recv().await {
                match chunk.stream {
                    Fd::Stdout => stdout.extend_from_slice(&chunk.data),
                    Fd::Stderr => stderr.extend_from_slice(&chunk.data),
                }
            }
            (stdout.freeze(), stderr.freeze())
        };
        let (ended, (stdout, stderr)) = tokio::join!(run, keep);
        let Ended { code, refusal } = ended?;
        Ok(Printed { stdout, stderr, code, refusal })
    }

    /// Runs a script, passing on output as it arrives.
    pub(super) async fn exec(&self, during: &str, mut script: Script, output: &Output) -> Result<Ended> {
        let exec = self.engine.exec(&self.container, self.spec(&script)).await?;
        let stdin = script.stdin.take();
        let take = take(exec.output, &script.mark, output);
        let ((), taken) = tokio::join!(feed(exec.input, stdin), take);
        let Taken { head, refusal } = taken.map_err(|error| self.lost(during, &error.to_string()))?;
        let code = self.code(during, &exec.id).await?;
        if NOT_STARTED.contains(&code) && head.starts_with(b"OCI runtime exec failed") {
            return Err(not_started(&String::from_utf8_lossy(&head)));
        }
        Ok(Ended { code: i32::try_from(code).unwrap_or(i32::MAX), refusal })
    }

    /// The exit code. Docker may tell the end of the output before it knows.
    async fn code(&self, during: &str, exec: &str) -> Result<i64> {
        for _ in 0..EXIT_POLLS {
            match self.engine.exec_exit(exec).await {
                Ok(Some(code)) => return Ok(code),
                Ok(None) => tokio::time::sleep(EXIT_POLL).await,
                // With the container gone, its execs are too.
                Err(Error::SandboxNotFound { .. } | Error::Api { status: Some(404), .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Err(self.lost(during, "its exit code was never told"))
    }

    pub(super) fn lost(&self, during: &str, reason: &str) -> Error {
        Error::SessionLost {
            id: self.container.clone(),
            during: during.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// What there is to know of output that was passed on.
#[derive(Default)]
struct Taken {
    head: Vec<u8>,
    refusal: Option<String>,
}

async fn take<S: Stream<Item = Result<Chunk>>>(arriving: S, mark: &str, output: &Output) -> Result<Taken> {
    let mut arriving = std::pin::pin!(arriving);
    let mut taken = Taken::default();
    while let Some(chunk) = arriving.next().await.transpose()? {
        if taken.head.len() < HEAD {
            taken.head.extend_from_slice(&chunk.data[..chunk.data.len().min(HEAD)]);
        }
        match refusal(&chunk, mark) {
            Some(why) => taken.refusal = Some(why),
            // A taker that is gone wants nothing more: the rest is drained.
            None => _ = output.send(chunk).await,
        }
    }
    Ok(taken)
}

/// What the script itself says on stderr, led by its mark.
fn refusal(chunk: &Chunk, mark: &str) -> Option<String> {
    if mark.is_empty() || chunk.stream != Fd::Stderr {
        return None;
    }
    chunk.data.strip_prefix(mark.as_bytes()).map(|why| String::from_utf8_lossy(why).into_owned())
}

/// A process that does not read its input to the end closes it: that is its own affair.
async fn feed<W: AsyncWrite + Unpin>(mut input: W, content: Option<Bytes>) {
    if let Some(content) = content {
        _ = input.write_all(&content).await;
    }
    _ = input.shutdown().await;
}

fn not_started(text: &str) -> Error {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let what = match text.contains("\"/bin/sh\"") {
        true => "the image has no /bin/sh, which session 'exec' needs for every call; session 'agent' works without it".to_owned(),
        false => format!("the command could not be started: {text}"),
    };
    Error::CannotRun { what }
}

/// A path that no program takes for an option, and `cd` for nothing but a path.
pub(super) fn as_operand(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("./{path}") }
}
