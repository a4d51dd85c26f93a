//! Keeps a call from waiting for an answer that cannot come, and says why a session was lost. A paused container is
//! silent, a removed one may be; only Docker knows.

use std::time::Duration;

use serde_json::Value;

use super::Sandbox;
use crate::error::{Error, Result};

/// How long a call may be quiet before Docker is asked whether the container still runs.
const QUIET: Duration = Duration::from_secs(1);

impl Sandbox {
    /// Awaits a call that has no clock of its own; ends it when the container has stopped, paused or gone. The call goes
    /// on while Docker is asked: Docker may have to wait for it.
    pub(super) async fn watched<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            answer = call => self.explained(answer).await,
            error = self.fallen() => Err(error),
        }
    }

    /// Answers only when the container does not run any more.
    async fn fallen(&self) -> Error {
        loop {
            tokio::time::sleep(QUIET).await;
            if let Err(error) = self.standing().await {
                return error;
            }
        }
    }

    /// An error unless the container is running, or stands still only for as long as it is saved.
    async fn standing(&self) -> Result<()> {
        let was_freezing = self.engine().is_freezing(self.id());
        match self.engine().container_state(self.id()).await?.as_deref() {
            None => Err(self.not_found()),
            Some("running" | "restarting") => Ok(()),
            Some("paused") if was_freezing || self.engine().is_freezing(self.id()) => Ok(()),
            Some(state) => Err(Error::SandboxStopped { id: self.id().to_owned(), state: state.to_owned() }),
        }
    }

    /// A lost session, and what could not be started, with the reason that the container's state gives.
    pub(super) async fn explained<T>(&self, answer: Result<T>) -> Result<T> {
        match answer {
            Err(Error::SessionLost { id, during, reason }) => {
                let reason = self.why_lost().await.unwrap_or(reason);
                Err(Error::SessionLost { id, during, reason })
            }
            // Where it stops just as an exec begins, engines have all kinds of words for it.
            Err(Error::CannotRun { what }) => match self.standing().await {
                Err(why @ (Error::SandboxStopped { .. } | Error::SandboxNotFound { .. })) => Err(why),
                _ => Err(Error::CannotRun { what }),
            },
            answer => answer,
        }
    }

    async fn why_lost(&self) -> Option<String> {
        if !self.is_usable() {
            return Some("the sandbox was destroyed".to_owned());
        }
        match self.engine().inspect_container(self.id()).await {
            Err(error) => Some(error.to_string()),
            Ok(None) => Some("its container was removed".to_owned()),
            Ok(Some(container)) => stopped(&container["State"]),
        }
    }
}

fn stopped(state: &Value) -> Option<String> {
    if state["Running"] == true {
        return None;
    }
    let code = state["ExitCode"].as_i64().unwrap_or_default();
    let memory = if state["OOMKilled"] == true { ", out of memory" } else { "" };
    Some(format!("its container stopped (exit code {code}{memory})"))
}
