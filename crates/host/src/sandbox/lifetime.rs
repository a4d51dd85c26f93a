//! The end of a sandbox that ends by itself. PID 1, our agent, keeps it and shows it as its name; the engine carries
//! extensions there as signals.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::Sandbox;
use crate::error::{Error, Result};

/// Where the name of PID 1 stands, and how one begins that tells the end.
const NAME: &str = "/proc/1/comm";
const END: &str = "end ";
/// The signal that adds the least, and how much that is; each further one adds twice as much as the one before.
const FIRST: i32 = 35;
const UNIT_MS: u64 = 10;
const LAST: i32 = 63;
/// How long PID 1 may take to hear of an extension.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sandbox {
    /// Puts the end off; answers the new one, in milliseconds since 1970.
    pub async fn extend_lifetime(&self, ms: u64) -> Result<i64> {
        self.usable()?;
        self.settled().await;
        let signals = signals(ms)?;
        if self.0.facts.lifetime.max.is_none() {
            let problem = "this sandbox has no lifetime.max that could be extended".to_owned();
            return Err(Error::InvalidConfig { path: "extendLifetime".to_owned(), problem });
        }
        let before = self.deadline().await?;
        for signal in signals {
            self.engine().signal_container(self.id(), signal).await?;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let now = self.deadline().await?;
            // The rounding up of a unit is the least that can be seen.
            if now >= before + i64::try_from(ms).unwrap_or(i64::MAX) || Instant::now() > until {
                return Ok(now);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// When it ends unless it is used or extended, in milliseconds since 1970; `None`: not by itself.
    pub(super) async fn expires_ms(&self, container: &Value) -> Option<i64> {
        let lifetime = self.0.facts.lifetime;
        let running = container["State"]["Running"] == true;
        if lifetime.is_endless() || !running {
            return None;
        }
        let now = now_ms();
        let idle = lifetime.idle.map(|idle| now.saturating_add(idle.0));
        let max = match lifetime.max {
            None => None,
            Some(max) if container["State"]["Paused"] == true => planned(container, max.0),
            Some(max) => self.deadline().await.ok().or_else(|| planned(container, max.0)),
        };
        max.into_iter().chain(idle).min()
    }

    async fn deadline(&self) -> Result<i64> {
        let name = self.read_file(NAME).await?;
        until(&name).ok_or_else(|| Error::CannotRun {
            what: format!(
                "sandbox {} does not tell its lifetime: its first process is not the agent",
                self.id()
            ),
        })
    }
}

fn until(name: &[u8]) -> Option<i64> {
    let name = std::str::from_utf8(name).ok()?.trim_end();
    i64::from_str_radix(name.strip_prefix(END)?, 16).ok()
}

/// What its labels say, where PID 1 cannot be asked.
fn planned(container: &Value, max: i64) -> Option<i64> {
    let started = container["State"]["StartedAt"].as_str()?;
    let started = OffsetDateTime::parse(started, &Rfc3339).ok()?;
    Some((started.unix_timestamp_nanos() / 1_000_000) as i64 + max)
}

fn now_ms() -> i64 {
    (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64
}

/// The signals whose sum is the time, rounded up.
fn signals(ms: u64) -> Result<Vec<i32>> {
    let units = ms.div_ceil(UNIT_MS);
    let bits = LAST - FIRST + 1;
    if units == 0 || units >> bits != 0 {
        let most = (1u64 << bits) * UNIT_MS - UNIT_MS;
        let problem = format!("expected 1 to {most} milliseconds, got {ms}");
        return Err(Error::InvalidConfig { path: "ms".to_owned(), problem });
    }
    Ok((0..bits).filter(|bit| units >> bit & 1 == 1).map(|bit| FIRST + bit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_extension_is_a_sum_of_signals() {
        assert_eq!(signals(1).unwrap(), [35]);
        assert_eq!(signals(10).unwrap(), [35]);
        assert_eq!(signals(11).unwrap(), [36]);
        assert_eq!(signals(50).unwrap(), [35, 37]);
        assert_eq!(signals((1 << 29) * 10 - 10).unwrap().len(), 29);
        assert!(signals(0).is_err() && signals((1 << 29) * 10).is_err());
    }

    #[test]
    fn the_name_of_pid_1_is_read() {
        assert_eq!(until(b"end ff\n"), Some(255));
        for name in [b"agent\n".as_slice(), b"end x\n", b"", b"\xff"] {
            assert_eq!(until(name), None);
        }
        let container = json!({ "State": { "StartedAt": "1970-01-01T00:00:01.5Z" } });
        assert_eq!(planned(&container, 500), Some(2000));
    }
}
