//! Saving a sandbox. What is saved is the container's own file system and its config: mounts (binds, volumes, tmpfs, the
//! agent) are no part of it, its environment is, because a restored sandbox has it again.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Kind, Saved};
use crate::config::parse;
use crate::error::{Error, Result};
use crate::labels;
use crate::provider::Provider;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SnapshotOptions {
    pub name: Option<String>,
    pub metadata: Map<String, Value>,
}

impl SnapshotOptions {
    /// Reads the options from any serde source.
    pub fn from_source<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Self> {
        parse(source)
    }
}

impl Provider {
    /// The sandbox runs on; it stands still while its files are copied.
    pub async fn create_snapshot(&self, sandbox_id: &str, options: SnapshotOptions) -> Result<Saved> {
        let engine = self.engine();
        let missing = || Error::SandboxNotFound { id: sandbox_id.to_owned() };
        let (sandbox, container) = self.shared.find(sandbox_id).await?.ok_or_else(missing)?;
        let mut config = json!({ "Labels": labels_of(&sandbox_labels(&container), sandbox.id(), options) });
        // The docker command's proxies may hold a password, and every sandbox gets those of its own host anyway.
        let proxies = engine.proxy_variables().await;
        config["Env"] = environment(&container["Config"]["Env"], sandbox.envs(), &proxies).into();
        // The container runs our agent; the image is to start what it always did.
        if let Some(image) = engine.inspect_image(container["Image"].as_str().unwrap_or_default()).await? {
            config["Entrypoint"] = json!(image.entrypoint);
            config["Cmd"] = json!(image.cmd);
        }
        let id = Kind::Snapshot.reference(&format!("{:016x}", rand::random::<u64>()));
        engine.commit(sandbox.id(), &id, &config).await?;
        let image = engine.inspect_image(&id).await?.ok_or_else(|| Kind::Snapshot.not_found(&id))?;
        if !super::is_ours(&image) {
            // Without its labels it is no snapshot that anybody could find again.
            engine.remove_image(&id).await?;
            return Err(Error::Api {
                action: format!("save sandbox {sandbox_id} as a snapshot"),
                message:
                    "this engine keeps no labels in a commit, as Podman before 5; use Docker or Podman 5"
                        .to_owned(),
                status: None,
                source: None,
            });
        }
        Ok(Saved::read(&id, &image.labels, image.size))
    }
}

/// What differs from the container's own: `more`, and the variables that are as `proxies` has them, without their values,
/// since a commit can take none away.
fn environment(
    own: &Value,
    more: Option<&BTreeMap<String, String>>,
    proxies: &BTreeMap<String, String>,
) -> Vec<String> {
    let own = own.as_array().into_iter().flatten().filter_map(|it| it.as_str()?.split_once('='));
    let mut all: BTreeMap<&str, &str> = own.filter(|(name, value)| is_of(proxies, name, value)).collect();
    all.extend(more.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())));
    let kept = |name: &str, value| if is_of(proxies, name, value) { "" } else { value };
    all.iter().map(|(name, value)| format!("{name}={}", kept(name, value))).collect()
}

fn is_of(proxies: &BTreeMap<String, String>, name: &str, value: &str) -> bool {
    proxies.get(name).is_some_and(|proxy| proxy == value)
}

fn sandbox_labels(container: &Value) -> labels::Labels {
    container["Config"]["Labels"].as_object().cloned().unwrap_or_default()
}

fn labels_of(container: &labels::Labels, sandbox: &str, options: SnapshotOptions) -> labels::Labels {
    let mut labels = labels::taken_back(container);
    labels.extend(Kind::Snapshot.labels(&options.metadata));
    labels.insert(labels::SAVED_FROM.to_owned(), sandbox.into());
    if let Some(name) = options.name {
        labels.insert(labels::SAVED_NAME.to_owned(), name.into());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_of_the_host_are_not_kept() {
        let proxies = BTreeMap::from([("HTTP_PROXY".to_owned(), "http://me:pw@p:1".to_owned())]);
        let emptied = |env: Value| environment(&env, None, &proxies);
        assert_eq!(emptied(json!(["A=1", "HTTP_PROXY=http://me:pw@p:1"])), ["HTTP_PROXY="]);
        assert!(emptied(json!(["HTTP_PROXY=http://own:1", "A=http://me:pw@p:1"])).is_empty());
        assert!(emptied(Value::Null).is_empty());
    }

    #[test]
    fn what_a_pools_sandbox_was_handed_out_with_is_kept() {
        let proxy = "http://me:pw@p:1".to_owned();
        let proxies = BTreeMap::from([("HTTP_PROXY".to_owned(), proxy.clone())]);
        let own = json!(["A=1", "HTTP_PROXY=http://me:pw@p:1"]);
        let kept = |name: &str, value: &str| {
            let more = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            environment(&own, Some(&more), &proxies)
        };
        assert_eq!(kept("A", "2"), ["A=2", "HTTP_PROXY="]);
        assert_eq!(kept("HTTP_PROXY", "http://own:1"), ["HTTP_PROXY=http://own:1"]);
        assert_eq!(kept("HTTP_PROXY", &proxy), ["HTTP_PROXY="]);
    }
}
