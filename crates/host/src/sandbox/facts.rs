//! What never changes about a sandbox, read from Docker's own record of the container.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::{DEFAULT_TIMEOUT_MS, Lifetime, Runtime};
use crate::create::AGENT_DIR;
use crate::labels;

#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) runtime: Option<Runtime>,
    pub(crate) image: String,
    pub(crate) created_ms: i64,
    pub(crate) timeout_ms: u64,
    pub(crate) lifetime: Lifetime,
    /// Why there is no agent in it; `None`: there is one.
    pub(crate) no_agent: Option<String>,
}

impl Facts {
    /// From `GET /containers/{id}/json`.
    pub(crate) fn of_inspected(container: &Value) -> Option<Self> {
        let config = &container["Config"];
        let created = OffsetDateTime::parse(container["Created"].as_str()?, &Rfc3339).ok();
        let created_ms = created.map_or(0, |at| (at.unix_timestamp_nanos() / 1_000_000) as i64);
        Self::read(container, &config["Labels"], config["Image"].as_str(), created_ms)
    }

    /// From an item of `GET /containers/json`.
    pub(crate) fn of_listed(container: &Value) -> Option<Self> {
        let created_ms = container["Created"].as_i64().unwrap_or_default() * 1000;
        Self::read(container, &container["Labels"], container["Image"].as_str(), created_ms)
    }

    fn read(container: &Value, labels: &Value, image: Option<&str>, created_ms: i64) -> Option<Self> {
        let none = Map::new();
        let labels = labels.as_object().unwrap_or(&none);
        let timeout = labels::text(labels, labels::TIMEOUT).and_then(|ms| ms.parse().ok());
        Some(Self {
            id: container["Id"].as_str()?.to_owned(),
            runtime: labels::runtime(labels),
            image: image.unwrap_or_default().to_owned(),
            created_ms,
            timeout_ms: timeout.unwrap_or(DEFAULT_TIMEOUT_MS),
            lifetime: labels::lifetime(labels),
            no_agent: no_agent(container, labels),
        })
    }
}

fn no_agent(container: &Value, labels: &labels::Labels) -> Option<String> {
    let mounts = container["Mounts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if mounts.iter().any(|mount| mount["Destination"] == AGENT_DIR) {
        return None;
    }
    let reason = labels::text(labels, labels::NO_AGENT).unwrap_or("the container was created without it");
    Some(reason.to_owned())
}
