//! Opens one connection to the engine, whatever it runs over, within the connect timeout. hyper calls it when its
//! pool has none to spare.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

use super::address::{Address, Server};
use super::find::Target;

/// A remote engine that vanished is noticed after this long, however quiet the connection is meant to be.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Why no connection came about; says the address.
#[derive(Debug, thiserror::Error)]
#[error("{tried}")]
pub(crate) struct DialError {
    pub(crate) tried: String,
    source: Option<io::Error>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    target: Target,
}

impl Dialer {
    pub(crate) fn new(target: Target) -> Self {
        Self { target }
    }

    async fn dial(self) -> Result<TokioIo<Socket>, DialError> {
        let Target { address, found, connect_within, .. } = &self.target;
        let failed = |why: String, source| DialError { tried: format!("{address} ({found}): {why}"), source };
        match tokio::time::timeout(*connect_within, open(address)).await {
            Ok(Ok(socket)) => Ok(TokioIo::new(socket)),
            Ok(Err(error)) => Err(failed(explain(&error), Some(error))),
            Err(_) => Err(failed(format!("no connection within {} ms", connect_within.as_millis()), None)),
        }
    }
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

async fn open(address: &Address) -> io::Result<Socket> {
    match address {
        Address::Unix(path) => UnixStream::connect(path).await.map(Socket::new),
        Address::Tcp(server) => tcp(server).await.map(Socket::new),
    }
}

async fn tcp(server: &Server) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
    stream.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
    socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such socket".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied; may this user use Docker?".to_owned(),
        io::ErrorKind::ConnectionRefused => "connection refused, nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// One open connection, whatever is underneath.
pub(crate) struct Socket(Pin<Box<dyn Duplex>>);

impl Socket {
    fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Socket")
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}
