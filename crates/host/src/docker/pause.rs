//! Freezing a container, and what must not overlap with it: Docker 20.10 deadlocks a container for good when it is
//! frozen while an exec is just starting in it. So starts of execs go through a gate, which a freeze closes; those of
//! other processes are waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::RwLock;
use tokio::time::Instant;

use super::container::{is_gone, not_found, path};
use super::engine::Engine;
use super::names::is_name;
use super::raw::RawRequest;
use crate::error::Result;

/// How long a freeze waits for execs that are starting, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(10);

type Gate = RwLock<()>;

/// A gate per container that somebody starts an exec in or freezes.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<HashMap<String, Weak<Gate>>>);

impl Gates {
    pub(super) fn of(&self, container: &str) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(container).and_then(Weak::upgrade) {
            return gate;
        }
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::default();
        gates.insert(container.to_owned(), Arc::downgrade(&gate));
        gate
    }
}

impl Engine {
    /// A container that is frozen already is fine.
    pub async fn pause_container(&self, id: &str) -> Result<()> {
        let request = RawRequest::post(path(id, "/pause")?);
        let freeze = async {
            match self.wire().call(request).await {
                Ok(_) => Ok(()),
                Err(failure) if failure.to_string().contains("already paused") => Ok(()),
                Err(failure) if failure.status() == Some(404) && is_gone(&failure) => Err(not_found(id)),
                Err(failure) => Err(failure.during(format!("pause container {id}"))),
            }
        };
        self.while_no_exec_starts(id, freeze).await
    }

    /// A container that is not frozen is fine.
    pub async fn unpause_container(&self, id: &str) -> Result<()> {
        match self.wire().call(RawRequest::post(path(id, "/unpause")?)).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.to_string().contains("not paused") => Ok(()),
            Err(failure) if failure.status() == Some(404) && is_gone(&failure) => Err(not_found(id)),
            Err(failure) => Err(failure.during(format!("resume container {id}"))),
        }
    }

    /// Does what freezes a container, for a moment or for good.
    pub(super) async fn while_no_exec_starts<T>(
        &self,
        container: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let gate = self.gates().of(container);
        // Held over the waiting on purpose: that is what keeps execs from starting.
        let _closed = gate.write().await;
        self.settled(container).await?;
        work.await
    }

    /// Waits until every exec that is under way has its process.
    async fn settled(&self, container: &str) -> Result<()> {
        let Some(found) = self.inspect_container(container).await? else { return Err(not_found(container)) };
        let execs = found["ExecIDs"].as_array().cloned().unwrap_or_default();
        let until = Instant::now() + PATIENCE;
        for exec in execs.iter().filter_map(Value::as_str).filter(|id| is_name(id)) {
            while self.is_starting(exec).await? {
                if Instant::now() > until {
                    let message = "an exec in it has been starting for too long";
                    return Err(Engine::complaint(format!("pause container {container}"), message));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    async fn is_starting(&self, exec: &str) -> Result<bool> {
        match self.wire().json::<Value>(RawRequest::get(format!("/exec/{exec}/json"))).await {
            Ok(state) => Ok(state["Running"] == true && state["Pid"].as_i64().unwrap_or_default() == 0),
            Err(failure) if failure.status() == Some(404) => Ok(false),
            Err(failure) => Err(failure.during(format!("inspect exec {exec}"))),
        }
    }
}
