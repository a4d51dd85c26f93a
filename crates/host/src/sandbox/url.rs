//! Where a port of a sandbox can be reached from the host.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use super::Sandbox;
use crate::error::{Error, Result};

impl Sandbox {
    /// The published port, else the container's own address where the engine is local.
    pub async fn url(&self, port: u16, protocol: Option<&str>) -> Result<String> {
        self.usable()?;
        let protocol = protocol.unwrap_or("http");
        if port == 0 {
            let problem = "expected a port from 1 to 65535, got 0".to_owned();
            return Err(Error::InvalidConfig { path: "port".to_owned(), problem });
        }
        if !protocol.chars().all(|c| c.is_ascii_alphanumeric()) || protocol.is_empty() {
            let problem = format!("expected 'http' or 'https', got {protocol:?}");
            return Err(Error::InvalidConfig { path: "protocol".to_owned(), problem });
        }
        let container = self.engine().inspect_container(self.id()).await?.ok_or_else(|| self.not_found())?;
        let at = self
            .address(&container, port)
            .ok_or_else(|| Error::PortNotPublished { id: self.id().to_owned(), port })?;
        Ok(format!("{protocol}://{at}"))
    }

    fn address(&self, container: &Value, port: u16) -> Option<String> {
        if let Some(binding) = binding(container, port) {
            let published = binding["HostPort"].as_str()?;
            return Some(format!(
                "{}:{published}",
                self.host_of(binding["HostIp"].as_str().unwrap_or_default())
            ));
        }
        if container["HostConfig"]["NetworkMode"] == "host" {
            return Some(format!("{}:{port}", self.engine_host()));
        }
        let ip = self.engine().is_local().then(|| container_ip(container)).flatten()?;
        Some(format!("{}:{port}", in_url(ip)))
    }

    /// An address of one interface stands for itself; loopback and "every address" are the engine's host.
    fn host_of(&self, bound: &str) -> String {
        match bound.parse::<IpAddr>() {
            Ok(ip) if !ip.is_unspecified() && !ip.is_loopback() => in_url(ip),
            _ => self.engine_host(),
        }
    }

    fn engine_host(&self) -> String {
        let host = self.engine().host();
        host.parse().map_or(host, in_url)
    }
}

/// A port bound on IPv4 and IPv6 is listed twice; a caller's `localhost` tries both, IPv4 is the safer one.
fn binding(container: &Value, port: u16) -> Option<&Value> {
    let bindings = container["NetworkSettings"]["Ports"][format!("{port}/tcp")].as_array()?;
    let is_v6 =
        |binding: &&Value| binding["HostIp"].as_str().is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    bindings.iter().find(|binding| !is_v6(binding)).or(bindings.first())
}

/// From the networks: the top-level address is gone in newer API versions.
fn container_ip(container: &Value) -> Option<IpAddr> {
    let networks = container["NetworkSettings"]["Networks"].as_object()?;
    networks.values().find_map(|network| network["IPAddress"].as_str()?.parse().ok())
}

fn in_url(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}
