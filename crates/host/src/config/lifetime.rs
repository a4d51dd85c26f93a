//! How long a sandbox may live, whatever becomes of the host.

use serde::Deserialize;

use super::Whole;
use super::check::timeout;
use crate::error::Result;

/// Milliseconds, each; nothing is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Lifetime {
    /// From its start.
    pub max: Option<Whole>,
    /// Since the last call.
    pub idle: Option<Whole>,
}

impl Lifetime {
    pub fn is_endless(self) -> bool {
        self.max.is_none() && self.idle.is_none()
    }

    /// What `create()` says, over what the config says.
    #[must_use]
    pub(crate) fn or(self, config: Self) -> Self {
        Self { max: self.max.or(config.max), idle: self.idle.or(config.idle) }
    }

    pub(crate) fn check(self) -> Result<()> {
        timeout("lifetime.max", self.max)?;
        timeout("lifetime.idle", self.idle)
    }

    /// The words for PID 1.
    pub(crate) fn words(self) -> Vec<String> {
        let word = |name, ms: Option<Whole>| ms.map(|ms| format!("{name}={}", ms.0));
        word("max", self.max).into_iter().chain(word("idle", self.idle)).collect()
    }
}
