//! Runs a process in a sandbox under a clock, and makes the result. The clock is the host's own: an engine that
//! hangs or a container that is paused cannot outlive it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::output::{Collected, Collector, Kept, Takers};
use super::{CellValue, Sandbox, shell};
use crate::config::{Runtime, check_env, check_user};
use crate::error::{Error, Result};
use crate::session::{Chunk, Exit, Process};
use crate::stream_log::RunLog;

/// Where output goes as it arrives, cut at the ends of characters. Closing it stops the command.
pub type Sink = mpsc::Sender<Chunk>;

pub(super) const DEFAULT_MAX_OUTPUT: u64 = 256 * 1024 * 1024;
/// Chunks between session and taker; a slow taker slows the process.
const QUEUE: usize = 8;
/// How long a session may take to kill a process tree before the call answers without it.
pub(super) const KILL_GRACE: Duration = Duration::from_secs(2);
/// What `timeout(1)` exits with.
pub(super) const TIMED_OUT: i32 = 124;

#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    pub cwd: Option<String>,
    pub env: BTreeMap<String, String>,
    pub timeout_ms: Option<u64>,
    pub background: bool,
    pub user: Option<String>,
    pub stdin: Option<Bytes>,
    pub max_output_bytes: Option<u64>,
    pub cancel: CancellationToken,
}

#[derive(Debug, Clone, Default)]
pub struct RunResult {
    pub stdout: Bytes,
    pub stderr: Bytes,
    pub exit_code: i32,
    pub duration: Duration,
    /// Bytes of stdout and of stderr, when one of them passed the limit.
    pub truncated: Option<(u64, u64)>,
    pub timed_out: bool,
    pub background_pid: Option<u32>,
    /// Both streams in the order of arrival; of code only.
    pub output: Option<Bytes>,
    pub runtime: Option<Runtime>,
    /// The end of stderr, however little of it is kept; of code only.
    pub(super) complaint: Bytes,
    /// What the last expression came to; in a context only.
    pub value: Option<CellValue>,
}

impl Sandbox {
    /// `command` is shell text, each of `args` one word of it.
    pub async fn run_command(
        &self,
        command: &str,
        args: &[String],
        options: RunOptions,
        sink: Option<Sink>,
    ) -> Result<RunResult> {
        let line = shell::command_line(command, args);
        let argv = ["/bin/sh", "-c", &line].map(str::to_owned).to_vec();
        self.noted(self.run(argv, options, Wanted { sink, in_order: false }).await)
    }

    /// Remembers for `cleanup: 'onSuccess'` that a run did not succeed.
    pub(super) fn noted(&self, result: Result<RunResult>) -> Result<RunResult> {
        self.note_success(matches!(&result, Ok(result) if result.exit_code == 0));
        result
    }

    pub(super) fn note_success(&self, succeeded: bool) {
        if !succeeded {
            self.0.failed.store(true, Ordering::Release);
        }
    }

    pub(super) async fn run(
        &self,
        argv: Vec<String>,
        options: RunOptions,
        wanted: Wanted,
    ) -> Result<RunResult> {
        self.usable()?;
        check(&argv, &options)?;
        if options.cancel.is_cancelled() {
            return Err(Error::Aborted);
        }
        let begun = Instant::now();
        let env = self.environment(options.env.clone());
        let process = Process { argv, env, cwd: options.cwd.clone(), stdin: options.stdin.clone() };
        let result = match options.background {
            true => self.start(process, &options).await,
            false => self.to_the_end(process, &options, wanted).await,
        };
        result.map(|result| RunResult { duration: begun.elapsed(), ..result })
    }

    async fn start(&self, process: Process, options: &RunOptions) -> Result<RunResult> {
        let user = options.user.as_deref();
        let start = self.watched(async { self.0.sessions.get(user).await?.start(process).await });
        let pid = tokio::select! {
            pid = start => pid?,
            () = options.cancel.cancelled() => return Err(Error::Aborted),
        };
        Ok(RunResult { background_pid: Some(pid), ..RunResult::default() })
    }

