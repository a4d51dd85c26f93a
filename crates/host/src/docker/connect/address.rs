//! An engine's address: what `DOCKER_HOST` can say. Parsing and printing only; an address never holds a password.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Unix(PathBuf),
    Tcp(Server),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Where the engine's paths start behind a proxy: empty, or `/docker`.
    pub(crate) base: String,
}

const PLAIN_PORT: u16 = 2375;

impl Address {
    /// Reads `unix://…`, a bare path, `tcp://…`, `http://…` and `host:port`. The error says what is wrong, without
    /// credentials.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => {
                Err(format!("'{text}' must name an absolute path, as unix:///var/run/docker.sock does"))
            }
            "tcp" | "http" => Server::parse(rest).map(Self::Tcp),
            _ => Err(format!(
                "'{}' is no address of a Docker engine; use unix://, tcp://, http://, https:// or ssh://",
                redact(text)
            )),
        }
    }

    /// Whether the containers' own addresses can be reached from here.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            // Elsewhere the engine behind the socket lives in a virtual machine.
            Self::Unix(_) => cfg!(target_os = "linux"),
            Self::Tcp(server) => server.is_loopback(),
        }
    }

    /// The host under which published ports answer.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Tcp(server) if !server.is_loopback() => &server.host,
            _ => "localhost",
        }
    }

    /// What stands before Docker's paths in a request, encrypted or not.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::Unix(_) => "http://docker".to_owned(),
            Self::Tcp(server) => format!("http://{}{}", server.authority(), server.base),
        }
    }
}

impl Server {
    fn parse(text: &str) -> Result<Self, String> {
        let shown = redact(text);
        let wrong = |what: &str| format!("'{shown}' {what}, as 10.0.0.5:2375 does");
        let (place, base) = text.split_once('/').unwrap_or((text, ""));
        if base.contains(['?', '#', ' ']) {
            return Err(format!("'{shown}' must not have a query"));
        }
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let (host, port) = split_port(place).ok_or_else(|| wrong("must name a host and a port"))?;
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0),
            None => Some(PLAIN_PORT),
        };
        let base = base.trim_end_matches('/');
        Ok(Self {
            host: host.to_owned(),
            port: port.ok_or_else(|| wrong("must have a port from 1 to 65535"))?,
            base: if base.is_empty() { String::new() } else { format!("/{base}") },
        })
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// `host:port` as it stands in a URI.
    pub(crate) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

fn split_port(place: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => {
            let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
            let named = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
            host.chars().all(named).then_some((host, port))?
        }
    };
    (!host.is_empty()).then_some((host, port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(server) => write!(f, "tcp://{}{}", server.authority(), server.base),
        }
    }
}

/// The text without `user:password@`; a password may hold any character, so all up to the last `@` goes.
pub(crate) fn redact(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    match text[start..].rfind('@') {
        Some(at) if !text[start..].starts_with('/') => {
            format!("{}{}", &text[..start], &text[start + at + 1..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        for (text, printed) in [
            ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("/run/d.sock", "unix:///run/d.sock"),
            ("tcp://10.0.0.5", "tcp://10.0.0.5:2375"),
            ("tcp://10.0.0.5:99", "tcp://10.0.0.5:99"),
            ("http://box:99/docker/", "tcp://box:99/docker"),
            ("box:99", "tcp://box:99"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("tcp://me:p@ss@box:99", "tcp://box:99"),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.to_string()).as_deref(), Ok(printed));
        }
    }

    #[test]
    fn what_is_no_address_is_told_without_credentials() {
        for text in [
            "fd://",
            "ftp://me:hunter2@box",
            "unix://relative",
            "unix://",
            "tcp://",
            "tcp://me:hunter2@:99",
            "tcp://me:hunter2@box:0",
            "tcp://box:70000",
            "tcp://box:x",
            "tcp://[::1",
            "tcp://me:hunter2@bo x:1",
            "tcp://me:a/hunter2@box:1",
            "tcp://box/a?b",
        ] {
            let problem = Address::parse(text).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn loopback_and_unix_are_local() {
        for (text, local, host) in [
            ("/x", cfg!(target_os = "linux"), "localhost"),
            ("tcp://127.0.0.1:1", true, "localhost"),
            ("tcp://[::1]:1", true, "localhost"),
            ("tcp://localhost:1", true, "localhost"),
            ("tcp://10.0.0.5:1", false, "10.0.0.5"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.is_local(), address.host()), (local, host), "{text}");
        }
    }
}
