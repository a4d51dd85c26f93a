//! Processes by their pid: all of the sandbox, and background commands, whoever started them.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use computesdk_docker_protocol::OUTPUT_WINDOW;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::live::{Clock, LiveProcess, Supervised, Then};
use super::{LiveEnd, Sandbox};
use crate::error::{Error, Result};
use crate::session::live::{self, Order, PumpEnd};
use crate::session::processes::ProcessInfo;
use crate::session::{Exit, LogReading, Session, Stream};

/// Chunks of a log on their way.
const QUEUE: usize = 8;

/// Who sees and may end every process of a sandbox.
const ROOT: &str = "0";

impl Sandbox {
    pub async fn list_processes(&self) -> Result<Vec<ProcessInfo>> {
        self.usable()?;
        self.watched(async { self.0.sessions.get(None).await?.list_processes().await }).await
    }

    /// Sends a signal to a process and all that descends from it.
    pub async fn kill_process(&self, pid: u32, signal: i32) -> Result<()> {
        self.usable()?;
        self.watched(self.as_user_or_root(|session| async move { session.kill_process(pid, signal).await }))
            .await
    }

    /// The end of a background command.
    pub async fn wait_process(&self, pid: u32) -> Result<LiveEnd> {
        self.usable()?;
        let begun = Instant::now();
        let exit = self
            .watched(self.as_user_or_root(|session| async move { session.wait_process(pid).await }))
            .await?;
        Ok(LiveEnd { exit_code: exit.code, duration: begun.elapsed(), timed_out: false })
    }

    /// What is kept of the two streams of a background command.
    pub async fn read_log(&self, pid: u32) -> Result<(Bytes, Bytes)> {
        self.usable()?;
        self.watched(self.as_user_or_root(|session| async move { whole_log(&session, pid).await })).await
    }

    /// The streams of a background command: what is kept of them, and what comes. Cancelling lets go of it.
    pub async fn connect(&self, pid: u32, cancel: CancellationToken) -> Result<LiveProcess> {
        self.usable()?;
        // Also finds out whether there is such a command, and as whom it is to be asked for.
        let look = self.as_user_or_root(|session| async move {
            let (output, unread) = mpsc::channel(1);
            drop(unread);
            session.read_log(pid, LogReading::WhatIsThere, &output).await.map(|()| session)
        });
        let session = self.watched(look).await?;
        let (live, end) = live::pair(pid);
        let attached = Attached { session: Arc::clone(&session), pid, end };
        let clock = Clock { begun: Instant::now(), timeout: None, cancel, then: Then::LetGo };
        let pump = Box::pin(attached.pump());
        Ok(self.look_after(live, Supervised { sandbox: self.clone(), _session: session, pump, clock }))
    }

    /// As the sandbox's own user; as root what that one may not, or does not see.
    async fn as_user_or_root<T, F>(&self, call: impl Fn(Arc<Session>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let own = self.0.sessions.get(None).await?;
        let refused = match call(own).await {
            Err(error @ (Error::NoSuchProcess { .. } | Error::System { code: "EPERM", .. })) => error,
            answer => return answer,
        };
        match self.0.sessions.get(Some(ROOT)).await {
            Ok(root) => call(root).await,
            Err(_) => Err(refused),
        }
    }
}

async fn whole_log(session: &Session, pid: u32) -> Result<(Bytes, Bytes)> {
    let (output, mut arriving) = mpsc::channel(QUEUE);
    let read = async {
        let read = session.read_log(pid, LogReading::WhatIsThere, &output).await;
        drop(output);
        read
    };
    let keep = async {
        let (mut stdout, mut stderr) = (BytesMut::new(), BytesMut::new());
        while let Some(chunk) = arriving.recv().await {
            match chunk.stream {
                Stream::Stdout => stdout.extend_from_slice(&chunk.data),
                Stream::Stderr => stderr.extend_from_slice(&chunk.data),
            }
        }
        (stdout.freeze(), stderr.freeze())
    };
    let (read, kept) = tokio::join!(read, keep);
    read.map(|()| kept)
}

/// A background command that is followed. Dropped, it lets go; the command runs on.
struct Attached {
    session: Arc<Session>,
    pid: u32,
    end: PumpEnd,
}

impl Attached {
    async fn pump(mut self) -> Result<Exit> {
        let session = Arc::clone(&self.session);
        let (output, mut arriving) = mpsc::channel(QUEUE);
        let mut reading = std::pin::pin!(session.read_log(self.pid, LogReading::Follow, &output));
        let (mut read, mut held) = (None, true);
        while read.is_none() || !arriving.is_empty() {
            tokio::select! {
                biased;
                order = self.end.orders.recv(), if held => match order {
                    Some(order) => self.obey(&order),
                    None => {
                        held = false;
                        self.end.drain();
                    }
                },
                Some(chunk) = arriving.recv(), if self.end.untaken() < OUTPUT_WINDOW => {
                    self.end.put(chunk);
                }
                done = &mut reading, if read.is_none() => {
                    read = Some(done);
                }
            }
        }
        read.unwrap_or(Ok(()))?;
        session.wait_process(self.pid).await
    }

    fn obey(&mut self, order: &Order) {
        match order {
            Order::Took(bytes) => _ = self.end.took(*bytes),
            Order::Signal(signal) => {
                let (session, pid, signal) = (Arc::clone(&self.session), self.pid, *signal);
                // What has ended meanwhile needs no signal.
                tokio::spawn(async move { session.kill_process(pid, signal).await });
            }
            // It has neither; who writes hears of that by the dropped sender.
            Order::Input(..) | Order::EndInput | Order::Resize(..) => {}
        }
    }
}
