//! Which engine to talk to, and how: `config.connection` first, then the environment, then the default socket.
//! Pure but for reading the environment; the docker command's rules where it has any.

use std::time::Duration;

use super::address::Address;
use super::config::{Connection, Protocol};
use crate::docker::version::{ApiVersion, OLDEST};
use crate::error::{Error, Result};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);

/// Everything that is needed to open connections and to speak on them.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: Address,
    /// Where the address came from, in words.
    pub(crate) found: String,
    /// Asked for; otherwise it is negotiated.
    pub(crate) version: Option<ApiVersion>,
    pub(crate) connect_within: Duration,
    /// The wait for the answer of an ordinary request.
    pub(crate) answer_within: Duration,
    pub(crate) headers: Vec<(String, String)>,
}

/// Reads the process's environment now: two providers may be made under two values of `DOCKER_HOST`.
pub(crate) fn find(connection: Connection) -> Result<Target> {
    find_in(connection, &|name| std::env::var(name).ok())
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

fn find_in(connection: Connection, environment: Environment<'_>) -> Result<Target> {
    // Set to nothing means not set, as for the docker command.
    let environment: Environment<'_> = &|name| environment(name).filter(|value| !value.trim().is_empty());
    let version = version(&connection, environment)?;
    let (address, found) = address(&connection, environment)?;
    let timeout = connection.timeout.filter(|timeout| *timeout > 0).map(Duration::from_millis);
    Ok(Target {
        address,
        found,
        version,
        connect_within: timeout.unwrap_or(CONNECT),
        answer_within: timeout.unwrap_or(ANSWER),
        headers: connection.headers.into_iter().collect(),
    })
}

fn version(connection: &Connection, environment: Environment<'_>) -> Result<Option<ApiVersion>> {
    let (path, text) = match (&connection.version, environment("DOCKER_API_VERSION")) {
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

fn address(connection: &Connection, environment: Environment<'_>) -> Result<(Address, String)> {
    if connection.has_tls() || matches!(connection.protocol, Some(Protocol::Https | Protocol::Ssh)) {
        return Err(wrong("connection", "TLS and ssh are not supported yet; use http".to_owned()));
    }
    match (&connection.socket_path, &connection.host) {
        (Some(_), Some(_)) => {
            Err(wrong("connection", "socketPath and host name two engines; keep one".to_owned()))
        }
        (Some(path), None) => {
            let path = if path.starts_with('/') { path.clone() } else { format!("unix://{path}") };
            let address = Address::parse(&path).map_err(|problem| wrong("connection.socketPath", problem))?;
            Ok((address, "config.connection".to_owned()))
        }
        (None, Some(host)) => {
            let address = from_host(connection, host).map_err(|problem| wrong("connection.host", problem))?;
            Ok((address, "config.connection".to_owned()))
        }
        (None, None) => from_environment(environment),
    }
}

/// dockerode gives scheme, host and port apart; a host that brings its own is taken whole.
fn from_host(connection: &Connection, host: &str) -> std::result::Result<Address, String> {
    let bracketed =
        if host.contains("::") && !host.contains(['[', '/']) { format!("[{host}]") } else { host.to_owned() };
    let scheme = if bracketed.contains("://") { "" } else { "tcp://" };
    let port = connection.port.map(|port| format!(":{port}")).unwrap_or_default();
    Address::parse(&format!("{scheme}{bracketed}{port}"))
}

fn from_environment(environment: Environment<'_>) -> Result<(Address, String)> {
    match environment("DOCKER_HOST") {
        Some(host) => {
            let address = Address::parse(&host).map_err(|problem| wrong("DOCKER_HOST", problem))?;
            Ok((address, "DOCKER_HOST".to_owned()))
        }
        None => Ok((Address::Unix(DEFAULT_SOCKET.into()), "default socket".to_owned())),
    }
}

fn wrong(path: &str, problem: String) -> Error {
    Error::InvalidConfig { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(connection: &str, environment: &[(&str, &str)]) -> Result<Target> {
        let connection = serde_json::from_str(connection).unwrap();
        find_in(connection, &|name| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn config_comes_before_the_environment_before_the_default() {
        let host = ("DOCKER_HOST", "tcp://env:1");
        for (connection, environment, address, from) in [
            (r#"{"socketPath":"/a.sock"}"#, &[host][..], "unix:///a.sock", "config.connection"),
            (r#"{"host":"box","port":99}"#, &[host], "tcp://box:99", "config.connection"),
            (r#"{"host":"::1","port":99}"#, &[host], "tcp://[::1]:99", "config.connection"),
            (r#"{"host":"http://box","port":99}"#, &[host], "tcp://box:99", "config.connection"),
            ("{}", &[host], "tcp://env:1", "DOCKER_HOST"),
            ("{}", &[("DOCKER_HOST", "")], "unix:///var/run/docker.sock", "default socket"),
            ("{}", &[], "unix:///var/run/docker.sock", "default socket"),
        ] {
            let target = found(connection, environment).unwrap();
            assert_eq!((target.address.to_string().as_str(), target.found.as_str()), (address, from));
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_its_path() {
        for (connection, environment, path) in [
            (r#"{"version":"auto"}"#, &[][..], "connection.version"),
            (r#"{"version":"1.24"}"#, &[], "connection.version"),
            (r#"{"socketPath":"/a","host":"b"}"#, &[], "connection"),
            (r#"{"socketPath":"a"}"#, &[], "connection.socketPath"),
            (r#"{"host":"a","port":70000}"#, &[], "connection.host"),
            ("{}", &[("DOCKER_HOST", "ftp://x")], "DOCKER_HOST"),
            ("{}", &[("DOCKER_API_VERSION", "x")], "DOCKER_API_VERSION"),
        ] {
            match found(connection, environment) {
                Err(Error::InvalidConfig { path: told, .. }) => assert_eq!(told, path),
                other => panic!("{connection} {environment:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn versions_and_timeouts_are_taken_from_the_config_first() {
        let target =
            found(r#"{"version":"v1.43","timeout":250}"#, &[("DOCKER_API_VERSION", "1.44")]).unwrap();
        assert_eq!(target.version.unwrap().to_string(), "1.43");
        assert_eq!(
            (target.connect_within, target.answer_within),
            (Duration::from_millis(250), Duration::from_millis(250))
        );
        let target = found(r#"{"timeout":0}"#, &[("DOCKER_API_VERSION", "1.44")]).unwrap();
        assert_eq!(target.version.unwrap().to_string(), "1.44");
        assert_eq!((target.connect_within, target.answer_within), (CONNECT, ANSWER));
    }
}
