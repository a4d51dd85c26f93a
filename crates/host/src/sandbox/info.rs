//! What `getInfo()` tells.

use serde_json::{Map, Value};

use super::Sandbox;
use crate::config::Runtime;
use crate::error::Result;
use crate::labels;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Running,
    Stopped,
    /// Docker could not start it, or could not remove it.
    Error,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Error => "error",
        }
    }

    fn of(state: &Value) -> Self {
        let broken = state["Dead"] == true || state["Error"].as_str().is_some_and(|error| !error.is_empty());
        // Docker's word for a paused container, too.
        match state["Running"] == true {
            true => Self::Running,
            false if broken => Self::Error,
            false => Self::Stopped,
        }
    }
}

#[derive(Debug, Clone)]
pub struct SandboxInfo {
    pub id: String,
    pub runtime: Option<Runtime>,
    pub status: Status,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    pub timeout_ms: u64,
    /// When it ends by itself, milliseconds since 1970.
    pub expires_ms: Option<i64>,
    pub metadata: Map<String, Value>,
}

impl Sandbox {
    pub async fn info(&self) -> Result<SandboxInfo> {
        self.usable()?;
        self.settled().await;
        let container = self.engine().inspect_container(self.id()).await?.ok_or_else(|| self.not_found())?;
        let facts = &self.0.facts;
        Ok(SandboxInfo {
            id: facts.id.clone(),
            runtime: facts.runtime,
            status: Status::of(&container["State"]),
            created_ms: super::Facts::of_inspected(&container)
                .map_or(facts.created_ms, |read| read.created_ms),
            timeout_ms: self.timeout_ms(),
            expires_ms: self.expires_ms(&container).await,
            metadata: self.metadata(&container).await?,
        })
    }

    /// Ours, and the caller's own over it.
    async fn metadata(&self, container: &Value) -> Result<Map<String, Value>> {
        let mut metadata = Map::new();
        let name = container["Name"].as_str().unwrap_or_default().trim_start_matches('/');
        metadata.insert("image".into(), self.image().into());
        metadata.insert("name".into(), name.into());
        metadata.insert("runtime".into(), self.runtime().map(Runtime::name).into());
        let (session, reason) = self.0.sessions.kind();
        metadata.insert("session".into(), session.into());
        if let Some(reason) = reason {
            metadata.insert("sessionReason".into(), reason.into());
        }
        metadata.insert("engine".into(), self.engine_facts().await?);
        if let Some(labels) = container["Config"]["Labels"].as_object() {
            metadata.extend(labels::meta(labels));
        }
        Ok(metadata)
    }

    async fn engine_facts(&self) -> Result<Value> {
        let engine = self.engine().describe().await?;
        Ok(serde_json::json!({
            "name": engine.name,
            "version": engine.version,
            "apiVersion": engine.api_version,
            "found": engine.found,
        }))
    }
}
