//! Processes whose streams the caller holds: `spawn` and terminals. The clock and the end are this layer's; a task of
//! its own moves the streams, and ends with the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::run::{KILL_GRACE, RunOptions, TIMED_OUT, check};
use super::{Sandbox, shell};
use crate::error::{Error, Result};
use crate::session::live::{Live, Pump, SIGINT, SIGKILL, Screen};
use crate::session::{Exit, Process, Session, Stream};
use crate::stream_log::RunLog;

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub struct LiveEnd {
    pub exit_code: i32,
    pub duration: Duration,
    pub timed_out: bool,
}

/// A running process. Dropped, it runs on with the sandbox's connection, and its output is let go.
#[derive(Debug)]
pub struct LiveProcess {
    live: Arc<Live>,
    end: Arc<End>,
    /// One for each stream: the streams are read side by side.
    logs: [Mutex<Option<RunLog>>; 2],
}

/// What the task leaves when the process has ended.
#[derive(Debug, Default)]
struct End {
    outcome: Mutex<Option<Result<LiveEnd>>>,
    /// Why the streams broke off.
    loss: Mutex<Option<(String, String, String)>>,
    settled: CancellationToken,
}

/// The shells of a terminal for which none is named, the best first.
const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];

impl Sandbox {
    /// With `args` a program with its arguments, without any a text for `/bin/sh`.
    pub async fn spawn(
        &self,
        command: &str,
        args: Option<&[String]>,
        options: RunOptions,
    ) -> Result<LiveProcess> {
        let argv = match args {
            Some(args) => [&[command.to_owned()], args].concat(),
            None => ["/bin/sh", "-c", &shell::command_line(command, &[])].map(str::to_owned).to_vec(),
        };
        self.live(argv, options, None).await
    }

    /// `shell`: a program that is looked up as a command's is.
    pub async fn open_terminal(
        &self,
        shell: Option<&str>,
        screen: Screen,
        options: RunOptions,
    ) -> Result<LiveProcess> {
        let mut shells = shell.map_or(SHELLS.to_vec(), |shell| vec![shell]).into_iter().peekable();
        while let Some(shell) = shells.next() {
            match self.live(vec![shell.to_owned()], options.clone(), Some(screen.clone())).await {
                Err(Error::System { code: "ENOENT", syscall: "execve", .. } | Error::CannotRun { .. })
                    if shells.peek().is_some() => {}
                opened => return opened,
            }
        }
        Err(Error::CannotRun { what: "there is no shell".to_owned() })
    }

    pub(super) async fn live(
        &self,
        argv: Vec<String>,
        options: RunOptions,
        screen: Option<Screen>,
    ) -> Result<LiveProcess> {
        self.usable()?;
        check(&argv, &options)?;
        if options.cancel.is_cancelled() {
            return Err(Error::Aborted);
        }
        let begun = Instant::now();
        let env = self.environment(options.env);
        let process = Process { argv, env, cwd: options.cwd, stdin: None };
        let start = self.watched(async {
            let session = self.0.sessions.get(options.user.as_deref()).await?;
            let started = session.spawn(process, screen).await?;
            Ok((session, started))
        });
        let (session, (live, pump)) = tokio::select! {
            started = start => started?,
            () = options.cancel.cancelled() => return Err(Error::Aborted),
        };
        let timeout = options.timeout_ms.map(Duration::from_millis);
        let clock = Clock { then: Then::Kill, begun, timeout, cancel: options.cancel };
        Ok(self.look_after(live, Supervised { sandbox: self.clone(), _session: session, pump, clock }))
    }

    /// Has a task move the streams of what was started.
    pub(super) fn look_after(&self, live: Live, supervised: Supervised) -> LiveProcess {
        let (live, end) = (Arc::new(live), Arc::new(End::default()));
        // The pump must learn when the caller drops his end: the task knows it only for as long as he does.
        tokio::spawn(supervised.supervise(Arc::downgrade(&live), Arc::clone(&end)));
        let log = || Mutex::new(self.0.shared.config.stream_logs.then(|| RunLog::new(self.id())));
        LiveProcess { live, end, logs: [log(), log()] }
    }
}

/// What becomes of a process when its handle is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Kill,
    LetGo,
}

/// What ends a process, or the hold on it, before it ends by itself.
pub(super) struct Clock {
    pub(super) then: Then,
    pub(super) begun: Instant,
    pub(super) timeout: Option<Duration>,
    pub(super) cancel: CancellationToken,
}