    async fn to_the_end(&self, process: Process, options: &RunOptions, wanted: Wanted) -> Result<RunResult> {
        let kill = CancellationToken::new();
        let takers = Takers {
            keep: options.max_output_bytes.unwrap_or(DEFAULT_MAX_OUTPUT),
            in_order: wanted.in_order,
            sink: wanted.sink,
            log: self.0.shared.config.stream_logs.then(|| RunLog::new(self.id())),
        };
        let mut collector = Collector::new(takers);
        let (exit, timed_out) = self.under_clock(process, options, &kill, &mut collector).await;
        let collected = collector.finish().await;
        let exit = self.explained(exit).await?;
        Ok(result(collected, exit, timed_out))
    }

    /// The exit, and whether it was the clock that brought it about.
    async fn under_clock(
        &self,
        process: Process,
        options: &RunOptions,
        kill: &CancellationToken,
        collector: &mut Collector,
    ) -> (Result<Exit>, bool) {
        let timeout = Duration::from_millis(options.timeout_ms.unwrap_or(self.timeout_ms()));
        let running = self.collect(process, options.user.as_deref(), kill, collector);
        tokio::pin!(running);
        let timed_out = tokio::select! {
            biased;
            exit = &mut running => return (exit, false),
            () = options.cancel.cancelled() => false,
            () = tokio::time::sleep(timeout) => true,
        };
        kill.cancel();
        // An answer that comes too late, or none at all: the reason for the stop is the answer.
        _ = tokio::time::timeout(KILL_GRACE, running).await;
        let exit = if timed_out { Ok(Exit { code: TIMED_OUT }) } else { Err(Error::Aborted) };
        (exit, timed_out)
    }

    /// Runs the process and takes its output until both have ended.
    async fn collect(
        &self,
        process: Process,
        user: Option<&str>,
        kill: &CancellationToken,
        collector: &mut Collector,
    ) -> Result<Exit> {
        let session = self.0.sessions.get(user).await?;
        let (output, mut arriving) = mpsc::channel(QUEUE);
        let run = async {
            let exit = session.run(process, kill, &output).await;
            drop(output);
            exit
        };
        let take = async {
            let mut wanted = true;
            while let Some(chunk) = arriving.recv().await {
                // Once the callbacks want no more, the rest is drained, so that the killed process can end.
                if wanted && collector.take(chunk).await.is_err() {
                    wanted = false;
                    kill.cancel();
                }
            }
        };
        tokio::join!(run, take).0
    }
}

/// Who wants a run's output, and how.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) sink: Option<Sink>,
    pub(super) in_order: bool,
}

pub(super) fn result(collected: Collected, exit: Exit, timed_out: bool) -> RunResult {
    let Collected { stdout, stderr, both, complaint } = collected;
    let truncated = (stdout.is_truncated() || stderr.is_truncated()).then_some((stdout.total, stderr.total));
    RunResult {
        stdout: stdout.into_bytes(),
        stderr: stderr.into_bytes(),
        exit_code: exit.code,
        truncated,
        timed_out,
        output: both.map(Kept::into_bytes),
        complaint,
        ..RunResult::default()
    }
}

pub(super) fn check(argv: &[String], options: &RunOptions) -> Result<()> {
    let refuse = |path: &str, problem: &str| {
        Err(Error::InvalidConfig { path: path.to_owned(), problem: problem.to_owned() })
    };
    if argv.iter().any(|word| word.contains('\0')) {
        return refuse("command", "a command must not hold a NUL byte");
    }
    if options.cwd.as_deref().is_some_and(|cwd| cwd.is_empty() || cwd.contains('\0')) {
        return refuse("options.cwd", "expected a path without NUL bytes, and not an empty one");
    }
    if let Some(user) = &options.user {
        check_user("options.user", user)?;
    }
    check_env("options.env", &options.env)
}
