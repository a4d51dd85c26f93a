//! Gets the agent into containers: a named volume per agent version and architecture, filled once per engine and
//! mounted read-only. Filling is safe to repeat and to race: the file appears whole under its name or not at all.

use bytes::Bytes;
use serde_json::json;
use tokio::sync::Mutex;

use super::lost::create_container;
use super::spec::{AGENT_DIR, AgentPlan};
use crate::agent_binary::{AgentBinary, agent_for};
use crate::config::SessionChoice;
use crate::docker::{Engine, ImageInfo};
use crate::error::{Error, Result};

/// On the volumes, and on the containers that help to fill them.
pub(crate) const AGENT_LABEL: &str = "com.computesdk.agent";

/// One per provider: remembers which volumes it has seen filled.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    filled: Mutex<Vec<String>>,
}

impl Delivery {
    /// The agent's way into a container of this image, the volume being ready.
    pub(super) async fn plan(
        &self,
        engine: &Engine,
        choice: SessionChoice,
        image: &ImageInfo,
    ) -> Result<AgentPlan> {
        if choice == SessionChoice::Exec {
            return Ok(AgentPlan::Unwanted);
        }
        let Some(binary) = agent_for(&image.architecture) else {
            return Ok(AgentPlan::Missing(format!(
                "this build has no agent for {} images",
                image.architecture
            )));
        };
        let volume = volume_name(&binary);
        match self.ensure(engine, image, &binary, &volume).await {
            Ok(()) => Ok(AgentPlan::Volume(volume)),
            Err(error @ Error::Unreachable { .. }) => Err(error),
            Err(error) => Ok(AgentPlan::Missing(format!("its volume could not be filled: {error}"))),
        }
    }

    async fn ensure(
        &self,
        engine: &Engine,
        image: &ImageInfo,
        binary: &AgentBinary,
        volume: &str,
    ) -> Result<()> {
        // Held over the filling on purpose: concurrent first creates wait for one filling instead of racing.
        let mut filled = self.filled.lock().await;
        if filled.iter().any(|name| name == volume) {
            return Ok(());
        }
        if !engine.volume_exists(volume).await? {
            fill(engine, image, binary, volume).await?;
        }
        filled.push(volume.to_owned());
        Ok(())
    }

    /// After a start that did not find the agent: somebody pruned the volume, or another process has yet to fill it.
    pub(super) async fn refill(&self, engine: &Engine, image: &ImageInfo) -> Result<()> {
        let Some(binary) = agent_for(&image.architecture) else { return Ok(()) };
        fill(engine, image, &binary, &volume_name(&binary)).await
    }
}

/// The volumes of the agents that this build has.
pub(crate) fn current_volumes() -> Vec<String> {
    ["amd64", "arm64"].iter().filter_map(|arch| agent_for(arch)).map(|binary| volume_name(&binary)).collect()
}

fn volume_name(binary: &AgentBinary) -> String {
    format!("computesdk-agent-{}-{}", &binary.version_hash[..12], binary.arch)
}

/// Uploads the agent through a container that is created from the sandbox's own image and never started.
async fn fill(engine: &Engine, image: &ImageInfo, binary: &AgentBinary, volume: &str) -> Result<()> {
    let helper = create_container(engine, None, None, &helper(&image.id, volume)).await?;
    let uploaded = engine.put_archive(&helper, AGENT_DIR, archive(binary)?).await;
    let removed = engine.remove_container(&helper).await;
    uploaded.and(removed)
}

fn helper(image: &str, volume: &str) -> serde_json::Value {
    let options = json!({ "Labels": { AGENT_LABEL: "true" } });
    json!({
        "Image": image,
        "Entrypoint": ["/never-started"],
        "Labels": { AGENT_LABEL: "true" },
        "HostConfig": {
            "NetworkMode": "none",
            "Mounts": [{ "Type": "volume", "Source": volume, "Target": AGENT_DIR, "VolumeOptions": options }],
        },
    })
}

/// The file under a name of its own first, then a hard link: the engine unpacks entry by entry, so `agent` is
/// never there half-written.
fn archive(binary: &AgentBinary) -> Result<Bytes> {
    let data = format!("agent-{:08x}", rand::random::<u32>());
    let build = || -> std::io::Result<Vec<u8>> {
        let program = binary.program()?;
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(program.len() as u64);
        tar.append_data(&mut header, &data, program.as_slice())?;
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Link);
        link.set_mode(0o755);
        link.set_size(0);
        tar.append_link(&mut link, "agent", &data)?;
        tar.into_inner()
    };
    build().map(Bytes::from).map_err(|error| Error::Api {
        action: "pack the agent".to_owned(),
        message: error.to_string(),
        status: None,
        source: None,
    })
}