pub(super) struct Supervised {
    pub(super) sandbox: Sandbox,
    /// Dropping the last holder of a session ends what runs in it.
    pub(super) _session: Arc<Session>,
    pub(super) pump: Pump,
    pub(super) clock: Clock,
}

impl Supervised {
    async fn supervise(self, live: std::sync::Weak<Live>, end: Arc<End>) {
        let Self { sandbox, _session, mut pump, clock } = self;
        let begun = clock.begun;
        let never = Duration::from_secs(u64::from(u32::MAX));
        let timed_out = tokio::select! {
            biased;
            exit = &mut pump => {
                let exit = sandbox.explained(exit).await;
                return end.settle(exit.map(|exit| (exit, false)), begun, &sandbox);
            }
            () = clock.cancel.cancelled() => false,
            () = tokio::time::sleep(clock.timeout.unwrap_or(never)) => true,
        };
        if let Some(live) = live.upgrade().filter(|_| clock.then == Then::Kill) {
            live.signal(SIGKILL);
            drop(live);
            // An answer that comes too late, or none at all: the reason for the stop is the answer.
            _ = tokio::time::timeout(KILL_GRACE, pump).await;
        }
        let outcome = if timed_out { Ok((Exit { code: TIMED_OUT }, true)) } else { Err(Error::Aborted) };
        end.settle(outcome, begun, &sandbox);
    }
}

impl End {
    fn settle(&self, outcome: Result<(Exit, bool)>, begun: Instant, sandbox: &Sandbox) {
        if let Err(Error::SessionLost { id, during, reason }) = &outcome {
            *lock(&self.loss) = Some((id.clone(), during.clone(), reason.clone()));
        }
        let outcome = outcome.map(|(exit, timed_out)| LiveEnd {
            exit_code: exit.code,
            duration: begun.elapsed(),
            timed_out,
        });
        sandbox.note_success(matches!(&outcome, Ok(end) if end.exit_code == 0));
        *lock(&self.outcome) = Some(outcome);
        self.settled.cancel();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Interrupts a process as Ctrl-C does, if it is still held.
pub(super) struct Interrupter(std::sync::Weak<Live>);

impl Interrupter {
    pub(super) fn send(&self) {
        if let Some(live) = self.0.upgrade() {
            live.signal(SIGINT);
        }
    }
}

impl LiveProcess {
    pub(super) fn interrupter(&self) -> Interrupter {
        Interrupter(Arc::downgrade(&self.live))
    }

    /// Its streams are not for the live log as they are.
    pub(super) fn unlogged(self) -> Self {
        for log in &self.logs {
            *lock(log) = None;
        }
        self
    }

    pub fn pid(&self) -> u32 {
        self.live.pid
    }

    /// The next bytes of a stream, `None` at its end.
    pub async fn read(&self, stream: Stream) -> Result<Option<Bytes>> {
        let log = &self.logs[usize::from(stream == Stream::Stderr)];
        let bytes = self.live.read(stream).await;
        // Taken out while it writes: no lock is held meanwhile, and a stream has one reader.
        let mut writing = lock(log).take();
        if let Some(log) = &mut writing {
            match &bytes {
                Some(bytes) => log.write(stream, bytes).await,
                None => log.finish().await,
            }
        }
        *lock(log) = writing;
        if bytes.is_none() {
            self.end.settled.cancelled().await;
            if let Some((id, during, reason)) = lock(&self.end.loss).clone() {
                return Err(Error::SessionLost { id, during, reason });
            }
        }
        Ok(bytes)
    }

    /// Nobody wants the rest of a stream: it no longer holds the process up.
    pub fn discard(&self, stream: Stream) {
        self.live.discard(stream);
    }

    /// Answers when all of it is on its way to the process.
    pub async fn write(&self, bytes: Bytes) -> Result<()> {
        self.live.write(bytes).await
    }

    pub fn end_input(&self) {
        self.live.end_input();
    }

    /// To the whole process tree; false when the process has ended.
    pub fn signal(&self, signal: i32) -> bool {
        self.live.signal(signal)
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        self.live.resize(cols, rows);
    }

    /// The end, for the first who asks.
    pub async fn wait(&self) -> Result<LiveEnd> {
        self.end.settled.cancelled().await;
        let outcome = lock(&self.end.outcome).take();
        outcome.unwrap_or_else(|| Err(Error::CannotRun { what: "the end was told already".to_owned() }))
    }
}
