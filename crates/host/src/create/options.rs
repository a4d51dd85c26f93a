//! What `create()` takes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{Config, Lifetime, Runtime, Whole, parse};
use crate::docker::PullProgress;
use crate::error::{Error, Result};

/// Options of one sandbox, over the provider's config.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreateOptions {
    /// Kept as text: a wrong one has an error of its own.
    pub runtime: Option<String>,
    pub image: Option<String>,
    pub template_id: Option<String>,
    pub snapshot_id: Option<String>,
    pub envs: BTreeMap<String, String>,
    pub metadata: Map<String, Value>,
    pub name: Option<String>,
    pub namespace: Option<String>,
    /// Milliseconds.
    pub timeout: Option<Whole>,
    pub ports: Vec<Whole>,
    /// Over that of the config, key by key.
    pub lifetime: Lifetime,
    /// A running sandbox to attach to instead.
    pub sandbox_id: Option<String>,
    /// Gets the progress of a pull.
    #[serde(skip)]
    pub pull_listener: Option<PullListener>,
    /// For a pool, where it waits.
    #[serde(skip)]
    pub(crate) pooled: bool,
}

/// Where the progress of a pull goes; a full channel holds up the lines, not the pull.
pub type PullListener = tokio::sync::mpsc::Sender<PullProgress>;

impl CreateOptions {
    /// Reads and checks the options from any serde source.
    pub fn from_source<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Self> {
        let options: Self = parse(source)?;
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<()> {
        crate::config::check_env("envs", &self.envs)?;
        crate::config::check_timeout("timeout", self.timeout)?;
        self.lifetime.check()?;
        let images =
            [("image", &self.image), ("templateId", &self.template_id), ("snapshotId", &self.snapshot_id)];
        for (path, image) in images {
            if let Some(image) = image {
                crate::config::check_image(path, image)?;
            }
        }
        for (at, Whole(port)) in self.ports.iter().enumerate() {
            if !(1..=65535).contains(port) {
                let problem = format!("expected a port from 1 to 65535, got {port}");
                return Err(Error::InvalidConfig { path: format!("ports[{at}]"), problem });
            }
        }
        check_name("name", self.name.as_deref())?;
        check_name("namespace", self.namespace.as_deref())
    }

    /// Whether a running container of this config can still become what is asked for.
    pub(crate) fn fits_pool(&self, config: &Config) -> bool {
        let runtime = config.runtime.unwrap_or(Runtime::Python);
        let same_runtime = self.runtime.as_deref().is_none_or(|name| name == runtime.name());
        let image = [&self.image, &self.template_id, &self.snapshot_id, &self.sandbox_id];
        same_runtime
            && image.iter().all(|image| image.is_none())
            && self.metadata.is_empty()
            && self.namespace.is_none()
            && self.ports.is_empty()
            && self.lifetime.is_endless()
            && !self.pooled
    }

    /// The container's name, if the caller wants a certain one.
    pub(crate) fn container_name(&self) -> Option<String> {
        let name = self.name.as_deref()?;
        Some(self.namespace.as_deref().map_or_else(|| name.to_owned(), |space| format!("{space}-{name}")))
    }
}

/// Docker's own rule for container names.
fn check_name(path: &str, name: Option<&str>) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let fits = name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if fits {
        return Ok(());
    }
    let problem =
        format!("expected two or more of A-Z a-z 0-9 _ . - starting with a letter or digit, got {name:?}");
    Err(Error::InvalidConfig { path: path.to_owned(), problem })
}
