//! What hosts that died between making a container and starting it have left: nothing runs in it that could end it. A
//! provider's first create takes such containers away, if they were to end by themselves: helpers, members of pools,
//! sandboxes with a lifetime.

use serde_json::Value;

use super::delivery::AGENT_LABEL;
use crate::docker::Engine;
use crate::error::Result;
use crate::labels;

/// What is younger than this may be about to start.
const STARTING_S: i64 = 60;
const MARKS: [&str; 4] = [AGENT_LABEL, labels::POOL, labels::LIFETIME_MAX, labels::LIFETIME_IDLE];

/// `newest` is a container that was made just now: it tells what time it is on the engine's clock.
pub(super) async fn remove_never_started(engine: &Engine, newest: &str) -> Result<()> {
    let mut found = engine.list_containers(&[&format!("{}=true", labels::SANDBOX)]).await?;
    let now = found.iter().find(|container| container["Id"] == newest);
    let Some(now) = now.and_then(|container| container["Created"].as_i64()) else { return Ok(()) };
    found.extend(engine.list_containers(&[&format!("{AGENT_LABEL}=true")]).await?);
    for container in found.iter().filter(|container| was_given_up(container, now)) {
        engine.remove_container(container["Id"].as_str().unwrap_or_default()).await?;
    }
    Ok(())
}

fn was_given_up(container: &Value, now_s: i64) -> bool {
    let age = now_s - container["Created"].as_i64().unwrap_or(now_s);
    let is_to_end = MARKS.iter().any(|mark| container["Labels"].get(mark).is_some());
    container["State"] == "created" && age >= STARTING_S && is_to_end
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_never_ran_is_old_and_was_to_end_by_itself_is_taken() {
        let container = |state: &str, created: i64, label: &str| json!({ "State": state, "Created": created, "Labels": { label: "1" } });
        for label in MARKS {
            assert!(was_given_up(&container("created", 40, label), 100), "{label}");
        }
        for spared in [
            container("created", 41, labels::POOL),
            container("running", 1, labels::POOL),
            container("exited", 1, labels::LIFETIME_MAX),
            container("created", 1, labels::SANDBOX),
            json!({ "State": "created", "Created": 1, "Labels": null }),
        ] {
            assert!(!was_given_up(&spared, 100), "{spared}");
        }
    }
}
