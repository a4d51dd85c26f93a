//! Connections within this machine: Unix sockets, and the named pipes of Windows. Each system has the one of them.

use std::io;
use std::path::Path;

use super::socket::Socket;

#[cfg(unix)]
pub(super) async fn socket(path: &Path) -> io::Result<Socket> {
    tokio::net::UnixStream::connect(path).await.map(Socket::new)
}

#[cfg(not(unix))]
pub(super) async fn socket(_: &Path) -> io::Result<Socket> {
    Err(io::Error::other("Unix sockets are not of this system; use npipe:////./pipe/docker_engine"))
}

#[cfg(windows)]
pub(super) async fn pipe(name: &str) -> io::Result<Socket> {
    use tokio::net::windows::named_pipe::ClientOptions;

    /// `ERROR_PIPE_BUSY`: every instance of the pipe is taken, and the engine is about to make another one.
    const BUSY: i32 = 231;
    const AGAIN: std::time::Duration = std::time::Duration::from_millis(20);
    // Whoever dials has a limit on the whole of it.
    loop {
        match ClientOptions::new().open(name) {
            Err(error) if error.raw_os_error() == Some(BUSY) => tokio::time::sleep(AGAIN).await,
            opened => return opened.map(Socket::new),
        }
    }
}

#[cfg(not(windows))]
pub(super) async fn pipe(_: &str) -> io::Result<Socket> {
    Err(io::Error::other("named pipes are of Windows; use unix:///var/run/docker.sock"))
}
