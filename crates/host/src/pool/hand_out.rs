//! How a member becomes its user's: at once for him, and behind his back for everybody else. First its name stops saying
//! that it waits, then its first process hears that it left. Should the host die in between, it goes by itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::random;
use crate::create::CreateOptions;
use crate::error::{Error, Result};
use crate::provider::Shared;
use crate::sandbox::Sandbox;

/// The signal by which PID 1 hears that it has left the pool, where the agent cannot tell it.
const SIGNAL: i32 = 64;
/// Waits before each attempt: an engine that restarts is soon there again.
const ATTEMPTS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];
/// How long the agent may take; in a container that is paused it takes for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// By id. Labels cannot change, so only this process knows, and all of its providers do.
static HANDED_OUT: LazyLock<Mutex<HashMap<String, Arc<HandedOut>>>> = LazyLock::new(Mutex::default);

/// What a member was handed out with.
#[derive(Debug)]
pub(crate) struct HandedOut {
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) envs: BTreeMap<String, String>,
    /// The sandbox is to end: nobody need know any more.
    ended: CancellationToken,
    /// Docker knows as well, or never will.
    settled: CancellationToken,
}

impl HandedOut {
    fn new(options: &CreateOptions) -> Self {
        Self {
            timeout_ms: options.timeout.map(|timeout| timeout.0.unsigned_abs()),
            envs: options.envs.clone(),
            ended: CancellationToken::new(),
            settled: CancellationToken::new(),
        }
    }

    pub(crate) async fn settled(&self) {
        self.settled.cancelled().await;
    }

    /// Before its container is removed.
    pub(crate) async fn end(&self) {
        self.ended.cancel();
        self.settled().await;
    }
}

/// What a member was handed out with, until it is known to have ended.
pub(crate) fn handed_out(id: &str) -> Option<Arc<HandedOut>> {
    all().get(id).cloned()
}

/// It has ended.
pub(crate) fn forget(id: &str) {
    all().remove(id);
}

fn all() -> MutexGuard<'static, HashMap<String, Arc<HandedOut>>> {
    HANDED_OUT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a member has its new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Already,
    Not,
}

/// Gives it to the caller with these options.
pub(super) fn hand_out(shared: &Arc<Shared>, sandbox: &Sandbox, options: &CreateOptions, named: Named) {
    let Some(pool) = &shared.pool else { return };
    let handed_out = Arc::new(HandedOut::new(options));
    sandbox.hand_out(Arc::clone(&handed_out));
    all().insert(sandbox.id().to_owned(), Arc::clone(&handed_out));
    pool.state().handed_out.push(sandbox.id().to_owned());
    let name = (named == Named::Not).then(|| format!("computesdk-{}", random()));
    let (shared, sandbox) = (Arc::clone(shared), sandbox.clone());
    tokio::spawn(async move {
        Leaving { shared: &shared, sandbox: &sandbox, ended: &handed_out.ended, name }.leave().await;
        handed_out.settled.cancel();
    });
}

struct Leaving<'a> {
    shared: &'a Shared,
    sandbox: &'a Sandbox,
    ended: &'a CancellationToken,
    /// What it is to be called yet.
    name: Option<String>,
}

impl Leaving<'_> {
    async fn leave(mut self) {
        for wait in ATTEMPTS {
            let turn = self.unless_ended(async {
                tokio::time::sleep(wait).await;
                // The first commands of a burst come before its names.
                self.shared.pool.as_ref()?.leaving.acquire().await.ok()
            });
            let Some(Some(_turn)) = turn.await else { return };
            if matches!(self.attempt().await, Ok(()) | Err(Error::SandboxNotFound { .. })) {
                return;
            }
        }
    }

    async fn attempt(&mut self) -> Result<()> {
        // Not to be dropped half-way: the engine would go on with it, and fails to remove what it is naming.
        if let Some(name) = &self.name {
            self.shared.engine.rename_container(self.sandbox.id(), name).await?;
            self.name = None;
        }
        self.unless_ended(tell(self.shared, self.sandbox)).await.unwrap_or(Ok(()))
    }

    async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.ended.run_until_cancelled(work).await
    }
}

/// By the session that is open: quicker than by the engine, which would start a program for that.
async fn tell(shared: &Shared, sandbox: &Sandbox) -> Result<()> {
    match tokio::time::timeout(PATIENCE, sandbox.tell_handed_out()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error @ Error::SandboxNotFound { .. })) => Err(error),
        _ => shared.engine.signal_container(sandbox.id(), SIGNAL).await,
    }
}
