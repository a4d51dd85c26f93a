//! Which engine to talk to, and how: `config.connection`, `DOCKER_HOST`, `DOCKER_CONTEXT`, the docker command's current
//! context, the default socket, the sockets that engines are known to use. Reads environment and files, dials nobody.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::address::Address;
use super::config::{Connection, Protocol};
use super::context;
use super::environment::Environment;
use super::known;
use super::proxy::Proxy;
use super::tls::Material;
use crate::docker::version::{ApiVersion, OLDEST};
use crate::error::{Error, Result};

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
/// A remote engine that vanished is noticed after this long, however quiet the connection is meant to be.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);
const CONFIG: &str = "config.connection";

/// Everything that is needed to open connections and to speak on them.
#[derive(Debug)]
pub(crate) struct Target {
    /// At least one; those that come into question, in order.
    pub(super) endpoints: Vec<Endpoint>,
    settled: OnceLock<usize>,
    /// Asked for; otherwise it is negotiated.
    pub(crate) version: Option<ApiVersion>,
    pub(crate) connect_within: Duration,
    /// The wait for the answer of an ordinary request.
    pub(crate) answer_within: Duration,
    pub(crate) headers: Vec<(String, String)>,
    /// Where the docker command keeps its settings and logins, if there is a home folder at all.
    pub(crate) docker_folder: Option<PathBuf>,
}

/// One place where the engine may be.
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    /// Where the address came from, in words.
    found: String,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    pub(super) proxy: Option<Proxy>,
    /// Whether containers' own addresses can be reached from here.
    pub(crate) is_local: bool,
}

impl Target {
    /// The endpoint in use, or the first in question while nothing answered yet.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoints[self.settled.get().copied().unwrap_or(0)]
    }

    pub(super) fn settled(&self) -> Option<&Endpoint> {
        self.settled.get().map(|index| &self.endpoints[*index])
    }

    /// Keeps that endpoint for good; false when another one was kept before.
    pub(super) fn settle(&self, index: usize) -> bool {
        *self.settled.get_or_init(|| index) == index
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.address, self.found)?;
        if let Some(proxy) = &self.proxy {
            write!(f, ", through {proxy}")?;
        }
        f.write_str(")")
    }
}

/// Without the TLS settings: they hold a key.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// Reads the process's environment now: two providers may be made under two values of `DOCKER_HOST`.
pub(crate) fn find(connection: Connection) -> Result<Target> {
    find_in(connection, &Environment::new(&|name| std::env::var(name).ok()))
}

fn find_in(connection: Connection, environment: &Environment<'_>) -> Result<Target> {
    let mut endpoints = endpoints(&connection, environment)?;
    for endpoint in &mut endpoints {
        endpoint.proxy =
            Proxy::of(&endpoint.address, environment).map_err(|(name, problem)| wrong(name, problem))?;
    }
    let timeout = connection.timeout.filter(|timeout| *timeout > 0).map(Duration::from_millis);
    Ok(Target {
        version: version(&connection, environment)?,
        endpoints,
        settled: OnceLock::new(),
        connect_within: timeout.unwrap_or(CONNECT),
        answer_within: timeout.unwrap_or(ANSWER),
        headers: connection.headers.into_iter().collect(),
        docker_folder: environment.docker_folder(),
    })
}

fn version(connection: &Connection, environment: &Environment<'_>) -> Result<Option<ApiVersion>> {
    let (path, text) = match (&connection.version, environment.get("DOCKER_API_VERSION")) {
        (Some(text), _) => ("connection.version", text.clone()),
        (None, Some(text)) => ("DOCKER_API_VERSION", text),
        (None, None) => return Ok(None),
    };
    match ApiVersion::parse(&text) {
        Some(version) if version >= OLDEST => Ok(Some(version)),
        Some(version) => Err(wrong(path, format!("{version} is too old, {OLDEST} or newer is needed"))),
        None => Err(wrong(path, format!("'{text}' is no API version such as 1.43"))),
    }
}

