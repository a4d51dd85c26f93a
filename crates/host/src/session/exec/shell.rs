//! One exec of a shell script in the container: its input, its output, its exit code. Three engine calls.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::ExecSession;
use super::said::Said;
use crate::chunk::{Chunk, Stream as Fd};
use crate::docker::{ExecSpec, ExecStream};
use crate::error::{Error, Result};
use crate::session::Output;

/// How far apart Docker is asked for the code of an exec whose output has ended: at first, and at most. A process
/// may close its output and go on for long.
const EXIT_POLL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(100)];
/// Chunks between the engine and the taker.
const QUEUE: usize = 8;
const KILLED: i32 = 137;
const PRINTS: &str = include_str!("scripts/prints.sh");

/// A script with its arguments: nothing in these is ever read as shell.
#[derive(Default)]
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) stdin: Option<Bytes>,
    /// Leads what the script itself says on stderr; empty: it says nothing.
    pub(super) mark: String,
    /// In the environment of the process tree; empty: nobody looks for it.
    pub(super) tag: String,
}

/// What a script printed, and its exit code.
pub(super) struct Printed {
    pub(super) stdout: Bytes,
    pub(super) stderr: Bytes,
    pub(super) code: i32,
}

/// How a script ended.
pub(super) struct Ended {
    pub(super) code: i32,
    /// What it said led by its mark.
    pub(super) refusal: Option<String>,
}

/// What a script printed by the time it had printed a line, or had ended.
#[derive(Default)]
pub(super) struct FirstLine {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) refusal: Option<String>,
}

impl ExecSession {
    pub(super) async fn begin(&self, script: &Script) -> Result<ExecStream> {
        let mut cmd: Vec<String> = ["/bin/sh", "-c", script.text, "sh"].map(str::to_owned).to_vec();
        cmd.extend(script.args.iter().cloned());
        let spec = ExecSpec {
            cmd,
            env: script.env.clone(),
            user: self.user.clone(),
            stdin: script.stdin.is_some(),
            ..ExecSpec::default()
        };
        self.engine.exec(&self.container, spec).await.map_err(|error| match &error {
            // Podman refuses where Docker starts and complains.
            Error::Api { message, .. } if names_no_shell(message) => no_shell(),
            _ => error,
        })
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
        Ok(Printed { stdout, stderr, code: ended?.code })
    }

    /// Runs a script until it has printed a line, and leaves it running.
    pub(super) async fn first_line(&self, during: &str, script: Script) -> Result<FirstLine> {
        let exec = self.begin(&script).await?;
        let mut arriving = pin!(exec.output);
        let mut said = Said::new(&script.mark);
        let line = self.line(during, &mut arriving, &mut said).await?;
        match said.complaint() {
            Some(complaint) => Err(not_started(&complaint)),
            None => Ok(line),
        }
    }

    /// What comes until a line is there, or the end.
    pub(super) async fn line<S>(&self, during: &str, arriving: &mut S, said: &mut Said) -> Result<FirstLine>
    where
        S: Stream<Item = Result<Chunk>> + Unpin,
    {
        let mut line = FirstLine::default();
        while !line.stdout.contains(&b'\n')
            && let Some(chunk) = arriving.next().await
        {
            let chunk = chunk.map_err(|error| self.broke(during, error))?;
            match chunk.stream {
                Fd::Stdout => line.stdout.extend_from_slice(&chunk.data),
                Fd::Stderr => {}
            }
            if let Some(chunk) = said.hear(chunk)
                && chunk.stream == Fd::Stderr
            {
                line.stderr.extend_from_slice(&chunk.data);
            }
        }
        line.refusal = said.refusal();
        Ok(line)
    }

    /// Runs a script, passing on output as it arrives.
    pub(super) async fn exec(&self, during: &str, mut script: Script, output: &Output) -> Result<Ended> {
        let exec = self.begin(&script).await?;
        let feed = feed(exec.input, script.stdin.take());
        let end = async {
            let mut said = Said::new(&script.mark);
            let taken = take(exec.output, &mut said, output).await;
            taken.map_err(|error| self.broke(during, error))?;
            Ok::<_, Error>((self.code(during, &exec.id, &script.tag).await?, said))
        };
        let (code, said) = beside(end, feed).await?;
        match said.complaint() {
            Some(complaint) if matches!(code, 126 | 127) => Err(not_started(&complaint)),
            _ => Ok(Ended { code, refusal: said.refusal() }),
        }
    }

