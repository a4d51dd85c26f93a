//! Code contexts: an interpreter that stays, so that one run finds what another left. A driver in the interpreter's own
//! language runs cell after cell; its streams are those of a live process, with a mark at the end of each cell.

mod kernel;
mod marked;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard};

use self::kernel::{Answer, Kernel};
use super::Sandbox;
use super::output::{Collector, Takers};
use super::run::{DEFAULT_MAX_OUTPUT, RunOptions, RunResult, Sink, TIMED_OUT, result};
use crate::config::Runtime;
use crate::error::{Error, Result};
use crate::session::Exit;
use crate::stream_log::RunLog;

/// How long code may take to notice that it is interrupted before its interpreter is given up.
const INTERRUPT_GRACE: Duration = Duration::from_secs(3);

/// What the last expression of a cell came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub struct CellValue {
    pub text: String,
    pub html: Option<String>,
    /// Base64.
    pub png: Option<String>,
}

#[derive(Debug, Clone)]
pub struct CodeContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sandbox: Sandbox,
    runtime: Runtime,
    options: RunOptions,
    /// `None`: to be started anew. Locked by the run that has its turn; the others queue up.
    kernel: Arc<Mutex<Option<Kernel>>>,
    removed: AtomicBool,
}

impl Sandbox {
    /// Starts the interpreter of the named runtime, else of the sandbox's own. `options`: its folder, environment and user.
    pub async fn create_context(&self, runtime: Option<&str>, options: RunOptions) -> Result<CodeContext> {
        self.usable()?;
        let runtime = self.runtime_or_own(runtime)?;
        let kernel = Arc::new(Mutex::new(Some(Kernel::start(self, runtime, &options).await?)));
        let removed = AtomicBool::new(false);
        Ok(CodeContext(Arc::new(Inner { sandbox: self.clone(), runtime, options, kernel, removed })))
    }
}

impl CodeContext {
    pub fn runtime(&self) -> Runtime {
        self.0.runtime
    }

    /// A place in the queue of runs, in the order of the calls.
    pub fn queue_up(&self) -> Turn {
        let mut waiting = Box::pin(Arc::clone(&self.0.kernel).lock_owned());
        // The first poll takes the place; the waker is the run's own, later.
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(slot) => Turn(Box::pin(std::future::ready(slot))),
            Poll::Pending => Turn(waiting),
        }
    }

    /// Runs one cell. Timeout and abort interrupt it; the context stays as it is then, unless the code does not listen.
    pub async fn run(
        &self,
        turn: Turn,
        code: &str,
        options: RunOptions,
        sink: Option<Sink>,
    ) -> Result<RunResult> {
        check(&options)?;
        let sandbox = &self.0.sandbox;
        sandbox.usable()?;
        let mut slot = tokio::select! {
            biased;
            () = options.cancel.cancelled() => return Err(Error::Aborted),
            slot = turn.0 => slot,
        };
        self.not_removed()?;
        let begun = Instant::now();
        let mut kernel = match slot.take() {
            Some(kernel) => kernel,
            None => Kernel::start(sandbox, self.0.runtime, &self.0.options).await?,
        };
        let (result, survives) = self.turn(&mut kernel, code, &options, sink).await;
        *slot = survives.then_some(kernel);
        drop(slot);
        let result = result.map(|result| RunResult { duration: begun.elapsed(), ..result });
        sandbox.noted(result)
    }

    /// The result, and whether the interpreter can go on.
    async fn turn(
        &self,
        kernel: &mut Kernel,
        code: &str,
        options: &RunOptions,
        sink: Option<Sink>,
    ) -> (Result<RunResult>, bool) {
        let sandbox = &self.0.sandbox;
        let takers = Takers {
            keep: options.max_output_bytes.unwrap_or(DEFAULT_MAX_OUTPUT),
            in_order: true,
            sink,
            log: sandbox.0.shared.config.stream_logs.then(|| RunLog::new(sandbox.id())),
        };
        let mut collector = Collector::new(takers);
        let (outcome, survives) = self.under_clock(kernel, code, options, &mut collector).await;
        let collected = collector.finish().await;
        let result = outcome.and_then(|outcome| match outcome.answer {
            Answer { syntax: Some(message), .. } => Err(Error::Syntax { message }),
            Answer { exit_code, value, .. } => Ok(RunResult {
                runtime: Some(self.0.runtime),
                value,
                ..result(collected, Exit { code: exit_code }, outcome.timed_out)
            }),
        });
        (result, survives)
    }

    async fn under_clock(
        &self,
        kernel: &mut Kernel,
        code: &str,
        options: &RunOptions,
        collector: &mut Collector,
    ) -> (Result<Outcome>, bool) {
        let timeout = Duration::from_millis(options.timeout_ms.unwrap_or(self.0.sandbox.0.facts.timeout_ms));
        let interrupt = kernel.interrupter();
        let mut cell = std::pin::pin!(kernel.cell(code, collector));
        let timed_out = tokio::select! {
            biased;
            ended = &mut cell => return match ended {
                Ok(ended) => (Ok(Outcome { answer: ended.answer, timed_out: false }), ended.survives),
                Err(error) => (Err(error), false),
            },
            () = options.cancel.cancelled() => false,
            () = tokio::time::sleep(timeout) => true,
        };
        interrupt.send();
        let ended = tokio::time::timeout(INTERRUPT_GRACE, cell).await;
        let survives = matches!(ended, Ok(Ok(ended)) if ended.survives);
        let answer = Answer { exit_code: TIMED_OUT, ..Answer::default() };
        (if timed_out { Ok(Outcome { answer, timed_out }) } else { Err(Error::Aborted) }, survives)
    }

    /// Forgets all that runs have left. What runs now is ended.
    pub async fn restart(&self) -> Result<()> {
        self.0.sandbox.usable()?;
        self.not_removed()?;
        let fresh = Kernel::start(&self.0.sandbox, self.0.runtime, &self.0.options).await?;
        *self.0.kernel.lock().await = Some(fresh);
        Ok(())
    }

    /// Ends the interpreter; safe to call twice.
    pub async fn remove(&self) {
        self.0.removed.store(true, Ordering::Release);
        *self.0.kernel.lock().await = None;
    }

    fn not_removed(&self) -> Result<()> {
        if self.0.removed.load(Ordering::Acquire) {
            return Err(Error::CannotRun { what: "the code context was removed: create another".to_owned() });
        }
        Ok(())
    }
}

/// A run's place in the queue of its context.
pub struct Turn(Pin<Box<dyn Future<Output = OwnedMutexGuard<Option<Kernel>>> + Send>>);

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

struct Outcome {
    answer: Answer,
    timed_out: bool,
}

/// What the interpreter was started with cannot be changed for a cell.
fn check(options: &RunOptions) -> Result<()> {
    let given = [
        ("background", options.background),
        ("cwd", options.cwd.is_some()),
        ("env", !options.env.is_empty()),
        ("user", options.user.is_some()),
        ("stdin", options.stdin.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Error::InvalidConfig {
            path: format!("options.{name}"),
            problem: "cannot be given for a run in a context: give it to createCodeContext".to_owned(),
        }),
        None => Ok(()),
    }
}
