//! Making a container over a connection that may break before the answer, which is the only way to its id: each one
//! carries a mark of its own, by which it is found and removed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::docker::Engine;
use crate::error::{Error, Result};
use crate::labels;

/// When to look: the engine may still be making it. All of it stays short, somebody waits for the error.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(1000)];
const LIMIT: Duration = Duration::from_secs(5);

/// As `Engine::create_container`, leaving nothing behind where it fails.
pub(super) async fn create_container(
    engine: &Engine,
    name: Option<&str>,
    platform: Option<&str>,
    body: &Value,
) -> Result<String> {
    let mark = format!("{:016x}", rand::random::<u64>());
    let mut body = body.clone();
    body["Labels"][labels::REQUEST] = json!(mark);
    let created = engine.create_container(name, platform, &body).await;
    if created.as_ref().is_err_and(may_have_worked) {
        // The first error is the one to tell.
        _ = tokio::time::timeout(LIMIT, remove_marked(engine, &mark)).await;
    }
    created
}

/// Whether the engine, or what stands before it, did not plainly refuse.
fn may_have_worked(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. } | Error::Api { status: None | Some(502..=504), .. })
}

async fn remove_marked(engine: &Engine, mark: &str) -> Result<()> {
    for look in LOOKS {
        tokio::time::sleep(look).await;
        let found = engine.list_containers(&[&format!("{}={mark}", labels::REQUEST)]).await?;
        for container in &found {
            engine.remove_container(container["Id"].as_str().unwrap_or_default()).await?;
        }
        if !found.is_empty() {
            return Ok(());
        }
    }
    Ok(())
}
