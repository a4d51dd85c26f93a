//! Execs: a process in a running container, its stdin and output over a connection of their own. That connection is
//! taken over raw and decoded here: the lowest latency, a real half-close, and no output that gets lost in guessing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_util::Stream;
use hyper::StatusCode;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncWrite, ReadHalf, WriteHalf};
use tokio_util::io::poll_read_buf;

use super::container::{self, is_gone};
use super::demux::{Demux, Step};
use super::engine::Engine;
use super::failure::Failure;
use super::names::is_name;
use super::pause::{Gate, Started};
use super::raw::RawRequest;
use super::wire::Wait;
use crate::chunk::Chunk;
use crate::error::{Error, Result};

/// How much is read at once.
const READ: usize = 64 * 1024;

/// What to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecSpec {
    pub cmd: Vec<String>,
    /// `KEY=value`, over the container's own.
    pub env: Vec<String>,
    /// As in `docker exec --user`; `None` is the container's.
    pub user: Option<String>,
    pub workdir: Option<String>,
    /// Without it the process's stdin is empty, and `input` goes nowhere.
    pub stdin: bool,
}

/// A started exec.
#[derive(Debug)]
pub struct ExecStream {
    pub id: String,
    pub input: ExecInput,
    pub output: ExecOutput,
}

/// The process's stdin. `shutdown` is its end; dropping it is not, as long as the output is held.
#[derive(Debug)]
pub struct ExecInput(WriteHalf<TokioIo<Upgraded>>);

/// What the process prints, in the order of arrival. The end is a whole frame's end: one within a frame, a reset
/// and a complaint of the engine are errors. An engine that goes away politely looks like an end: ask `exec_exit`.
pub struct ExecOutput {
    connection: ReadHalf<TokioIo<Upgraded>>,
    buffer: BytesMut,
    demux: Demux,
    container: String,
    ended: bool,
    _started: Started,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    exit_code: Option<i64>,
}

impl Engine {
    /// Creates and starts, attached to its output, and to its stdin where asked for.
    pub async fn exec(&self, container: &str, spec: ExecSpec) -> Result<ExecStream> {
        let gate = Gate::of(container);
        let _open = gate.pass().await;
        let id = self.create_exec(container, &spec).await?;
        match self.attach(&id).await {
            Ok(connection) => {
                let (output, input) = tokio::io::split(TokioIo::new(connection));
                let started = Started::new(&gate, &id);
                let output = ExecOutput::new(output, container, started);
                Ok(ExecStream { id, input: ExecInput(input), output })
            }
            Err(failure) => Err(self.no_exec(container, failure, "start an exec in").await),
        }
    }

    /// The exit code; `None` while the process runs.
    pub async fn exec_exit(&self, exec_id: &str) -> Result<Option<i64>> {
        let action = || format!("inspect exec {exec_id:?}");
        if !is_name(exec_id) {
            let message = "no exec can have that id".to_owned();
            return Err(Error::Api { action: action(), message, status: Some(404), source: None });
        }
        let state = self.wire().json::<State>(RawRequest::get(format!("/exec/{exec_id}/json"))).await;
        let state = state.map_err(|failure| failure.during(action()))?;
        // While it runs some engines say null, others 0.
        Ok(state.exit_code.filter(|_| !state.running))
    }

    async fn create_exec(&self, container: &str, spec: &ExecSpec) -> Result<String> {
        #[derive(Deserialize)]
        struct Created {
            #[serde(rename = "Id")]
            id: String,
        }
        let mut body = json!({
            "AttachStdin": spec.stdin,
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": false,
            "Cmd": spec.cmd,
            "Env": spec.env,
        });
        for (key, value) in [("User", &spec.user), ("WorkingDir", &spec.workdir)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        let request = RawRequest::post(container::path(container, "/exec")?).json(body);
        match self.wire().json::<Created>(request).await {
            Ok(created) => Ok(created.id),
            Err(failure) => Err(self.no_exec(container, failure, "create an exec in").await),
        }
    }

    async fn attach(&self, exec: &str) -> Result<Upgraded, Failure> {
        let request = RawRequest::post(format!("/exec/{exec}/start"))
            .header("Connection", "Upgrade")
            .header("Upgrade", "tcp")
            .json(json!({ "Detach": false, "Tty": false }));
        let response = self.wire().send(request).await?;
        let status = response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let upgraded =
                self.wire().within(self.wire().limit(Wait::Ordinary), hyper::upgrade::on(response));
            return upgraded
                .await?
                .map_err(|error| Failure::unreadable("the connection was not handed over", error));
        }
        if status.is_success() {
            let message = "it did not hand over the connection; does a proxy stand before it?".to_owned();
            return Err(Failure::Unreadable { message, source: None });
        }
        let body = self.wire().reading(response, Wait::Ordinary).all().await?;
        Err(Failure::refused(status.as_u16(), &body))
    }

    /// What kept an exec from coming about; asks for the container's state where that may be it.
    async fn no_exec(&self, container: &str, failure: Failure, action: &str) -> Error {
        match failure.status() {
            Some(404) if is_gone(&failure) => return container::not_found(container),
            Some(409 | 500) => match self.state_of(container).await {
                Ok(Some(state)) if state != "running" => {
                    return Error::SandboxStopped { id: container.to_owned(), state };
                }
                Ok(None) => return container::not_found(container),
                _ => {}
            },
            _ => {}
        }
        failure.during(format!("{action} container {container}"))
    }

    async fn state_of(&self, container: &str) -> Result<Option<String>> {
        let container = self.inspect_container(container).await?;
        Ok(container.map(|container| container["State"]["Status"].as_str().unwrap_or("unknown").to_owned()))
    }
}

impl ExecOutput {
    fn new(connection: ReadHalf<TokioIo<Upgraded>>, container: &str, started: Started) -> Self {
        Self {
            connection,
            buffer: BytesMut::new(),
            demux: Demux::default(),
            container: container.to_owned(),
            ended: false,
            _started: started,
        }
    }

    /// Reads some more; 0 is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.reserve(READ);
        poll_read_buf(Pin::new(&mut self.connection), cx, &mut self.buffer)
    }

    fn lost(&mut self, reason: String) -> Poll<Option<Result<Chunk>>> {
        self.ended = true;
        Poll::Ready(Some(Err(Error::SessionLost {
            id: self.container.clone(),
            during: "an exec".to_owned(),
            reason,
        })))
    }
}

impl Stream for ExecOutput {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        loop {
            match this.demux.step(&mut this.buffer) {
                Step::Chunk(chunk) => return Poll::Ready(Some(Ok(chunk))),
                Step::Broken(why) => return this.lost(why),
                Step::NeedMore => {}
            }
            match ready!(this.poll_fill(cx)) {
                Ok(0) if this.buffer.is_empty() && this.demux.is_between_frames() => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
                Ok(0) => return this.lost("it ended in the middle of output".to_owned()),
                Ok(_) => {}
                Err(error) => return this.lost(error.to_string()),
            }
        }
    }
}

impl std::fmt::Debug for ExecOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecOutput").field("container", &self.container).finish_non_exhaustive()
    }
}

impl AsyncWrite for ExecInput {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
