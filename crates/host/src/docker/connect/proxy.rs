//! `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` for engines on TCP, by the docker command's rules: upper case first,
//! never for loopback. Everything goes through a tunnel, as an exec's stream is no HTTP after its first lines.

use std::fmt;
use std::io;

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;
use tower_service::Service as _;

use super::address::{Address, Server};
use super::environment::Environment;
use super::find::KEEPALIVE;

/// Of SOCKS, by RFC 1928.
const SOCKS_PORT: u16 = 1080;

/// The proxy in front of one engine. Shown without its credentials.
pub(super) struct Proxy {
    intercept: Intercept,
    /// Its URL, with the port.
    at: Uri,
    /// The variable that named it.
    named: &'static str,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.at.authority().map_or("", |authority| authority.as_str());
        write!(f, "the proxy {authority} of {}", self.named)
    }
}

impl Proxy {
    /// The one for that engine, if any. The error names the variable, and what is wrong with it.
    pub(super) fn of(
        address: &Address,
        environment: &Environment<'_>,
    ) -> Result<Option<Self>, (&'static str, String)> {
        let (server, scheme, names) = match address {
            Address::Tcp(server) => (server, "http", ["HTTP_PROXY", "http_proxy"]),
            Address::Tls(server) => (server, "https", ["HTTPS_PROXY", "https_proxy"]),
            _ => return Ok(None),
        };
        // In a CGI program HTTP_PROXY is what a client sent as its header `Proxy`.
        let cgi = environment.get("REQUEST_METHOD").is_some();
        let set = |name: &&'static str| (!cgi || *name != "HTTP_PROXY") && environment.get(name).is_some();
        let Some(named) = names.into_iter().find(set) else { return Ok(None) };
        if address.is_local() {
            return Ok(None);
        }
        let value = environment.get(named).unwrap_or_default();
        let none = environment.get("NO_PROXY").or_else(|| environment.get("no_proxy")).unwrap_or_default();
        let matcher = Matcher::builder().http(value.clone()).https(value).no(none).build();
        let destination = destination(server, scheme).map_err(|error| (named, error.to_string()))?;
        let Some(intercept) = matcher.intercept(&destination) else { return Ok(None) };
        let at = with_port(intercept.uri()).map_err(|problem| (named, problem))?;
        Ok(Some(Self { intercept, at, named }))
    }

    /// A connection to the engine through the proxy.
    pub(super) async fn connect(&self, server: &Server) -> io::Result<TcpStream> {
        let destination = destination(server, "http").map_err(io::Error::other)?;
        let proxy = self.at.clone();
        let failed = |why: String| io::Error::other(format!("{self}: {why}"));
        let stream = if proxy.scheme_str() == Some("http") {
            let mut tunnel = Tunnel::new(proxy, connector());
            if let Some(auth) = self.intercept.basic_auth() {
                tunnel = tunnel.with_auth(auth.clone());
            }
            tunnel.call(destination).await.map_err(|error| failed(why(&error)))?
        } else {
            let mut socks = SocksV5::new(proxy, connector());
            if let Some((user, password)) = self.intercept.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            socks.call(destination).await.map_err(|error| failed(why(&error)))?
        };
        Ok(stream.into_inner())
    }
}

/// The outermost says what was being done, the innermost why it did not work.
fn why(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match std::ptr::addr_eq(innermost, error) {
        true => error.to_string(),
        false => format!("{error}: {innermost}"),
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector
}

/// The proxy's URL as the connector needs it, which by itself takes the port of HTTP for SOCKS, too.
fn with_port(proxy: &Uri) -> Result<Uri, String> {
    match proxy.scheme_str().unwrap_or_default() {
        "socks5" | "socks5h" if proxy.port().is_none() => {
            let authority = format!("{}:{SOCKS_PORT}", proxy.host().unwrap_or_default());
            let url = Uri::builder().scheme("socks5").authority(authority).path_and_query("/").build();
            url.map_err(|error| error.to_string())
        }
        "http" | "socks5" | "socks5h" => Ok(proxy.clone()),
        other => Err(format!("a proxy is reached by http:// or socks5://, not by {other}://")),
    }
}

fn destination(server: &Server, scheme: &str) -> Result<Uri, hyper::http::Error> {
    Uri::builder().scheme(scheme).authority(server.authority()).path_and_query("/").build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(address: &str, set: &[(&str, &str)]) -> Result<Option<String>, String> {
        let read =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let address = Address::parse(address).unwrap();
        match Proxy::of(&address, &Environment::new(&read)) {
            Ok(found) => Ok(found.map(|proxy| proxy.to_string())),
            Err((named, problem)) => Err(format!("{named}: {problem}")),
        }
    }

    #[test]
    fn the_variable_of_the_protocol_names_the_proxy() {
        let http = ("HTTP_PROXY", "http://me:hunter2@p.example:3128");
        let https = ("https_proxy", "s.example:8080");
        let of_http = Some("the proxy p.example:3128 of HTTP_PROXY");
        let of_https = Some("the proxy s.example:8080 of https_proxy");
        for (address, set, expected) in [
            ("tcp://box:2375", &[http, https][..], of_http),
            ("https://box", &[http, https], of_https),
            ("https://box", &[http], None),
            ("tcp://box", &[https], None),
            ("tcp://127.0.0.1:2375", &[http], None),
            ("tcp://localhost", &[http], None),
            ("unix:///d.sock", &[http], None),
            ("ssh://box", &[http, https], None),
            ("tcp://box", &[http, ("NO_PROXY", "box")], None),
            ("tcp://a.box", &[http, ("no_proxy", ".box")], None),
            ("tcp://10.0.0.5", &[http, ("NO_PROXY", "10.0.0.0/8")], None),
            ("tcp://10.0.0.5", &[http, ("NO_PROXY", "11.0.0.0/8")], of_http),
            ("tcp://box", &[http, ("NO_PROXY", "*")], None),
            ("tcp://box", &[http, ("REQUEST_METHOD", "GET")], None),
            ("tcp://box", &[("HTTP_PROXY", "socks5://p:9050")], Some("the proxy p:9050 of HTTP_PROXY")),
            ("tcp://box", &[("HTTP_PROXY", "socks5://p")], Some("the proxy p:1080 of HTTP_PROXY")),
            (
                "tcp://box",
                &[("HTTP_PROXY", "socks5h://me:x@[::2]")],
                Some("the proxy [::2]:1080 of HTTP_PROXY"),
            ),
        ] {
            assert_eq!(proxy(address, set).unwrap().as_deref(), expected, "{address} {set:?}");
        }
        let refused = proxy("tcp://box", &[("HTTP_PROXY", "https://me:hunter2@p")]).unwrap_err();
        assert!(refused.starts_with("HTTP_PROXY: a proxy is reached by"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
