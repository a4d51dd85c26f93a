//! The sessions of one sandbox: one per user, opened when first needed and again after one was lost. Decides
//! between agent and execs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::Facts;
use super::channel;
use crate::config::SessionChoice;
use crate::docker::Engine;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::session::exec::ExecSession;

/// A session that is being opened, or is open.
type Slot = Arc<OnceCell<Arc<Session>>>;

/// How often a session that closes as soon as it opens is opened again.
const ATTEMPTS: usize = 3;

#[derive(Debug)]
pub(super) struct Sessions {
    engine: Engine,
    id: String,
    choice: SessionChoice,
    slots: Mutex<HashMap<Option<String>, Slot>>,
    /// Why execs are used instead of the agent.
    fallback: Mutex<Option<String>>,
    /// An agent that has served once is not given up for execs: a session that breaks later is an error.
    agent_served: AtomicBool,
}

impl Sessions {
    pub(super) fn new(engine: Engine, facts: &Facts, choice: SessionChoice) -> Self {
        Self {
            engine,
            id: facts.id.clone(),
            choice,
            slots: Mutex::default(),
            fallback: Mutex::new(facts.no_agent.clone()),
            agent_served: AtomicBool::new(false),
        }
    }

    /// The open session of this user; `None` is the container's own.
    pub(super) async fn get(&self, user: Option<&str>) -> Result<Arc<Session>> {
        for _ in 0..ATTEMPTS {
            let slot = self.slot(user);
            let session = slot.get_or_try_init(|| self.open(user)).await?;
            if session.is_open() {
                return Ok(Arc::clone(session));
            }
            self.forget(user, &slot);
        }
        let reason = "the agent ends as soon as it is started".to_owned();
        Err(Error::SessionLost { id: self.id.clone(), during: "connecting".to_owned(), reason })
    }

    /// Which kind is used, and why not the agent.
    pub(super) fn kind(&self) -> (&'static str, Option<String>) {
        let reason = self.fallback().clone();
        if self.choice == SessionChoice::Exec {
            return ("exec", None);
        }
        if reason.is_some() { ("exec", reason) } else { ("agent", None) }
    }

    /// Whether the session of the container's own user is open.
    pub(super) fn is_open(&self) -> bool {
        self.slots().get(&None).and_then(|slot| slot.get()).is_some_and(|session| session.is_open())
    }

    pub(super) fn close(&self) {
        self.slots().clear();
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<Option<String>, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fallback(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.fallback.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, user: Option<&str>) -> Slot {
        Arc::clone(self.slots().entry(user.map(str::to_owned)).or_default())
    }

    /// Drops a closed session's slot, unless somebody has put a new one there already.
    fn forget(&self, user: Option<&str>, closed: &Slot) {
        let mut slots = self.slots();
        let key = user.map(str::to_owned);
        if slots.get(&key).is_some_and(|slot| Arc::ptr_eq(slot, closed)) {
            slots.remove(&key);
        }
    }

    async fn open(&self, user: Option<&str>) -> Result<Arc<Session>> {
        if self.choice == SessionChoice::Exec || self.fallback().is_some() {
            return self.without_agent(user);
        }
        match channel::open_agent(&self.engine, &self.id, user).await {
            Ok(session) => {
                self.agent_served.store(true, Ordering::Release);
                Ok(Arc::new(Session::Agent(session)))
            }
            Err(Error::AgentUnavailable { reason, .. }) if self.may_fall_back() => {
                *self.fallback() = Some(reason);
                self.without_agent(user)
            }
            Err(error) => Err(error),
        }
    }

    fn may_fall_back(&self) -> bool {
        self.choice == SessionChoice::Auto && !self.agent_served.load(Ordering::Acquire)
    }

    fn without_agent(&self, user: Option<&str>) -> Result<Arc<Session>> {
        if self.choice == SessionChoice::Agent {
            let reason = self.fallback().clone().unwrap_or_default();
            return Err(Error::AgentUnavailable { id: self.id.clone(), reason });
        }
        let session = ExecSession::new(self.engine.clone(), self.id.clone(), user.map(str::to_owned));
        Ok(Arc::new(Session::Exec(session)))
    }
}
