//! Live processes over the agent.

use std::collections::VecDeque;

use bytes::Bytes;
use computesdk_docker_protocol::{INPUT_WINDOW, Run, Spawn, Terminal, TerminalSize, ToAgent, ToHost};
use tokio::sync::oneshot;

use super::AgentSession;
use super::call::{Call, Portion};
use super::kind::Kind;
use super::process::not_started;
use crate::error::Result;
use crate::session::live::{self, Live, Order, Pump, PumpEnd, SIGKILL, Screen};
use crate::session::{Chunk, Exit, Process, Stream, system};

impl AgentSession {
    /// Dropping the pump kills the process.
    pub async fn spawn(&self, process: Process, screen: Option<Screen>) -> Result<(Live, Pump)> {
        let Process { argv, env, cwd, .. } = process;
        let run = Run { argv, env, cwd, stdin: true, background: false };
        let terminal = screen.map(|screen| Terminal {
            size: TerminalSize { cols: screen.cols, rows: screen.rows },
            defaults: screen.defaults,
        });
        let spawn = ToAgent::Spawn(Spawn { run, terminal });
        let mut call = self.requests.begin(Kind::Spawn, &spawn, &Portion::none())?;
        match call.next().await? {
            ToHost::Started(started) => {
                let (live, end) = live::pair(started.pid);
                let pumping = Pumping { call, end, input: VecDeque::new(), room: INPUT_WINDOW };
                Ok((live, Box::pin(pumping.run())))
            }
            ToHost::Failed(failed) => Err(not_started(&failed)),
            // Not let through as the first answer.
            _ => Err(self.requests.lost(Kind::Spawn, "the agent did not start it")),
        }
    }
}

struct Pumping {
    call: Call,
    end: PumpEnd,
    input: VecDeque<Input>,
    /// Bytes of input that the agent takes now.
    room: usize,
}

enum Input {
    Bytes(Bytes, oneshot::Sender<()>),
    End,
}

impl Pumping {
    async fn run(mut self) -> Result<Exit> {
        let mut held = true;
        loop {
            tokio::select! {
                biased;
                // First: a process that floods must not keep itself from being killed.
                order = self.end.orders.recv(), if held => match order {
                    Some(order) => self.obey(order),
                    None => {
                        held = false;
                        self.let_go();
                    }
                },
                answer = self.call.next() => match answer? {
                    ToHost::Stdout(data) => self.pass_on(Stream::Stdout, data),
                    ToHost::Stderr(data) => self.pass_on(Stream::Stderr, data),
                    ToHost::Credit(bytes) => {
                        self.room += bytes as usize;
                        self.feed();
                    }
                    ToHost::Exited(exited) => return Ok(Exit { code: system::exit_code(exited) }),
                    ToHost::Failed(failed) => return Err(system::refused(&failed)),
                    // Not let through for this kind of request.
                    _ => {}
                },
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Took(bytes) => {
                let news = self.end.took(bytes);
                self.call.took(news);
            }
            Order::Input(bytes, done) => {
                self.input.push_back(Input::Bytes(bytes, done));
                self.feed();
            }
            Order::EndInput => {
                self.input.push_back(Input::End);
                self.feed();
            }
            Order::Signal(SIGKILL) => {
                self.call.kill();
                self.let_go();
            }
            Order::Signal(signal) => self.call.tell(&ToAgent::Signal(signal)),
            Order::Resize(cols, rows) => self.call.tell(&ToAgent::Resize(TerminalSize { cols, rows })),
        }
    }

    fn let_go(&mut self) {
        let waited = self.end.drain();
        self.call.took(waited);
    }

    fn pass_on(&mut self, stream: Stream, data: Vec<u8>) {
        let taken = self.end.put(Chunk { stream, data: Bytes::from(data) });
        self.call.took(taken);
    }

    /// Sends what input there is room for.
    fn feed(&mut self) {
        while let Some(next) = self.input.pop_front() {
            match next {
                Input::End => self.call.feed(&Portion::end_of_stdin()),
                Input::Bytes(mut bytes, done) => {
                    let now = bytes.split_to(bytes.len().min(self.room));
                    self.room -= now.len();
                    if !now.is_empty() {
                        self.call.feed(&Portion::stdin(now));
                    }
                    if !bytes.is_empty() {
                        self.input.push_front(Input::Bytes(bytes, done));
                        return;
                    }
                    // Who wrote it may have gone.
                    _ = done.send(());
                }
            }
        }
    }
}
