//! `pool`: sandboxes that wait for their `create()`.

use std::time::Duration;

use serde::Deserialize;

use super::check::refuse;
use super::{Cleanup, Config, SessionChoice, Whole};
use crate::error::Result;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolConfig {
    /// How many wait.
    size: Whole,
    /// How many there may be at most, waiting and handed out.
    #[serde(default)]
    max: Option<Whole>,
    /// Milliseconds without a create after which those that wait end.
    #[serde(default)]
    idle_ttl: Option<Whole>,
}

/// More than any engine is likely to bear.
const MOST: i64 = 1000;

impl PoolConfig {
    pub(crate) fn size(self) -> usize {
        usize::try_from(self.size.0).unwrap_or(0)
    }

    pub(crate) fn max(self) -> usize {
        self.max.map_or(usize::MAX, |max| usize::try_from(max.0).unwrap_or(0))
    }

    pub(crate) fn idle_ttl(self) -> Option<Duration> {
        self.idle_ttl.map(|ttl| Duration::from_millis(ttl.0.unsigned_abs()))
    }

    pub(super) fn check(self, config: &Config) -> Result<()> {
        if !(1..=MOST).contains(&self.size.0) {
            return refuse("pool.size", format!("expected 1 to {MOST}, got {}", self.size.0));
        }
        if self.max.is_some_and(|max| max.0 < self.size.0) {
            return refuse("pool.max", "expected pool.size or more");
        }
        super::check_timeout("pool.idleTtl", self.idle_ttl)?;
        if config.session == SessionChoice::Exec {
            return refuse(
                "pool",
                "its sandboxes hold a session of the agent, and session 'exec' goes without",
            );
        }
        if config.cleanup != Cleanup::Always || !config.container.auto_remove {
            let why =
                "its sandboxes remove themselves, which needs container.autoRemove and cleanup 'always'";
            return refuse("pool", why);
        }
        let theirs = &config.create_options;
        if theirs.contains_key("Entrypoint") || theirs.contains_key("Cmd") {
            return refuse("pool", "the agent is its sandboxes' first process, which createOptions replaces");
        }
        Ok(())
    }
}
