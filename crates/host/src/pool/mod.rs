//! Sandboxes that are started before anybody asks: `create()` takes one, the pool fills up behind it. Whoever gets one is
//! its first and only user.
//!
//! A member's first process ends it when its last session is gone, so the members of a host that died go by themselves,
//! until the host says that it was handed out. Labels cannot change, so its name tells that it waits.

mod hand_out;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::PoolConfig;
use crate::create::{self, CreateOptions};
use crate::error::{Error, Result};
use crate::labels::{self, WAITING};
use crate::provider::Shared;
use crate::sandbox::Sandbox;

use hand_out::{Named, hand_out};

pub(crate) use hand_out::{HandedOut, forget, handed_out};

/// How many members start at a time.
const AT_A_TIME: usize = 4;
/// How many leave at a time: the engine has their users' commands to carry as well.
const LEAVING: usize = 2;
/// A burst of creates is served before the pool fills up again.
const AFTER_A_BURST: Duration = Duration::from_millis(250);
/// After a member that could not be made.
const AFTER_A_FAILURE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Pool {
    config: PoolConfig,
    state: Mutex<State>,
    filling: AtomicBool,
    leaving: Semaphore,
    /// One more has started, or failed to.
    started: Notify,
    closed: CancellationToken,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug)]
struct State {
    waiting: Vec<Sandbox>,
    starting: usize,
    /// Their ids; those that went by themselves stay until somebody looks.
    handed_out: Vec<String>,
    /// When somebody last asked for one.
    asked: Instant,
}

/// How a pool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    pub waiting: usize,
    pub starting: usize,
    pub handed_out: usize,
    /// Creates that took a member, and creates that a member would have fitted but had none.
    pub hits: u64,
    pub misses: u64,
}

