//! One sandbox: its calls, its sessions, its end. Its state lives in Docker (labels, name); here are only
//! connections, and what this process knows of the runs it made.

mod bulk;
mod channel;
mod code;
mod context;
mod download;
mod facts;
mod files;
mod info;
mod lifetime;
mod live;
mod live_files;
mod local;
mod metrics;
mod output;
mod ports;
mod processes;
mod run;
mod sessions;
mod shell;
mod syntax;
mod text;
mod transfer;
mod trees;
mod upload;
mod url;
mod watch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

pub use context::{CellValue, CodeContext};
pub use files::Listed;
pub use info::{SandboxInfo, Status};
pub use live::{LiveEnd, LiveProcess};
pub use live_files::{FileWatch, ReadStream, WriteStream};
pub use metrics::Metrics;
pub use run::{RunOptions, RunResult, Sink};
pub use transfer::{Transfer, Transferred};

pub(crate) use facts::Facts;

use self::metrics::Meter;
use self::sessions::Sessions;
use crate::config::{Cleanup, Runtime};
use crate::docker::Engine;
use crate::error::{Error, Result};
use crate::pool::{self, HandedOut};
use crate::provider::Shared;

/// Seconds between TERM and KILL for a container that `destroy()` keeps.
const STOP_GRACE: u32 = 2;

#[derive(Debug, Clone)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    facts: Facts,
    sessions: Sessions,
    /// `destroy()` was called: every later call says that the sandbox does not exist.
    destroyed: AtomicBool,
    /// A run ended with another exit code than 0: `cleanup: 'onSuccess'` keeps the container.
    failed: AtomicBool,
    meter: Meter,
    archives: bulk::Turns,
    /// What a pool's sandbox was handed out with.
    handed_out: OnceLock<Arc<HandedOut>>,
}

#[derive(Debug)]
pub(crate) struct WeakSandbox(Weak<Inner>);

impl WeakSandbox {
    pub(crate) fn upgrade(&self) -> Option<Sandbox> {
        self.0.upgrade().map(Sandbox)
    }
}

impl Sandbox {
    pub(crate) fn new(shared: Arc<Shared>, facts: Facts) -> Self {
        let sessions = Sessions::new(shared.engine.clone(), &facts, shared.config.session);
        let destroyed = AtomicBool::new(false);
        Self(Arc::new(Inner {
            shared,
            facts,
            sessions,
            destroyed,
            failed: AtomicBool::new(false),
            meter: Meter::default(),
            archives: bulk::Turns::default(),
            handed_out: OnceLock::new(),
        }))
    }

    pub(crate) fn downgrade(&self) -> WeakSandbox {
        WeakSandbox(Arc::downgrade(&self.0))
    }

    /// The full container id.
    pub fn id(&self) -> &str {
        &self.0.facts.id
    }

    pub fn runtime(&self) -> Option<Runtime> {
        self.0.facts.runtime
    }

    pub fn image(&self) -> &str {
        &self.0.facts.image
    }

    /// Milliseconds since 1970.
    pub fn created_ms(&self) -> i64 {
        self.0.facts.created_ms
    }

    /// Ends the sandbox as `cleanup` says; safe to call twice.
    pub async fn destroy(&self) -> Result<()> {
        let kept = match self.0.shared.config.cleanup {
            Cleanup::Always => false,
            Cleanup::OnSuccess => self.0.failed.load(Ordering::Acquire),
            Cleanup::Never => true,
        };
        self.end(kept).await
    }

    /// Removes the container, whatever `cleanup` says: the caller never got to see this sandbox.
    pub(crate) async fn discard(&self) -> Result<()> {
        self.end(false).await
    }

    async fn end(&self, kept: bool) -> Result<()> {
        if self.0.destroyed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        if let Some(handed_out) = self.0.handed_out.get() {
            handed_out.end().await;
        }
        let ended = match kept {
            true => self.engine().stop_container(self.id(), STOP_GRACE).await,
            false => self.engine().remove_container(self.id()).await,
        };
        // What failed may be tried again.
        self.0.destroyed.store(ended.is_ok(), Ordering::Release);
        if ended.is_ok() {
            self.0.sessions.close();
            pool::forget(self.id());
        }
        ended
    }

    /// Freezes every process in it; safe to call twice. Commands that run wait, new ones are refused.
    pub async fn pause(&self) -> Result<()> {
        self.usable()?;
        self.settled().await;
        self.engine().pause_container(self.id()).await
    }

    /// Lets a frozen sandbox go on; one that is not frozen does anyway.
    pub async fn resume(&self) -> Result<()> {
        self.usable()?;
        self.engine().unpause_container(self.id()).await
    }

    /// Leaves its pool.
    pub(crate) fn hand_out(&self, with: Arc<HandedOut>) {
        // Nobody else has it, so nothing has been set.
        _ = self.0.handed_out.set(with);
    }

    /// Has the agent tell the first process that it has left its pool.
    pub(crate) async fn tell_handed_out(&self) -> Result<()> {
        let session = self.0.sessions.get(None).await?;
        match session.agent() {
            Some(agent) => agent.hand_out().await,
            None => Err(Error::CannotRun { what: "there is no agent to tell".to_owned() }),
        }
    }

    /// Until Docker and the first process know that it was handed out, which takes some milliseconds.
    async fn settled(&self) {
        if let Some(handed_out) = self.0.handed_out.get() {
            handed_out.settled().await;
        }
    }

    fn timeout_ms(&self) -> u64 {
        self.0.handed_out.get().and_then(|it| it.timeout_ms).unwrap_or(self.0.facts.timeout_ms)
    }

    /// What its container lacks of the environment: a running one takes no more.
    pub(crate) fn envs(&self) -> Option<&BTreeMap<String, String>> {
        self.0.handed_out.get().map(|handed_out| &handed_out.envs)
    }

    /// The environment of a process that is given one over the sandbox's own.
    fn environment(&self, given: BTreeMap<String, String>) -> Vec<(String, String)> {
        let mut all = self.envs().cloned().unwrap_or_default();
        all.extend(given);
        all.into_iter().collect()
    }

    /// Whether its session is open.
    pub(crate) fn is_connected(&self) -> bool {
        self.0.sessions.is_open()
    }

    /// False once destroyed: whoever finds the container again gets a new object.
    pub(crate) fn is_usable(&self) -> bool {
        !self.0.destroyed.load(Ordering::Acquire)
    }

    fn usable(&self) -> Result<()> {
        if self.is_usable() { Ok(()) } else { Err(self.not_found()) }
    }

    fn not_found(&self) -> Error {
        Error::SandboxNotFound { id: self.id().to_owned() }
    }

    fn engine(&self) -> &Engine {
        &self.0.shared.engine
    }

    /// Opens the default session behind the caller's back, so that the first command need not wait for it.
    pub(crate) fn warm_up(&self) {
        let weak = self.downgrade();
        tokio::spawn(async move {
            if let Some(sandbox) = weak.upgrade() {
                // A failure comes up again at the first call, which can tell it.
                _ = sandbox.open_session().await;
            }
        });
    }

    pub(crate) async fn open_session(&self) -> Result<()> {
        self.0.sessions.get(None).await.map(drop)
    }
}
