//! Freezing a container, and what must not overlap with it: Docker 20.10 deadlocks a container for good when it is
//! frozen while an exec is just starting in it. So starts of execs go through a gate, which a freeze closes, whichever
//! provider of this process they come from; those of other processes are waited for.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{RwLock, RwLockReadGuard};
use tokio::time::Instant;

use super::container::{is_gone, not_found, path};
use super::engine::Engine;
use super::names::is_name;
use super::raw::RawRequest;
use crate::error::{Error, Result};

/// How long a freeze waits for execs that are starting, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(10);

/// How long it waits for an exec that somebody else made and did not start yet: perhaps nobody ever will.
const FOREIGN_PATIENCE: Duration = Duration::from_secs(1);

/// The gates of all containers in which this process starts execs, or which it freezes.
static GATES: LazyLock<Mutex<HashMap<String, Weak<Gate>>>> = LazyLock::new(Mutex::default);

/// A container's gate.
#[derive(Debug, Default)]
pub(super) struct Gate {
    lock: RwLock<()>,
    started: Mutex<Vec<String>>,
}

impl Gate {
    pub(super) fn of(container: &str) -> Arc<Self> {
        let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(container).and_then(Weak::upgrade) {
            return gate;
        }
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::default();
        gates.insert(container.to_owned(), Arc::downgrade(&gate));
        gate
    }

    /// Held while an exec is started.
    pub(super) async fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.lock.read().await
    }

    fn started(&self) -> MutexGuard<'_, Vec<String>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An exec that was started here: the engine takes the connection over before it says that the exec runs, so a freeze
/// has to know of it. Lives as long as its output.
#[derive(Debug)]
pub(super) struct Started {
    gate: Arc<Gate>,
    exec: String,
}

impl Started {
    pub(super) fn new(gate: &Arc<Gate>, exec: &str) -> Self {
        gate.started().push(exec.to_owned());
        Self { gate: Arc::clone(gate), exec: exec.to_owned() }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.gate.started().retain(|exec| *exec != self.exec);
    }
}

/// How far an exec is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Made,
    Starting,
    Settled,
}

impl Stage {
    fn of(state: &Value) -> Self {
        match (state["Running"] == true, state["Pid"].as_i64().unwrap_or_default()) {
            (true, 0) => Self::Starting,
            (false, _) if state["ExitCode"].is_null() => Self::Made,
            _ => Self::Settled,
        }
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

    /// Whether this process is about to freeze it, or keeps it frozen for as long as it is saved.
    pub fn is_freezing(&self, container: &str) -> bool {
        Gate::of(container).lock.try_read().is_err()
    }

    /// Does what freezes a container, for a moment or for good.
    pub(super) async fn while_no_exec_starts<T>(
        &self,
        container: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let gate = Gate::of(container);
        // Held over the waiting on purpose: that is what keeps execs from starting.
        let _closed = gate.lock.write().await;
        let ours = gate.started().clone();
        self.settled(container, &ours).await?;
        work.await
    }

    /// Waits until every exec that is under way has its process.
    async fn settled(&self, container: &str, ours: &[String]) -> Result<()> {
        let Some(found) = self.inspect_container(container).await? else { return Err(not_found(container)) };
        let listed = found["ExecIDs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let execs = listed.iter().filter_map(Value::as_str).filter(|id| is_name(id));
        let since = Instant::now();
        for exec in execs {
            let is_ours = ours.iter().any(|id| id == exec);
            loop {
                match self.stage_of(exec).await? {
                    Stage::Settled => break,
                    Stage::Made if !is_ours && since.elapsed() > FOREIGN_PATIENCE => break,
                    _ if since.elapsed() > PATIENCE => return Err(starts_for_long(container)),
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        }
        Ok(())
    }

    async fn stage_of(&self, exec: &str) -> Result<Stage> {
        match self.wire().json::<Value>(RawRequest::get(format!("/exec/{exec}/json"))).await {
            Ok(state) => Ok(Stage::of(&state)),
            Err(failure) if failure.status() == Some(404) => Ok(Stage::Settled),
            Err(failure) => Err(failure.during(format!("inspect exec {exec}"))),
        }
    }
}

fn starts_for_long(container: &str) -> Error {
    let message = "an exec in it has been starting for too long";
    Engine::complaint(format!("pause container {container}"), message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exec_is_settled_once_it_has_a_process_or_had_one() {
        for (state, stage) in [
            (json!({ "Running": false, "ExitCode": null, "Pid": 0 }), Stage::Made),
            (json!({ "Running": true, "ExitCode": null, "Pid": 0 }), Stage::Starting),
            (json!({ "Running": true, "ExitCode": null, "Pid": 7 }), Stage::Settled),
            (json!({ "Running": false, "ExitCode": 0, "Pid": 7 }), Stage::Settled),
            (json!({ "Running": false, "ExitCode": 126, "Pid": 0 }), Stage::Settled),
        ] {
            assert_eq!(Stage::of(&state), stage, "{state}");
        }
    }

    #[test]
    fn a_gate_knows_what_was_started_while_its_output_lasts() {
        let gate = Gate::of("a-container");
        let [one, two] = ["one", "two"].map(|exec| Started::new(&gate, exec));
        assert!(Arc::ptr_eq(&gate, &Gate::of("a-container")));
        drop(one);
        assert_eq!(*gate.started(), ["two"]);
        drop((gate, two));
        assert!(Gate::of("a-container").started().is_empty());
    }
}
