//! An engine behind ssh: the system's own ssh runs `docker system dial-stdio` there, one child per connection, as the
//! docker command does. Keys, agents and host aliases are ssh's business; it never asks anybody anything.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;

use super::address::Login;

/// What is kept of what ssh complains of.
const LONGEST_COMPLAINT: usize = 2048;

/// One connection. Dropping it ends the child.
#[derive(Debug)]
pub(super) struct SshStream {
    /// Gone once our side is closed.
    input: Option<ChildStdin>,
    output: ChildStdout,
    complaints: Option<ChildStderr>,
    complaint: Vec<u8>,
    heard: bool,
    _alive: oneshot::Sender<()>,
}

pub(super) fn open(login: &Login, within: Duration) -> io::Result<SshStream> {
    let mut child = command(login, within).spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("there is no ssh command on this machine"),
        _ => error,
    })?;
    let gone = || io::Error::other("ssh was started without its pipes");
    let input = child.stdin.take().ok_or_else(gone)?;
    let output = child.stdout.take().ok_or_else(gone)?;
    let complaints = child.stderr.take().ok_or_else(gone)?;
    let (alive, dropped) = oneshot::channel();
    tokio::spawn(see_off(child, dropped));
    Ok(SshStream {
        input: Some(input),
        output,
        complaints: Some(complaints),
        complaint: Vec::new(),
        heard: false,
        _alive: alive,
    })
}

fn command(login: &Login, within: Duration) -> Command {
    let mut command = Command::new("ssh");
    // Without a master of its own: one that outlives us would hold our pipes open. One that is there is used.
    command.args(["-T", "-o", "BatchMode=yes", "-o", "ControlMaster=no"]);
    command.args(["-o".to_owned(), format!("ConnectTimeout={}", within.as_secs().max(1))]);
    if let Some(user) = &login.user {
        command.args(["-l", user]);
    }
    if let Some(port) = login.port {
        command.args(["-p".to_owned(), port.to_string()]);
    }
    command.args(["--", &login.host, "docker"]);
    if let Some(socket) = &login.socket {
        // ssh joins its arguments for the remote shell.
        command.args(["--host".to_owned(), format!("'unix://{}'", socket.replace('\'', r"'\''"))]);
    }
    command.args(["system", "dial-stdio"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // A Ctrl-C at the terminal is for us to act on.
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Owns the child to its end, so that no zombie is left: it ends by itself, or when the connection is dropped.
async fn see_off(mut child: Child, dropped: oneshot::Receiver<()>) {
    tokio::select! {
        _ = child.wait() => {}
        _ = dropped => {
            // Fails only when it is gone already.
            _ = child.kill().await;
        }
    }
}

impl SshStream {
    /// Takes what ssh says on stderr, so that it never blocks on it; ready when it has said all.
    fn poll_complaint(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(complaints) = &mut self.complaints {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(complaints).poll_read(cx, &mut buffer));
            let room = LONGEST_COMPLAINT - self.complaint.len();
            let said = buffer.filled();
            self.complaint.extend_from_slice(&said[..said.len().min(room)]);
            if read.is_err() || said.is_empty() {
                self.complaints = None;
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let said_all = this.poll_complaint(cx);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.output).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.heard = true;
        } else if !this.heard {
            // It ended without a word from the engine: what ssh has to say is the reason.
            ready!(said_all);
            let complaint = String::from_utf8_lossy(&this.complaint);
            let reason = complaint.trim().lines().collect::<Vec<_>>().join("; ");
            return Poll::Ready(Err(io::Error::other(format!("ssh ended: {reason}"))));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(cx, data),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The end of the pipe is our half-close: dial-stdio passes it on.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_called_as_the_docker_command_calls_it_and_never_asks() {
        let login = Login {
            user: Some("me".to_owned()),
            host: "box".to_owned(),
            port: Some(2222),
            socket: Some("/run/it's.sock".to_owned()),
        };
        let command = command(&login, Duration::from_millis(1500));
        let arguments: Vec<_> =
            command.as_std().get_args().filter_map(|argument| argument.to_str()).collect();
        let expected = "-T -o BatchMode=yes -o ControlMaster=no -o ConnectTimeout=1 -l me -p 2222 -- box docker \
                        --host 'unix:///run/it'\\''s.sock' system dial-stdio";
        assert_eq!(arguments.join(" "), expected);
    }
}
