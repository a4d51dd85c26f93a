//! The checks that a type cannot make: ranges, formats, and values that Docker would refuse late or obscurely.

use std::collections::BTreeMap;

use super::{Config, Container, Ports, Resources, Whole, ports};
use crate::error::{Error, Result};

pub(super) fn refuse<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T> {
    Err(Error::InvalidConfig { path: path.into(), problem: problem.into() })
}

pub(super) fn config(config: &Config) -> Result<()> {
    timeout("timeout", config.timeout)?;
    config.lifetime.check()?;
    config.pool.map_or(Ok(()), |pool| pool.check(config))?;
    if config.oci_runtime.as_deref().is_some_and(|name| name.is_empty() || name.contains(char::is_whitespace))
    {
        return refuse("ociRuntime", "expected the name of an OCI runtime such as 'runsc'");
    }
    if let Some(name) = &config.image.name {
        image("image.name", name)?;
    }
    container(&config.container)
}

/// A timeout in milliseconds: more than zero.
pub(crate) fn timeout(path: &str, value: Option<Whole>) -> Result<()> {
    match value {
        Some(Whole(ms)) if ms <= 0 => {
            refuse(path, format!("expected a number of milliseconds above 0, got {ms}"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn image(path: &str, name: &str) -> Result<()> {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return refuse(path, format!("expected an image such as 'python:3.11-slim', got {name:?}"));
    }
    Ok(())
}

/// Names of environment variables that a process can have.
pub(crate) fn env(path: &str, env: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return refuse(
                format!("{path}.{name}"),
                "a variable's name must not be empty and must not hold '=' or NUL",
            );
        }
        if value.contains('\0') {
            return refuse(format!("{path}.{name}"), "a variable's value must not hold a NUL byte");
        }
    }
    Ok(())
}

/// Far above what a system has; engines repeat a name they do not know.
const LONGEST_USER: usize = 255;

/// A group alone would make engines choose the user, which is root as a rule.
pub(crate) fn user(path: &str, user: &str) -> Result<()> {
    let is_odd = user.contains(|c: char| c.is_whitespace() || c.is_control());
    if user.is_empty() || user.starts_with(':') || user.len() > LONGEST_USER || is_odd {
        let user: String = user.chars().take(LONGEST_USER).collect();
        return refuse(path, format!("expected a user such as 'node', '1000' or '1000:1000', got {user:?}"));
    }
    Ok(())
}

fn container(container: &Container) -> Result<()> {
    if let Some(name) = &container.user {
        user("container.user", name)?;
    }
    if let Some(workdir) = &container.workdir
        && (!workdir.starts_with('/') || workdir.contains('\0'))
    {
        return refuse("container.workdir", format!("expected an absolute path, got {workdir:?}"));
    }
    env("container.env", &container.env)?;
    for (at, bind) in container.binds.iter().enumerate() {
        if bind.split(':').filter(|part| !part.is_empty()).count() < 2 {
            return refuse(
                format!("container.binds[{at}]"),
                format!("expected '/host:/container' or '/host:/container:ro', got {bind:?}"),
            );
        }
    }
    published(&container.ports)?;
    if container.log_driver.is_none() && !container.log_opts.is_empty() {
        return refuse("container.logOpts", "needs container.logDriver, whose options these are");
    }
    resources(&container.resources)
}

fn published(ports: &Ports) -> Result<()> {
    for (key, bindings) in &ports.0 {
        if let Some(problem) = ports::key_problem(key) {
            return refuse(format!("container.ports.{key}"), problem);
        }
        for (at, binding) in bindings.iter().enumerate() {
            let here = |field: &str| format!("container.ports.{key}[{at}].{field}");
            if let Some(Whole(port)) = binding.host_port.filter(|p| !(0..=65535).contains(&p.0)) {
                return refuse(
                    here("hostPort"),
                    format!("expected a port from 0 (a free one) to 65535, got {port}"),
                );
            }
            if let Some(ip) = binding.host_ip.as_deref().filter(|ip| ip.parse::<std::net::IpAddr>().is_err())
            {
                return refuse(here("hostIP"), format!("expected an IP address, got {ip:?}"));
            }
        }
    }
    Ok(())
}

fn resources(limits: &Resources) -> Result<()> {
    let unsigned = [
        ("cpuShares", limits.cpu_shares),
        ("cpuPeriod", limits.cpu_period),
        ("nanoCPUs", limits.nano_cpus),
        ("memory", limits.memory),
        ("memoryReservation", limits.memory_reservation),
        ("shmSize", limits.shm_size),
    ];
    for (name, value) in unsigned {
        if let Some(Whole(value)) = value.filter(|v| v.0 < 0) {
            return refuse(format!("container.resources.{name}"), format!("expected 0 or more, got {value}"));
        }
    }
    let or_unlimited = [
        ("cpuQuota", limits.cpu_quota),
        ("memorySwap", limits.memory_swap),
        ("pidsLimit", limits.pids_limit),
    ];
    for (name, value) in or_unlimited {
        if let Some(Whole(value)) = value.filter(|v| v.0 < -1) {
            return refuse(
                format!("container.resources.{name}"),
                format!("expected -1 (no limit) or more, got {value}"),
            );
        }
    }
    Ok(())
}