    /// The exit code. The output may end before the process does, and Docker tells its end before it knows the code.
    pub(super) async fn code(&self, during: &str, exec: &str, tag: &str) -> Result<i32> {
        let [mut pause, longest] = EXIT_POLL;
        let mut doubted = tag.is_empty();
        loop {
            match self.engine.exec_exit(exec).await {
                Ok(Some(code)) => return Ok(i32::try_from(code).unwrap_or(i32::MAX)),
                Ok(None) if pause == longest && !std::mem::replace(&mut doubted, true) => {
                    self.has_closed_its_output(during, tag).await?;
                }
                Ok(None) => tokio::time::sleep(pause).await,
                // With the container gone, its execs are too.
                Err(error) => return Err(self.broke(during, error)),
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// An error when it was the connection that ended, and not the output: both look the same from here.
    async fn has_closed_its_output(&self, during: &str, tag: &str) -> Result<()> {
        let look = Script { text: PRINTS, args: vec![tag.to_owned()], ..Script::default() };
        match Box::pin(self.script(during, look)).await {
            Ok(Printed { stdout, .. }) if stdout.is_empty() => Ok(()),
            _ => Err(self.lost(during, "the connection ended before the command did")),
        }
    }

    /// An error when it was the container's end that killed the process. Docker knows of that a moment later; that
    /// nothing can be started any more shows at once.
    pub(super) async fn killed_by_itself(&self, during: &str, code: i32) -> Result<()> {
        if code != KILLED {
            return Ok(());
        }
        match self.script(during, Script { text: ":", ..Script::default() }).await {
            Ok(Printed { code: 0, .. }) => Ok(()),
            _ => Err(self.lost(during, "its container stopped")),
        }
    }

    /// An exec that broke off: whatever the Docker layer calls it, here it is this call's loss.
    pub(super) fn broke(&self, during: &str, error: Error) -> Error {
        match error {
            Error::SessionLost { reason, .. } => self.lost(during, &reason),
            error => self.lost(during, &error.to_string()),
        }
    }

    pub(super) fn lost(&self, during: &str, reason: &str) -> Error {
        let (id, during) = (self.container.clone(), during.to_owned());
        Error::SessionLost { id, during, reason: reason.to_owned() }
    }
}

async fn take<S>(arriving: S, said: &mut Said, output: &Output) -> Result<()>
where
    S: Stream<Item = Result<Chunk>>,
{
    let mut arriving = pin!(arriving);
    while let Some(chunk) = arriving.next().await.transpose()? {
        if let Some(chunk) = said.hear(chunk) {
            // A taker that is gone wants nothing more: the rest is drained.
            _ = output.send(chunk).await;
        }
    }
    if let Some(chunk) = said.held_back() {
        _ = output.send(chunk).await;
    }
    Ok(())
}

/// Runs `aside` for as long as `main` goes on.
async fn beside<T>(main: impl Future<Output = T>, aside: impl Future<Output = ()>) -> T {
    let (mut main, aside) = (pin!(main), pin!(aside));
    tokio::select! {
        answer = &mut main => answer,
        () = aside => main.await,
    }
}

/// A process that does not read its input to the end closes it: that is its own affair.
async fn feed<W: AsyncWrite + Unpin>(mut input: W, content: Option<Bytes>) {
    if let Some(content) = content {
        _ = input.write_all(&content).await;
        _ = input.shutdown().await;
    }
}

pub(super) fn not_started(complaint: &str) -> Error {
    if names_no_shell(complaint) {
        return no_shell();
    }
    Error::CannotRun { what: format!("the command could not be started: {complaint}") }
}

fn names_no_shell(complaint: &str) -> bool {
    complaint.contains("/bin/sh")
        && ["no such file", "not found"].iter().any(|words| complaint.contains(words))
}

fn no_shell() -> Error {
    let what = "the image has no /bin/sh, which session 'exec' needs for every call; session 'agent' works without it";
    Error::CannotRun { what: what.to_owned() }
}

/// A path that no program takes for an option, and `cd` for nothing but a path.
pub(super) fn as_operand(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("./{path}") }
}