impl Pool {
    pub(crate) fn new(config: PoolConfig) -> Self {
        let state = State { waiting: Vec::new(), starting: 0, handed_out: Vec::new(), asked: Instant::now() };
        Self {
            config,
            state: Mutex::new(state),
            filling: AtomicBool::new(false),
            leaving: Semaphore::new(LEAVING),
            started: Notify::new(),
            closed: CancellationToken::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let mut state = self.state();
        state.count_handed_out();
        PoolStats {
            waiting: state.waiting.len(),
            starting: state.starting,
            handed_out: state.handed_out.len(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    /// A member for these options, if they are what a running container can take and one waits.
    pub(crate) async fn take(
        &self,
        shared: &Arc<Shared>,
        options: &CreateOptions,
    ) -> Result<Option<Sandbox>> {
        if self.closed.is_cancelled() || !options.fits_pool(&shared.config) {
            return Ok(None);
        }
        self.state().asked = Instant::now();
        let taken = self.take_waiting(shared, options).await;
        keep_full(shared, AFTER_A_BURST);
        let counter = if matches!(taken, Ok(Some(_))) { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        taken
    }

    async fn take_waiting(&self, shared: &Arc<Shared>, options: &CreateOptions) -> Result<Option<Sandbox>> {
        loop {
            let Some(sandbox) = self.state().waiting.pop() else { return Ok(None) };
            if !sandbox.is_connected() {
                _ = sandbox.discard().await;
                continue;
            }
            let Some(name) = options.container_name() else {
                hand_out(shared, &sandbox, options, Named::Not);
                return Ok(Some(sandbox));
            };
            match shared.engine.rename_container(sandbox.id(), &name).await {
                Ok(()) => {
                    hand_out(shared, &sandbox, options, Named::Already);
                    return Ok(Some(sandbox));
                }
                Err(Error::SandboxNotFound { .. }) => {}
                // The name is in use; it waits on.
                Err(error @ Error::Api { status: Some(409), .. }) => {
                    self.state().waiting.push(sandbox);
                    return Err(error);
                }
                Err(error) => {
                    _ = sandbox.discard().await;
                    return Err(error);
                }
            }
        }
    }

    /// Ends those that wait; the next create fills the pool again.
    pub(crate) async fn drain(&self) -> Result<()> {
        let waiting = std::mem::take(&mut self.state().waiting);
        let ended = join_all(waiting.iter().map(Sandbox::discard)).await;
        ended.into_iter().collect()
    }

    /// Ends those that wait and those that start, for good.
    pub(crate) async fn close(&self) -> Result<()> {
        self.closed.cancel();
        let drained = self.drain().await;
        loop {
            let one_less = self.started.notified();
            if self.state().starting == 0 {
                return drained.and(self.drain().await);
            }
            one_less.await;
        }
    }

    /// How many members may start now.
    fn reserve(&self) -> usize {
        let mut state = self.state();
        // Looked at under the lock: whoever closes waits for what was reserved before.
        if self.closed.is_cancelled() {
            return 0;
        }
        state.count_handed_out();
        let there = state.waiting.len() + state.starting;
        let room = self.config.max().saturating_sub(there + state.handed_out.len());
        let count = self.config.size().saturating_sub(there).min(room).min(AT_A_TIME);
        state.starting += count;
        count
    }

    /// False where a member could not be made.
    async fn start(&self, shared: &Arc<Shared>) -> bool {
        let options = CreateOptions {
            name: Some(format!("{WAITING}{}", random())),
            pooled: true,
            ..CreateOptions::default()
        };
        let made = create::create(Arc::clone(shared), options, self.closed.child_token()).await;
        let ready = match made {
            Ok(sandbox) => match sandbox.open_session().await {
                Ok(()) => Some(sandbox),
                Err(_) => {
                    _ = sandbox.discard().await;
                    None
                }
            },
            Err(_) => None,
        };
        let mut state = self.state();
        state.starting -= 1;
        let is_ready = ready.is_some();
        state.waiting.extend(ready);
        drop(state);
        self.started.notify_waiters();
        is_ready
    }

    /// How long until nobody has asked for `idleTtl`.
    fn idle_for(&self) -> Option<Duration> {
        Some(self.config.idle_ttl()?.saturating_sub(self.state().asked.elapsed()))
    }
}

impl State {
    fn count_handed_out(&mut self) {
        self.handed_out.retain(|id| handed_out(id).is_some());
    }
}

fn random() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Starts what is missing, in a task that ends when the pool is full, closed, or forgotten.
pub(crate) fn keep_full(shared: &Arc<Shared>, after: Duration) {
    let Some(pool) = &shared.pool else { return };
    if pool.filling.swap(true, Ordering::AcqRel) {
        return;
    }
    let weak = Arc::downgrade(shared);
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        look_after(&weak).await;
        fill(&weak).await;
        empty_when_idle(&weak).await;
    });
}

/// Forgets those in use that went by themselves.
async fn look_after(weak: &Weak<Shared>) {
    let Some(shared) = weak.upgrade() else { return };
    let Some(pool) = &shared.pool else { return };
    let known = pool.state().handed_out.clone();
    if known.is_empty() {
        return;
    }
    let Ok(listed) = shared.engine.list_containers(&[labels::POOL]).await else { return };
    let there: HashSet<&str> = listed.iter().filter_map(|container| container["Id"].as_str()).collect();
    known.iter().filter(|id| !there.contains(id.as_str())).for_each(|id| forget(id));
}

async fn fill(weak: &Weak<Shared>) {
    loop {
        let Some(shared) = weak.upgrade() else { return };
        let Some(pool) = &shared.pool else { return };
        let count = pool.reserve();
        if count == 0 {
            pool.filling.store(false, Ordering::Release);
            return;
        }
        let all_made = join_all((0..count).map(|_| pool.start(&shared))).await.into_iter().all(|made| made);
        if !all_made && !pool.closed.is_cancelled() {
            drop(shared);
            tokio::time::sleep(AFTER_A_FAILURE).await;
        }
    }
}

async fn empty_when_idle(weak: &Weak<Shared>) {
    loop {
        let wait = {
            let Some(shared) = weak.upgrade() else { return };
            let Some(pool) = &shared.pool else { return };
            match pool.idle_for() {
                None => return,
                Some(wait) if wait.is_zero() => {
                    _ = pool.drain().await;
                    return;
                }
                Some(wait) => wait,
            }
        };
        tokio::time::sleep(wait).await;
    }
}
