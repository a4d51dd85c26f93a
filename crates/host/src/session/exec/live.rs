//! Live processes over execs: the exec's connection carries the streams, execs of their own the signals.

use std::pin::pin;

use bytes::Bytes;
use computesdk_docker_protocol::OUTPUT_WINDOW;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{mpsc, oneshot};

use super::ExecSession;
use super::kill::{self, Killer};
use super::process::{DURING, Launch, fits};
use super::said::Said;
use super::shell::{FirstLine, not_started};
use crate::docker::{ExecInput, ExecOutput};
use crate::error::{Error, Result};
use crate::session::live::{self, Live, Order, Pump, PumpEnd, SIGKILL};
use crate::session::{Chunk, Exit, Process, Stream};

const SPAWN: &str = concat!(include_str!("scripts/enter.sh"), include_str!("scripts/spawn.sh"));

/// Input on its way.
type Input = (Bytes, oneshot::Sender<()>);

impl ExecSession {
    /// Dropping the pump kills the process.
    pub async fn spawn(&self, process: Process) -> Result<(Live, Pump)> {
        fits(&process)?;
        let launch = Launch::new(Process { stdin: Some(Bytes::new()), ..process });
        let script = launch.script(SPAWN);
        let mut killer = Killer::new(self.clone(), launch.tag.clone());
        let exec = self.begin(&script).await?;
        let mut output = exec.output;
        let mut said = Said::new(&script.mark);
        let line = self.line(DURING, &mut output, &mut said).await?;
        if let Some(complaint) = said.complaint() {
            killer.disarm();
            return Err(not_started(&complaint));
        }
        if let Some(refusal) = &line.refusal {
            killer.disarm();
            return Err(launch.refused(refusal));
        }
        let (pid, rest) = pid(&line)?;
        let (live, mut end) = live::pair(pid);
        for (stream, data) in [(Stream::Stdout, rest), (Stream::Stderr, Bytes::from(line.stderr))] {
            if !data.is_empty() {
                end.put(Chunk { stream, data });
            }
        }
        let pumping = Pumping { session: self.clone(), pid, id: exec.id, tag: launch.tag, killer, said };
        Ok((live, Box::pin(pumping.run(output, exec.input, end))))
    }
}

/// The pid, and what the program printed with it.
fn pid(line: &FirstLine) -> Result<(u32, Bytes)> {
    let at = line.stdout.iter().position(|byte| *byte == b'\n');
    let pid = at.and_then(|at| std::str::from_utf8(&line.stdout[..at]).ok()?.trim().parse().ok());
    match (pid, at) {
        (Some(pid), Some(at)) => Ok((pid, Bytes::copy_from_slice(&line.stdout[at + 1..]))),
        _ => {
            let said = String::from_utf8_lossy(&line.stderr).trim().to_owned();
            Err(Error::CannotRun { what: format!("the command could not be started: {said}") })
        }
    }
}

struct Pumping {
    session: ExecSession,
    pid: u32,
    id: String,
    tag: String,
    killer: Killer,
    said: Said,
}

impl Pumping {
    async fn run(mut self, output: ExecOutput, stdin: ExecInput, mut end: PumpEnd) -> Result<Exit> {
        let (to_stdin, input) = mpsc::unbounded_channel();
        let mut writing = pin!(write(stdin, input));
        let mut writes = true;
        let moved = {
            let mut moving = pin!(self.move_output(output, &mut end, to_stdin));
            loop {
                tokio::select! {
                    biased;
                    moved = &mut moving => break moved,
                    () = &mut writing, if writes => writes = false,
                }
            }
        };
        moved?;
        let code = self.session.code(DURING, &self.id, &self.tag).await?;
        self.killer.disarm();
        self.session.killed_by_itself(DURING, code).await?;
        Ok(Exit { code })
    }

    /// Until the output has ended. No more is read than the caller takes.
    async fn move_output(
        &mut self,
        mut output: ExecOutput,
        end: &mut PumpEnd,
        to_stdin: mpsc::UnboundedSender<Input>,
    ) -> Result<()> {
        let (mut held, mut to_stdin) = (true, Some(to_stdin));
        loop {
            tokio::select! {
                biased;
                order = end.orders.recv(), if held => match order {
                    Some(order) => self.obey(order, end, &mut to_stdin),
                    None => {
                        held = false;
                        end.drain();
                    }
                },
                chunk = output.next(), if end.untaken() < OUTPUT_WINDOW => {
                    let Some(chunk) = chunk.transpose().map_err(|error| self.session.broke(DURING, error))? else {
                        if let Some(chunk) = self.said.held_back() {
                            end.put(chunk);
                        }
                        return Ok(());
                    };
                    if let Some(chunk) = self.said.hear(chunk) {
                        end.put(chunk);
                    }
                },
            }
        }
    }

    fn obey(&self, order: Order, end: &mut PumpEnd, to_stdin: &mut Option<mpsc::UnboundedSender<Input>>) {
        match order {
            Order::Took(bytes) => _ = end.took(bytes),
            Order::Input(bytes, done) => {
                // One that is not taken any more tells its sender by being dropped.
                if let Some(stdin) = to_stdin {
                    _ = stdin.send((bytes, done));
                }
            }
            Order::EndInput => *to_stdin = None,
            Order::Signal(SIGKILL) => {
                end.drain();
                drop(self.killer.spawn(&tokio::runtime::Handle::current()));
            }
            Order::Signal(signal) => {
                // In a task of its own: the output goes on meanwhile.
                tokio::spawn(kill::signal(self.session.clone(), self.tag.clone(), signal, self.pid));
            }
            // There are no terminals here.
            Order::Resize(..) => {}
        }
    }
}

/// A process that does not read its input to the end closes it: that is its own affair.
async fn write(mut stdin: ExecInput, mut input: mpsc::UnboundedReceiver<Input>) {
    while let Some((bytes, done)) = input.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
        _ = done.send(());
    }
    _ = stdin.shutdown().await;
    // Held: dropping the connection's half before the output ends would cut it.
    std::future::pending::<()>().await;
}
