//! Removing what hosts that died have left on the engine: sandboxes, members of pools, helpers, and the agent volumes of
//! other versions. Everything is known by its labels; nothing else is touched.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{Whole, check_timeout, parse};
use crate::create::{AGENT_LABEL, current_volumes};
use crate::error::Result;
use crate::labels;
use crate::provider::Provider;

/// What is younger than this may be about to start.
const STARTING_MS: i64 = 60_000;

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PruneOptions {
    /// Also what runs, if it was created longer ago than so many milliseconds.
    pub older_than: Option<Whole>,
    /// Also what runs, and the volume of the agent in use: the next sandbox fills it again.
    pub all: bool,
}

/// The ids and names of what was removed.
#[derive(Debug, Clone, Default)]
pub struct Pruned {
    pub sandboxes: Vec<String>,
    pub pool_members: Vec<String>,
    pub helpers: Vec<String>,
    pub volumes: Vec<String>,
}

impl PruneOptions {
    /// Reads and checks the options from any serde source.
    pub fn from_source<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Self> {
        let options: Self = parse(source)?;
        check_timeout("olderThan", options.older_than)?;
        Ok(options)
    }

    fn takes(&self, container: &Value, now_ms: i64) -> bool {
        let age = now_ms - container["Created"].as_i64().unwrap_or_default() * 1000;
        let runs = matches!(container["State"].as_str(), Some("running" | "paused" | "restarting"));
        match self.older_than {
            _ if self.all => true,
            Some(Whole(limit)) => age >= limit,
            None => !runs && age >= STARTING_MS,
        }
    }
}

impl Provider {
    /// What goes meanwhile by itself is fine.
    pub async fn prune(&self, options: PruneOptions) -> Result<Pruned> {
        let now = (time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64;
        let mut pruned = Pruned::default();
        let sandboxes = self.engine().list_containers(&[&format!("{}=true", labels::SANDBOX)]).await?;
        for container in sandboxes.iter().filter(|container| options.takes(container, now)) {
            let Some(id) = container["Id"].as_str() else { continue };
            self.engine().remove_container(id).await?;
            match is_pooled(container) {
                true => pruned.pool_members.push(id.to_owned()),
                false => pruned.sandboxes.push(id.to_owned()),
            }
        }
        // A helper is never started, and needed for a moment only.
        let never = PruneOptions { older_than: Some(Whole(STARTING_MS)), all: options.all };
        let helpers = self.engine().list_containers(&[&format!("{AGENT_LABEL}=true")]).await?;
        for container in helpers.iter().filter(|container| never.takes(container, now)) {
            let Some(id) = container["Id"].as_str() else { continue };
            self.engine().remove_container(id).await?;
            pruned.helpers.push(id.to_owned());
        }
        pruned.volumes = self.prune_volumes(options).await?;
        Ok(pruned)
    }

    /// Those that a sandbox still mounts stay.
    async fn prune_volumes(&self, options: PruneOptions) -> Result<Vec<String>> {
        let kept = if options.all { Vec::new() } else { current_volumes() };
        let mut removed = Vec::new();
        for name in self.engine().list_volumes(&format!("{AGENT_LABEL}=true")).await? {
            if !kept.contains(&name) && self.engine().remove_unused_volume(&name).await? {
                removed.push(name);
            }
        }
        Ok(removed)
    }
}

fn is_pooled(container: &Value) -> bool {
    let none = Map::new();
    labels::is_waiting(container["Labels"].as_object().unwrap_or(&none), &container["Names"][0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_runs_is_spared_unless_it_is_old_or_all_is_asked_for() {
        let now = 1_000_000_000;
        let container = |state: &str, age_s: i64| json!({ "State": state, "Created": now / 1000 - age_s });
        let options = |given: Value| PruneOptions::from_source(given).unwrap();
        let usual = options(json!({}));
        assert!(usual.takes(&container("exited", 61), now) && usual.takes(&container("created", 61), now));
        assert!(
            !usual.takes(&container("created", 5), now) && !usual.takes(&container("running", 9999), now)
        );
        let old = options(json!({ "olderThan": 10_000 }));
        assert!(old.takes(&container("running", 11), now) && !old.takes(&container("exited", 9), now));
        assert!(options(json!({ "all": true })).takes(&container("running", 0), now));
        assert!(PruneOptions::from_source(json!({ "olderThan": 0 })).is_err());
    }
}
