//! An engine's address: what `DOCKER_HOST` can say. Parsing and printing only; an address never holds a password.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Unix(PathBuf),
    /// A named pipe of Windows, as `\\\\.\\pipe\\docker_engine`.
    Pipe(String),
    Tcp(Server),
    /// TCP under TLS.
    Tls(Server),
    Ssh(Login),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Where the engine's paths start behind a proxy: empty, or `/docker`.
    pub(crate) base: String,
}

/// A machine whose own docker command passes us on to its engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// The engine's socket there, where it is not the usual one.
    pub(crate) socket: Option<String>,
}

const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

impl Address {
    /// Reads `unix://…`, a bare path, `tcp://…`, `http://…`, `https://…`, `ssh://…` and `host:port`. The error says
    /// what is wrong, without credentials.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(name) = pipe_name(text) {
            return Ok(Self::Pipe(name));
        }
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => {
                Err(format!("'{text}' must name an absolute path, as unix:///var/run/docker.sock does"))
            }
            "npipe" => Err(format!("'{text}' must name a pipe, as npipe:////./pipe/docker_engine does")),
            "tcp" | "http" => Server::parse(rest, PLAIN_PORT).map(Self::Tcp),
            "https" => Server::parse(rest, TLS_PORT).map(Self::Tls),
            "ssh" => Login::parse(rest).map(Self::Ssh),
            _ => Err(format!(
                "'{}' is no address of a Docker engine; use unix://, npipe://, tcp://, http://, https:// or ssh://",
                redact(text)
            )),
        }
    }

    /// The same server, spoken to under TLS; anything but TCP stays what it is. `text` is what it was parsed from.
    pub(crate) fn under_tls(self, text: &str) -> Result<Self, String> {
        match self {
            Self::Tcp(_) => {
                let rest = text.trim().split_once("://").map_or(text.trim(), |(_, rest)| rest);
                Server::parse(rest, TLS_PORT).map(Self::Tls)
            }
            other => Ok(other),
        }
    }

    /// The same address, encrypted or not.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(one) | Self::Tls(one), Self::Tcp(two) | Self::Tls(two)) => one == two,
            (one, two) => one == two,
        }
    }

    /// Whether the containers' own addresses can be reached from here.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            // Elsewhere the engine behind the socket lives in a virtual machine.
            Self::Unix(_) => cfg!(target_os = "linux"),
            Self::Pipe(_) => false,
            Self::Tcp(server) | Self::Tls(server) => is_loopback(&server.host),
            Self::Ssh(login) => is_loopback(&login.host),
        }
    }

    /// The host under which published ports answer.
    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Tcp(Server { host, .. })
            | Self::Tls(Server { host, .. })
            | Self::Ssh(Login { host, .. }) => host,
            _ => "localhost",
        }
    }

    /// What stands before Docker's paths in a request, encrypted or not.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::Unix(_) | Self::Pipe(_) | Self::Ssh(_) => "http://docker".to_owned(),
            Self::Tcp(server) | Self::Tls(server) => format!("http://{}{}", server.authority(), server.base),
        }
    }
}

impl Server {
    fn parse(text: &str, default_port: u16) -> Result<Self, String> {
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
            None => Some(default_port),
        };
        let base = base.trim_end_matches('/');
        Ok(Self {
            host: host.to_owned(),
            port: port.ok_or_else(|| wrong("must have a port from 1 to 65535"))?,
            base: if base.is_empty() { String::new() } else { format!("/{base}") },
        })
    }

    /// `host:port` as it stands in a URI.
    pub(crate) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl Login {
    fn parse(text: &str) -> Result<Self, String> {
        let shown = redact(text);
        let (place, path) = text.split_once('/').map_or((text, None), |(place, path)| (place, Some(path)));
        let (user, place) = place.rsplit_once('@').map_or((None, place), |(user, place)| (Some(user), place));
        if user.is_some_and(|user| user.contains(':')) {
            return Err(format!("'ssh://{shown}' must not hold a password; ssh uses its keys and its agent"));
        }
        let wrong = || format!("'ssh://{shown}' must look like ssh://user@host or ssh://user@host:22");
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '\\');
        if user.is_some_and(|user| user.is_empty() || user.starts_with('-') || !user.chars().all(plain)) {
            return Err(wrong());
        }
        let (host, port) = split_port(place).filter(|(host, _)| !host.starts_with('-')).ok_or_else(wrong)?;
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?),
            None => None,
        };
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            socket: path.filter(|path| !path.is_empty()).map(|path| format!("/{path}")),
        })
    }
}

/// `npipe:////./pipe/NAME`, `//./pipe/NAME` and `\\\\.\\pipe\\NAME` as Windows has it.
fn pipe_name(text: &str) -> Option<String> {
    let slashes = text.strip_prefix("npipe://").unwrap_or(text).replace('\\', "/");
    let name = slashes.strip_prefix("//./pipe/")?;
    (!name.is_empty() && !name.contains('/')).then(|| format!(r"\\.\pipe\{name}"))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
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
            Self::Pipe(name) => write!(f, "npipe://{}", name.replace('\\', "/")),
            Self::Tcp(server) => write!(f, "tcp://{}{}", server.authority(), server.base),
            Self::Tls(server) => write!(f, "https://{}{}", server.authority(), server.base),
            Self::Ssh(login) => write!(f, "ssh://{login}"),
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.socket.as_deref().unwrap_or_default())
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
            ("npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine"),
            (r"\\.\pipe\docker_engine", "npipe:////./pipe/docker_engine"),
            ("//./pipe/docker_engine", "npipe:////./pipe/docker_engine"),
            ("/run/d.sock", "unix:///run/d.sock"),
            ("tcp://10.0.0.5", "tcp://10.0.0.5:2375"),
            ("tcp://10.0.0.5:99", "tcp://10.0.0.5:99"),
            ("http://box:99/docker/", "tcp://box:99/docker"),
            ("box:99", "tcp://box:99"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("tcp://me:p@ss@box:99", "tcp://box:99"),
            ("https://box", "https://box:2376"),
            ("https://[::1]:99/d", "https://[::1]:99/d"),
            ("ssh://me@box", "ssh://me@box"),
            ("ssh://box:22/run/d.sock", "ssh://box:22/run/d.sock"),
            ("ssh://me@[::1]:22", "ssh://me@[::1]:22"),
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
            "npipe://docker_engine",
            "npipe:////./pipe/",
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
            "ssh://me:hunter2@box",
            "ssh://-oProxyCommand=x",
            "ssh://-l@box",
            "ssh://box:x",
            "ssh://",
        ] {
            let problem = Address::parse(text).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn tls_moves_a_server_to_its_own_port_and_leaves_sockets_alone() {
        for (text, printed) in [
            ("tcp://box", "https://box:2376"),
            ("tcp://box:99/d", "https://box:99/d"),
            ("box", "https://box:2376"),
            ("unix:///d.sock", "unix:///d.sock"),
        ] {
            assert_eq!(Address::parse(text).unwrap().under_tls(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn loopback_and_unix_are_local() {
        for (text, local, host) in [
            ("/x", cfg!(target_os = "linux"), "localhost"),
            ("tcp://127.0.0.1:1", true, "127.0.0.1"),
            ("tcp://[::1]:1", true, "::1"),
            ("tcp://localhost:1", true, "localhost"),
            ("tcp://10.0.0.5:1", false, "10.0.0.5"),
            ("https://box", false, "box"),
            ("ssh://me@box", false, "box"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.is_local(), address.host()), (local, host), "{text}");
        }
    }
}
