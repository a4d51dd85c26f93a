//! Everything that can go wrong, one variant per thing, each with its subject and what to do about it.
//!
//! A command that ran and failed is a result, not an error. Engine errors become variants per operation in
//! `docker/`. Codes are append-only and never parsed from text.

use std::time::Duration;

type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {problem}")]
    InvalidConfig { path: String, problem: String },

    #[error("cannot reach the Docker engine: {tried}; is it running, and is DOCKER_HOST right?")]
    Unreachable { tried: String, source: Option<Cause> },

    #[error("Docker could not {action}: {message}")]
    Api { action: String, message: String, status: Option<u16>, source: Option<Cause> },

    #[error("image {image:?} is not on this engine: {hint}")]
    ImageNotFound { image: String, hint: String },

    #[error("image {image:?} could not be pulled: {message}")]
    ImagePull { image: String, message: String, source: Option<Cause> },

    #[error("the registry refused to hand out image {image:?}: {message}; {hint}")]
    RegistryAuth { image: String, message: String, hint: String },

    /// `what` is `snapshot` or `template`.
    #[error("{what} {id:?} does not exist: it was deleted, or never was a {what}")]
    SavedNotFound { what: &'static str, id: String },

    #[error("{what} {id:?} is in use by {by}; destroy that first")]
    SavedInUse { what: &'static str, id: String, by: String },

    #[error("template {name:?} could not be built{step}: {message}")]
    TemplateBuild { name: String, step: String, message: String },

    #[error("sandbox {id} does not exist: it was destroyed, or never was a sandbox")]
    SandboxNotFound { id: String },

    #[error("sandbox {id} is not running ({state}); start it again or create a new one")]
    SandboxStopped { id: String, state: String },

    #[error("{runtime:?} is not a runtime: use 'python' or 'node'")]
    UnsupportedRuntime { runtime: String },

    #[error(
        "port {port} of sandbox {id} is not published: list it in container.ports or in create({{ ports }})"
    )]
    PortNotPublished { id: String, port: u16 },

    #[error("the connection to sandbox {id} broke during {during}: {reason}")]
    SessionLost { id: String, during: String, reason: String },

    #[error("sandbox {id} did not answer within {} ms", .after.as_millis())]
    Unresponsive { id: String, after: Duration },

    #[error("the agent cannot run in sandbox {id}: {reason}; session 'exec' needs no agent")]
    AgentUnavailable { id: String, reason: String },

    #[error("{what} needs the agent, and sandbox {id} is reached without it: see getInfo().metadata.session")]
    NeedsAgent { id: String, what: String },

    #[error("process {pid} is no background command of this sandbox, or was one that is forgotten by now")]
    NoSuchProcess { pid: u32 },

    #[error("nothing listens on port {port} of sandbox {id} after {} ms", .after.as_millis())]
    PortClosed { id: String, port: u16, after: Duration },

    #[error("Syntax error: {message}")]
    Syntax { message: String },

    /// A file call or the start of a command that the system refused, with Node's code (`ENOENT`) and call name.
    #[error("{code}: {message}, {syscall} '{path}'")]
    System { code: &'static str, message: &'static str, syscall: &'static str, path: String },

    #[error("{what}")]
    CannotRun { what: String },

    #[error("The operation was aborted")]
    Aborted,
}

impl Error {
    /// The stable code that a caller sees as `error.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidConfig { .. } => "ERR_INVALID_CONFIG",
            Self::Unreachable { .. } => "ERR_DOCKER_UNREACHABLE",
            Self::Api { .. } => "ERR_DOCKER_API",
            Self::ImageNotFound { .. } => "ERR_IMAGE_NOT_FOUND",
            Self::ImagePull { .. } => "ERR_IMAGE_PULL",
            Self::RegistryAuth { .. } => "ERR_REGISTRY_AUTH",
            Self::SavedNotFound { what: "snapshot", .. } => "ERR_SNAPSHOT_NOT_FOUND",
            Self::SavedNotFound { .. } => "ERR_TEMPLATE_NOT_FOUND",
            Self::SavedInUse { what: "snapshot", .. } => "ERR_SNAPSHOT_IN_USE",
            Self::SavedInUse { .. } => "ERR_TEMPLATE_IN_USE",
            Self::TemplateBuild { .. } => "ERR_TEMPLATE_BUILD",
            Self::SandboxNotFound { .. } => "ERR_SANDBOX_NOT_FOUND",
            Self::SandboxStopped { .. } => "ERR_SANDBOX_STOPPED",
            Self::UnsupportedRuntime { .. } => "ERR_UNSUPPORTED_RUNTIME",
            Self::PortNotPublished { .. } => "ERR_PORT_NOT_PUBLISHED",
            Self::SessionLost { .. } | Self::Unresponsive { .. } => "ERR_SESSION_LOST",
            Self::AgentUnavailable { .. } | Self::NeedsAgent { .. } => "ERR_AGENT_UNAVAILABLE",
            Self::NoSuchProcess { .. } => "ESRCH",
            Self::PortClosed { .. } => "ERR_PORT_CLOSED",
            Self::Syntax { .. } => "ERR_SYNTAX",
            Self::System { code, .. } => code,
            Self::CannotRun { .. } => "ERR_CANNOT_RUN",
            Self::Aborted => "ABORT_ERR",
        }
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
