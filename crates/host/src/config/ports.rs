//! `container.ports`: which container ports are published where, in Docker's `PortBindings` shape.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Whole;

/// `'8080/tcp'` to the host addresses it is published on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Ports(pub BTreeMap<String, Vec<PortBinding>>);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortBinding {
    /// Default: a free port.
    #[serde(rename = "hostPort", alias = "HostPort")]
    pub host_port: Option<Whole>,
    /// Default: every address.
    #[serde(rename = "hostIP", alias = "hostIp", alias = "HostIp")]
    pub host_ip: Option<String>,
}

impl Ports {
    /// `PortBindings` of the HostConfig. An empty `HostPort` asks for a free one; a missing field is refused by
    /// newer engines.
    pub fn bindings(&self) -> Map<String, Value> {
        self.0
            .iter()
            .map(|(port, at)| (normal_key(port), at.iter().map(PortBinding::to_docker).collect()))
            .collect()
    }
}

impl PortBinding {
    fn to_docker(&self) -> Value {
        let port = self.host_port.filter(|p| p.0 != 0).map(|p| p.0.to_string()).unwrap_or_default();
        json!({ "HostIp": self.host_ip.as_deref().unwrap_or_default(), "HostPort": port })
    }
}

/// Docker's key: a port without a protocol is TCP.
fn normal_key(port: &str) -> String {
    if port.contains('/') { port.to_owned() } else { format!("{port}/tcp") }
}

/// What is wrong with a `container.ports` key, if anything.
pub(super) fn key_problem(key: &str) -> Option<String> {
    let (port, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    let valid = port.parse::<u16>().is_ok_and(|p| p > 0 && p.to_string() == port);
    if !valid {
        return Some(format!(
            "expected a port from 1 to 65535 and a protocol, such as '8080/tcp', got '{key}'"
        ));
    }
    (!matches!(protocol, "tcp" | "udp"))
        .then(|| format!("expected the protocol tcp or udp, got '{protocol}'"))
}
