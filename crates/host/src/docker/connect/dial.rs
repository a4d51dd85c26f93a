//! Opens one connection to the engine within the connect timeout; hyper calls it when its pool has none to spare.
//! Where several sockets come into question, the first that answers is kept: one provider never mixes two engines.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::{Address, Server};
use super::find::{Endpoint, KEEPALIVE, Target};
use super::proxy::Proxy;
use super::socket::Socket;
use super::{local, ssh, tls};

/// Why no connection came about; says every address that was tried.
#[derive(Debug, thiserror::Error)]
#[error("{tried}")]
pub(crate) struct DialError {
    pub(crate) tried: String,
    source: Option<io::Error>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    target: Arc<Target>,
}

impl Dialer {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target }
    }

    async fn dial(self) -> Result<TokioIo<Socket>, DialError> {
        let within = self.target.connect_within;
        if let Some(endpoint) = self.target.settled() {
            return open(endpoint, within).await.map(TokioIo::new);
        }
        let mut failures = Vec::new();
        for (index, endpoint) in self.target.endpoints.iter().enumerate() {
            match open(endpoint, within).await {
                // Another dial may have settled on another one meanwhile; then that is the engine.
                Ok(socket) if self.target.settle(index) => return Ok(TokioIo::new(socket)),
                Ok(_) => return open(self.target.endpoint(), within).await.map(TokioIo::new),
                Err(error) => failures.push(error),
            }
        }
        Err(DialError {
            tried: summary(&failures),
            source: failures.into_iter().find_map(|error| error.source),
        })
    }
}

/// Every reason; sockets that are not there only by name, as there may be a dozen.
fn summary(failures: &[DialError]) -> String {
    let absent = |error: &&DialError| {
        error.source.as_ref().is_some_and(|source| source.kind() == io::ErrorKind::NotFound)
    };
    let first = failures.iter().take(1).map(|error| error.tried.clone());
    let rest = failures.get(1..).unwrap_or_default();
    let told = rest.iter().filter(|error| !absent(error)).map(|error| error.tried.clone());
    let mut parts: Vec<String> = first.chain(told).collect();
    let names: Vec<&str> =
        rest.iter().filter(absent).filter_map(|error| error.tried.split(" (").next()).collect();
    if !names.is_empty() {
        parts.push(format!("nor is there any of {}", names.join(", ")));
    }
    parts.join("; ")
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Socket>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().dial())
    }
}

async fn open(endpoint: &Endpoint, within: Duration) -> Result<Socket, DialError> {
    let failed = |why: String, source| DialError { tried: format!("{endpoint}: {why}"), source };
    match tokio::time::timeout(within, connect(endpoint, within)).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(error)) => Err(failed(explain(&error), Some(error))),
        Err(_) => Err(failed(format!("no connection within {} ms", within.as_millis()), None)),
    }
}

async fn connect(endpoint: &Endpoint, within: Duration) -> io::Result<Socket> {
    match (&endpoint.address, &endpoint.tls) {
        (Address::Unix(path), _) => local::socket(path).await,
        (Address::Pipe(name), _) => local::pipe(name).await,
        (Address::Ssh(login), _) => ssh::open(login, within).map(Socket::new),
        (Address::Tcp(server), _) => tcp(server, endpoint.proxy.as_ref()).await.map(Socket::new),
        (Address::Tls(server), Some(client)) => {
            let stream = tcp(server, endpoint.proxy.as_ref()).await?;
            tls::handshake(stream, &server.host, Arc::clone(client)).await.map(Socket::new)
        }
        (Address::Tls(_), None) => Err(io::Error::other("it has no TLS settings")),
    }
}

async fn tcp(server: &Server, proxy: Option<&Proxy>) -> io::Result<TcpStream> {
    if let Some(proxy) = proxy {
        return proxy.connect(server).await;
    }
    let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
    stream.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
    socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

fn explain(error: &io::Error) -> String {
    if let Some(explained) = tls::explain(error) {
        return explained;
    }
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such socket".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied; may this user use Docker?".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused, nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_told_and_what_is_not_there_only_by_name() {
        let failure = |tried: &str, kind: io::ErrorKind| DialError {
            tried: tried.to_owned(),
            source: Some(kind.into()),
        };
        let told = summary(&[
            failure("unix:///a (default socket): there is no such socket", io::ErrorKind::NotFound),
            failure("unix:///b (Colima): there is no such socket", io::ErrorKind::NotFound),
            failure("unix:///c (Podman): connection refused", io::ErrorKind::ConnectionRefused),
            failure("unix:///d (OrbStack): there is no such socket", io::ErrorKind::NotFound),
        ]);
        let expected = "unix:///a (default socket): there is no such socket; unix:///c (Podman): connection refused; \
                        nor is there any of unix:///b, unix:///d";
        assert_eq!(told, expected);
    }
}
