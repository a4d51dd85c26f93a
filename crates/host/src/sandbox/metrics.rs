//! What a sandbox uses, and how much of it it may. CPU use is a rate: it is taken since the reading before, or, where there
//! is none, over a moment.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Sandbox;
use crate::error::{Error, Result};

/// Between the two readings of a first call.
const MOMENT: Duration = Duration::from_millis(100);

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Of one CPU: 150 is one and a half.
    pub cpu_percent: f64,
    /// Since the sandbox started.
    pub cpu_ms: f64,
    /// How many CPUs it may use at once.
    pub cpu_limit: f64,
    /// Bytes, without what the kernel only keeps while nobody needs the room.
    pub memory_used: u64,
    pub memory_limit: u64,
    pub received: u64,
    pub sent: u64,
    pub pids: u64,
    /// `None`: no limit.
    pub pids_limit: Option<u64>,
}

/// CPU time at a moment of the engine's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    at_ns: i128,
    cpu_ns: u64,
}

/// The reading before, and the rate that was told of it.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Option<(Reading, f64)>>);

impl Sandbox {
    /// Measures once.
    pub async fn metrics(&self) -> Result<Metrics> {
        self.usable()?;
        let limit = self.limits().await?;
        if self.meter().is_none() {
            let (first, _) = self.stats().await?;
            *self.meter() = Some((first, 0.0));
            tokio::time::sleep(MOMENT).await;
        }
        let (reading, stats) = self.stats().await?;
        let rate = {
            let mut meter = self.meter();
            let rate = rate(meter.as_ref(), reading);
            *meter = Some((reading, rate));
            rate
        };
        Ok(measured(&stats, rate, limit))
    }

    fn meter(&self) -> MutexGuard<'_, Option<(Reading, f64)>> {
        self.0.meter.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stats(&self) -> Result<(Reading, Value)> {
        let stats = self.engine().container_stats(self.id()).await?.ok_or_else(|| self.not_found())?;
        let read = stats["read"].as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let at_ns = read.unwrap_or_else(OffsetDateTime::now_utc).unix_timestamp_nanos();
        Ok((Reading { at_ns, cpu_ns: cpu_ns(&stats) }, stats))
    }

    /// How many CPUs the container is limited to, if at all. A stopped one uses nothing worth telling.
    async fn limits(&self) -> Result<Option<f64>> {
        let container = self.engine().inspect_container(self.id()).await?.ok_or_else(|| self.not_found())?;
        if container["State"]["Running"] != true {
            let state = container["State"]["Status"].as_str().unwrap_or("stopped").to_owned();
            return Err(Error::SandboxStopped { id: self.id().to_owned(), state });
        }
        Ok(cpu_limit(&container["HostConfig"]))
    }
}

fn cpu_limit(host: &Value) -> Option<f64> {
    let number = |field: &str| host[field].as_f64().filter(|value| *value > 0.0);
    if let Some(nanos) = number("NanoCpus") {
        return Some(nanos / 1e9);
    }
    Some(number("CpuQuota")? / number("CpuPeriod").unwrap_or(100_000.0))
}

fn cpu_ns(stats: &Value) -> u64 {
    stats["cpu_stats"]["cpu_usage"]["total_usage"].as_u64().unwrap_or_default()
}

/// Percent of one CPU. An engine that reads once a second may give the same reading twice.
fn rate(before: Option<&(Reading, f64)>, now: Reading) -> f64 {
    let Some((before, told)) = before else { return 0.0 };
    if now.at_ns <= before.at_ns {
        return *told;
    }
    let spent = now.cpu_ns.saturating_sub(before.cpu_ns) as f64;
    (spent / (now.at_ns - before.at_ns) as f64 * 1e4).round() / 100.0
}

fn measured(stats: &Value, cpu_percent: f64, cpu_limit: Option<f64>) -> Metrics {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let memory = &stats["memory_stats"];
    let inactive = ["total_inactive_file", "inactive_file"];
    let cache = inactive.iter().find_map(|field| memory["stats"][*field].as_u64()).unwrap_or_default();
    let networks = || stats["networks"].as_object().into_iter().flat_map(serde_json::Map::values);
    let online = || stats["cpu_stats"]["online_cpus"].as_f64().filter(|count| *count > 0.0).unwrap_or(1.0);
    // Engines say "no limit" by 0, by nothing, and by the largest number.
    let pids_limit = stats["pids_stats"]["limit"].as_u64().filter(|limit| (1..1 << 40).contains(limit));
    Metrics {
        cpu_percent,
        cpu_ms: (cpu_ns(stats) / 1000) as f64 / 1000.0,
        cpu_limit: cpu_limit.unwrap_or_else(online),
        memory_used: number(&memory["usage"]).saturating_sub(cache),
        memory_limit: number(&memory["limit"]),
        received: networks().map(|network| number(&network["rx_bytes"])).sum(),
        sent: networks().map(|network| number(&network["tx_bytes"])).sum(),
        pids: number(&stats["pids_stats"]["current"]),
        pids_limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_versions_of_cgroups_are_read() {
        let first = json!({
            "cpu_stats": { "cpu_usage": { "total_usage": 4_000_000_000u64 }, "online_cpus": 2 },
            "memory_stats": { "usage": 1000, "limit": 5000, "stats": { "total_inactive_file": 300 } },
            "networks": { "eth0": { "rx_bytes": 1, "tx_bytes": 2 }, "eth1": { "rx_bytes": 3, "tx_bytes": 4 } },
            "pids_stats": { "current": 3, "limit": 64 },
        });
        let metrics = measured(&first, 150.0, None);
        assert_eq!((metrics.cpu_percent, metrics.cpu_ms, metrics.cpu_limit), (150.0, 4000.0, 2.0));
        assert_eq!((metrics.memory_used, metrics.memory_limit), (700, 5000));
        assert_eq!((metrics.received, metrics.sent), (4, 6));
        assert_eq!((metrics.pids, metrics.pids_limit), (3, Some(64)));
        let second = json!({
            "memory_stats": { "usage": 1000, "stats": { "inactive_file": 400 } },
            "pids_stats": { "current": 1, "limit": u64::MAX },
        });
        let metrics = measured(&second, 0.0, Some(0.5));
        assert_eq!((metrics.memory_used, metrics.cpu_limit, metrics.pids_limit), (600, 0.5, None));
    }

    #[test]
    fn the_rate_is_that_between_two_readings() {
        let reading = |seconds: i128, cpu_ns| Reading { at_ns: seconds * 1_000_000_000, cpu_ns };
        let before = (reading(10, 1_000_000_000), 7.0);
        assert_eq!(rate(Some(&before), reading(12, 4_000_000_000)), 150.0);
        assert_eq!(rate(Some(&before), before.0), 7.0);
        assert_eq!(rate(Some(&before), reading(11, 0)), 0.0);
        assert_eq!(rate(None, before.0), 0.0);
    }

    #[test]
    fn a_cpu_limit_has_two_spellings() {
        assert_eq!(cpu_limit(&json!({ "NanoCpus": 1_500_000_000u64 })), Some(1.5));
        assert_eq!(cpu_limit(&json!({ "CpuQuota": 20_000, "CpuPeriod": 0 })), Some(0.2));
        assert_eq!(cpu_limit(&json!({ "NanoCpus": 0, "CpuQuota": 0 })), None);
    }
}