fn endpoints(connection: &Connection, environment: &Environment<'_>) -> Result<Vec<Endpoint>> {
    match (&connection.socket_path, &connection.host) {
        (Some(_), Some(_)) => Err(wrong("connection", "socketPath and host name two engines; keep one")),
        (Some(path), None) => from_socket_path(connection, path).map(|endpoint| vec![endpoint]),
        (None, Some(host)) => from_host(connection, host).map(|endpoint| vec![endpoint]),
        (None, None) => {
            nothing_goes_unheard(connection)?;
            from_environment(environment)
        }
    }
}

/// Options that say how to reach a host make no sense without one.
fn nothing_goes_unheard(connection: &Connection) -> Result<()> {
    let given = [
        ("port", connection.port.is_some()),
        ("protocol", connection.protocol.is_some()),
        ("username", connection.username.is_some()),
        ("ca, cert and key", connection.has_tls()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(wrong("connection.host", format!("is needed where {name} is given"))),
        None => Ok(()),
    }
}

fn from_socket_path(connection: &Connection, path: &str) -> Result<Endpoint> {
    let whole = path.starts_with(['/', '\\']) || path.starts_with("npipe://");
    let text = if whole { path.to_owned() } else { format!("unix://{path}") };
    let address = Address::parse(&text).map_err(|problem| wrong("connection.socketPath", problem))?;
    // http is what a socket is spoken to in anyway.
    let plain = matches!(connection.protocol, None | Some(Protocol::Http));
    if !plain || connection.has_tls() || connection.port.is_some() || connection.username.is_some() {
        let problem = "takes no port, protocol, username, ca, cert or key beside it";
        return Err(wrong("connection.socketPath", problem));
    }
    endpoint(address, CONFIG.to_owned(), None, "connection")
}

/// dockerode gives protocol, host and port apart; a host that brings its own is taken whole.
fn from_host(connection: &Connection, host: &str) -> Result<Endpoint> {
    let at_host = |problem: String| wrong("connection.host", problem);
    let text = host_text(connection, host).map_err(at_host)?;
    let mut address = Address::parse(&text).map_err(at_host)?;
    if connection.has_tls() && connection.protocol.is_none() {
        address = address.under_tls(&text).map_err(at_host)?;
    }
    if let (Address::Ssh(login), Some(user)) = (&mut address, &connection.username) {
        login.user = Some(user.clone());
        // What it is made of is checked where a whole address is.
        address =
            Address::parse(&address.to_string()).map_err(|problem| wrong("connection.username", problem))?;
    } else if connection.username.is_some() {
        return Err(wrong("connection.username", "is for protocol 'ssh' only"));
    }
    if connection.has_tls() && !matches!(address, Address::Tls(_)) {
        return Err(wrong("connection", "ca, cert and key are for protocol 'https' only"));
    }
    let material = Material {
        ca: connection.ca.clone(),
        cert: connection.cert.clone(),
        key: connection.key.clone(),
        ..Material::default()
    };
    endpoint(address, CONFIG.to_owned(), Some(material), "connection")
}

fn host_text(connection: &Connection, host: &str) -> std::result::Result<String, String> {
    let port = connection.port.map(|port| format!(":{port}")).unwrap_or_default();
    if host.contains("://") {
        return match connection.protocol {
            Some(_) => Err("has a protocol of its own; leave out connection.protocol".to_owned()),
            None => Ok(format!("{host}{port}")),
        };
    }
    let scheme = match connection.protocol {
        None | Some(Protocol::Http) => "tcp",
        Some(Protocol::Https) => "https",
        Some(Protocol::Ssh) => "ssh",
    };
    // A bare IPv6 address.
    match host.contains("::") && !host.contains('[') {
        true => Ok(format!("{scheme}://[{host}]{port}")),
        false => Ok(format!("{scheme}://{host}{port}")),
    }
}

fn from_environment(environment: &Environment<'_>) -> Result<Vec<Endpoint>> {
    if let Some(host) = environment.get("DOCKER_HOST") {
        return from_docker_host(&host, environment).map(|endpoint| vec![endpoint]);
    }
    let context =
        context::current(environment).map_err(|unusable| wrong(&unusable.asked_by, unusable.problem))?;
    if let Some(context::Context { found, host, tls }) = context {
        let mut address = Address::parse(&host).map_err(|problem| wrong(&found, problem))?;
        if tls.is_some() {
            address = address.under_tls(&host).map_err(|problem| wrong(&found, problem))?;
        }
        return endpoint(address, found.clone(), tls, &found).map(|endpoint| vec![endpoint]);
    }
    let endpoints =
        known::addresses(environment).into_iter().enumerate().map(|(index, (address, found))| Endpoint {
            address,
            found: found.to_owned(),
            tls: None,
            proxy: None,
            // All but the default one belong to engines in a virtual machine or a network namespace of their own.
            is_local: index == 0 && cfg!(target_os = "linux"),
        });
    Ok(endpoints.collect())
}

fn from_docker_host(host: &str, environment: &Environment<'_>) -> Result<Endpoint> {
    let at_host = |problem| wrong("DOCKER_HOST", problem);
    let mut address = Address::parse(host).map_err(at_host)?;
    if environment.get("DOCKER_TLS_VERIFY").is_some() {
        address = address.under_tls(host).map_err(at_host)?;
    }
    let material = match &address {
        Address::Tls(_) => certificates_of(environment)?,
        _ => None,
    };
    endpoint(address, "DOCKER_HOST".to_owned(), material, "DOCKER_CERT_PATH")
}

fn certificates_of(environment: &Environment<'_>) -> Result<Option<Material>> {
    let named = environment.get("DOCKER_CERT_PATH").map(PathBuf::from);
    let Some(folder) = named.clone().or_else(|| environment.docker_folder()) else { return Ok(None) };
    let material = Material::in_folder(&folder).map_err(|problem| wrong("DOCKER_CERT_PATH", problem))?;
    match (&material, named) {
        (None, Some(folder)) => {
            let problem = format!("{} holds none of ca.pem, cert.pem and key.pem", folder.display());
            Err(wrong("DOCKER_CERT_PATH", problem))
        }
        _ => Ok(material),
    }
}

/// `path` names who gave the TLS material.
fn endpoint(address: Address, found: String, material: Option<Material>, path: &str) -> Result<Endpoint> {
    let tls = match &address {
        Address::Tls(_) => {
            Some(material.unwrap_or_default().client().map_err(|problem| wrong(path, problem))?)
        }
        _ => None,
    };
    Ok(Endpoint { is_local: address.is_local(), address, found, tls, proxy: None })
}

fn wrong(path: &str, problem: impl Into<String>) -> Error {
    Error::InvalidConfig { path: path.to_owned(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(connection: &str, environment: &[(&str, &str)]) -> Result<Target> {
        let connection = serde_json::from_str(connection).unwrap();
        let read = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        find_in(connection, &Environment::new(&read))
    }

    #[test]
    fn config_comes_before_the_environment_before_the_default() {
        let host = ("DOCKER_HOST", "tcp://env:1");
        let context = ("DOCKER_CONTEXT", "nope");
        for (connection, environment, expected) in [
            (r#"{"socketPath":"/a.sock"}"#, &[host][..], "unix:///a.sock (config.connection)"),
            (r#"{"socketPath":"//./pipe/d"}"#, &[host], "npipe:////./pipe/d (config.connection)"),
            (r#"{"host":"box","port":99}"#, &[host], "tcp://box:99 (config.connection)"),
            (r#"{"host":"box","protocol":"http"}"#, &[host], "tcp://box:2375 (config.connection)"),
            (r#"{"host":"box","protocol":"https"}"#, &[host], "https://box:2376 (config.connection)"),
            (r#"{"host":"::1","port":99}"#, &[host], "tcp://[::1]:99 (config.connection)"),
            (r#"{"host":"http://box","port":99}"#, &[host], "tcp://box:99 (config.connection)"),
            (
                r#"{"host":"box","protocol":"ssh","username":"me","port":22}"#,
                &[host],
                "ssh://me@box:22 (config.connection)",
            ),
            ("{}", &[host, context], "tcp://env:1 (DOCKER_HOST)"),
            (
                "{}",
                &[("DOCKER_HOST", "tcp://env"), ("DOCKER_TLS_VERIFY", "1")],
                "https://env:2376 (DOCKER_HOST)",
            ),
            ("{}", &[("DOCKER_HOST", "unix:///x"), ("DOCKER_TLS_VERIFY", "1")], "unix:///x (DOCKER_HOST)"),
            ("{}", &[("DOCKER_HOST", "")], "unix:///var/run/docker.sock (default socket)"),
            ("{}", &[("DOCKER_CONTEXT", "default")], "unix:///var/run/docker.sock (default socket)"),
        ] {
            let target = found(connection, environment).unwrap();
            assert_eq!(target.endpoint().to_string(), expected);
        }
        assert!(found("{}", &[]).unwrap().endpoints.len() > 1);
        assert_eq!(found("{}", &[host]).unwrap().endpoints.len(), 1);
    }

    #[test]
    fn a_wrong_value_is_told_with_its_path() {
        for (connection, environment, path) in [
            (r#"{"version":"auto"}"#, &[][..], "connection.version"),
            (r#"{"version":"1.24"}"#, &[], "connection.version"),
            (r#"{"socketPath":"/a","host":"b"}"#, &[], "connection"),
            (r#"{"socketPath":"a"}"#, &[], "connection.socketPath"),
            (r#"{"socketPath":"/a","ca":"x"}"#, &[], "connection.socketPath"),
            (r#"{"host":"a","port":70000}"#, &[], "connection.host"),
            (r#"{"host":"http://a","protocol":"http"}"#, &[], "connection.host"),
            (r#"{"port":2375}"#, &[], "connection.host"),
            (r#"{"host":"a","username":"b"}"#, &[], "connection.username"),
            (r#"{"host":"a","protocol":"ssh","username":"-oX"}"#, &[], "connection.username"),
            (r#"{"host":"a","protocol":"http","ca":"x"}"#, &[], "connection"),
            (r#"{"host":"a","ca":"no pem"}"#, &[], "connection"),
            (r#"{"host":"a","protocol":"https","key":"x"}"#, &[], "connection"),
            ("{}", &[("DOCKER_HOST", "ftp://x")], "DOCKER_HOST"),
            ("{}", &[("DOCKER_API_VERSION", "x")], "DOCKER_API_VERSION"),
            ("{}", &[("DOCKER_CONTEXT", "nope"), ("DOCKER_CONFIG", "/nowhere")], "DOCKER_CONTEXT"),
            ("{}", &[("DOCKER_HOST", "https://x"), ("DOCKER_CERT_PATH", "/nowhere")], "DOCKER_CERT_PATH"),
        ] {
            match found(connection, environment) {
                Err(Error::InvalidConfig { path: told, .. }) => assert_eq!(told, path, "{connection}"),
                other => panic!("{connection} {environment:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn versions_and_timeouts_are_taken_from_the_config_first() {
        let api = ("DOCKER_API_VERSION", "1.44");
        let target = found(r#"{"version":"v1.43","timeout":250}"#, &[api]).unwrap();
        assert_eq!(target.version.unwrap().to_string(), "1.43");
        let limit = Duration::from_millis(250);
        assert_eq!((target.connect_within, target.answer_within), (limit, limit));
        let target = found(r#"{"timeout":0}"#, &[api]).unwrap();
        assert_eq!(target.version.unwrap().to_string(), "1.44");
        assert_eq!((target.connect_within, target.answer_within), (CONNECT, ANSWER));
    }

    #[test]
    fn the_first_endpoint_that_answered_is_kept() {
        let target = found("{}", &[("HOME", "/home/me")]).unwrap();
        assert!(target.settled().is_none() && target.endpoint().is_local == cfg!(target_os = "linux"));
        assert!(target.settle(2) && target.settle(2) && !target.settle(0));
        assert!(!target.endpoint().is_local);
    }
}
