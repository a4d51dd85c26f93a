//! What `docker(config)` takes: the shape, the defaults, and the checks that need no Docker.
//!
//! A leaf: it knows neither the engine nor JavaScript. Any serde source will do; every complaint names the path
//! of the key and what was expected there.

mod check;
mod lifetime;
mod parse;
mod platform;
mod pool;
mod ports;
mod value;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use crate::docker::{Connection, RegistryAuth};
pub(crate) use check::{
    env as check_env, image as check_image, timeout as check_timeout, user as check_user,
};
pub use lifetime::Lifetime;
pub(crate) use parse::parse;
pub use platform::Platform;
pub use pool::PoolConfig;
pub use ports::{PortBinding, Ports};
pub use value::{Gpus, Whole};

use crate::error::Result;

/// Execution timeout where neither the sandbox nor the call names one.
pub const DEFAULT_TIMEOUT_MS: u64 = 300_000;
pub const DEFAULT_WORKDIR: &str = "/workspace";
/// Stops a fork bomb long before the machine is in need.
const DEFAULT_PIDS: i64 = 1024;
const DEFAULT_MEMORY: i64 = 512 * 1024 * 1024;

/// What `docker(config)` was given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    #[serde(deserialize_with = "value::object")]
    pub connection: Connection,
    pub runtime: Option<Runtime>,
    /// Milliseconds.
    pub timeout: Option<Whole>,
    #[serde(deserialize_with = "value::object")]
    pub image: Image,
    #[serde(deserialize_with = "value::object")]
    pub container: Container,
    /// Body of `POST /containers/create`, merged over ours.
    #[serde(deserialize_with = "value::api_object")]
    pub create_options: Map<String, Value>,
    /// Query of `POST /containers/{id}/start`.
    #[serde(deserialize_with = "value::api_object")]
    pub start_options: Map<String, Value>,
    pub cleanup: Cleanup,
    pub stream_logs: bool,
    pub session: SessionChoice,
    #[serde(deserialize_with = "value::object")]
    pub lifetime: Lifetime,
    pub security: Security,
    pub pool: Option<PoolConfig>,
    /// Docker's name of an OCI runtime; default: the engine's own.
    pub oci_runtime: Option<String>,
}

impl Config {
    /// Reads and checks a config from any serde source.
    pub fn from_source<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Self> {
        let config: Self = parse(source)?;
        check::config(&config)?;
        Ok(config)
    }

    pub fn timeout_ms(&self) -> u64 {
        self.timeout.map_or(DEFAULT_TIMEOUT_MS, |t| t.0.unsigned_abs())
    }
}

/// The language of `runCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    Python,
    Node,
}

impl Runtime {
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "python" => Ok(Self::Python),
            "node" => Ok(Self::Node),
            other => Err(crate::error::Error::UnsupportedRuntime { runtime: other.to_owned() }),
        }
    }

    /// The image that stands in when the configured one is for the other runtime.
    pub fn default_image(self) -> &'static str {
        match self {
            Self::Python => "python:3.11-slim",
            Self::Node => "node:20-alpine",
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Image {
    /// Default: the runtime's own image.
    pub name: Option<String>,
    pub pull_policy: PullPolicy,
    pub auth: Option<RegistryAuth>,
    /// As Docker names it: `linux/arm64`. Default: the engine's own.
    pub platform: Option<Platform>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PullPolicy {
    Always,
    #[default]
    IfNotPresent,
    Never,
}

/// What `destroy()` does with the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cleanup {
    #[default]
    Always,
    OnSuccess,
    Never,
}

/// How high the walls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Security {
    #[default]
    Default,
    /// As high as a container's can be; a config that contradicts is refused.
    Strict,
}

/// How commands reach a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionChoice {
    /// The agent where it runs, execs where it does not.
    #[default]
    Auto,
    Agent,
    Exec,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Container {
    pub user: Option<String>,
    /// Default: the snapshot's or template's own, else [`DEFAULT_WORKDIR`].
    pub workdir: Option<String>,
    pub env: BTreeMap<String, String>,
    pub binds: Vec<String>,
    pub ports: Ports,
    pub network_mode: Option<String>,
    pub privileged: bool,
    #[serde(deserialize_with = "value::object")]
    pub capabilities: Capabilities,
    pub gpus: Option<Gpus>,
    #[serde(deserialize_with = "value::object")]
    pub resources: Resources,
    pub log_driver: Option<String>,
    pub log_opts: BTreeMap<String, String>,
    pub auto_remove: bool,
    pub tty: bool,
    pub open_stdin: bool,
}

impl Default for Container {
    fn default() -> Self {
        Self {
            user: None,
            workdir: None,
            env: BTreeMap::new(),
            binds: Vec::new(),
            ports: Ports::default(),
            network_mode: None,
            privileged: false,
            capabilities: Capabilities::default(),
            gpus: None,
            resources: Resources::default(),
            log_driver: None,
            log_opts: BTreeMap::new(),
            auto_remove: true,
            tty: true,
            open_stdin: false,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    pub add: Vec<String>,
    pub drop: Vec<String>,
}

/// Limits; each is the HostConfig field of the same name.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Resources {
    pub cpu_shares: Option<Whole>,
    pub cpu_quota: Option<Whole>,
    pub cpu_period: Option<Whole>,
    #[serde(rename = "nanoCPUs", alias = "nanoCpus")]
    pub nano_cpus: Option<Whole>,
    pub cpuset_cpus: Option<String>,
    /// Bytes; 0 is no limit.
    pub memory: Option<Whole>,
    pub memory_swap: Option<Whole>,
    pub memory_reservation: Option<Whole>,
    pub pids_limit: Option<Whole>,
    pub shm_size: Option<Whole>,
    pub ulimits: Vec<Ulimit>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            cpu_shares: None,
            cpu_quota: None,
            cpu_period: None,
            nano_cpus: None,
            cpuset_cpus: None,
            memory: Some(Whole(DEFAULT_MEMORY)),
            memory_swap: None,
            memory_reservation: None,
            pids_limit: Some(Whole(DEFAULT_PIDS)),
            shm_size: None,
            ulimits: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ulimit {
    #[serde(alias = "Name")]
    pub name: String,
    #[serde(alias = "Soft")]
    pub soft: Whole,
    #[serde(alias = "Hard")]
    pub hard: Whole,
}
