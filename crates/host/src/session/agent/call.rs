//! One request under way: its answers, the credit it gives, the input it still has to send.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use computesdk_docker_protocol::{CHUNK, INPUT_WINDOW, Input, ProtocolError, ToAgent, ToHost};

use super::kind::Kind;
use super::requests::Requests;
use crate::error::{Error, Result as HostResult};

/// Dropped before its end, it tells the agent to stop.
#[derive(Debug)]
pub(super) struct Call {
    requests: Arc<Requests>,
    id: u32,
    kind: Kind,
    ended: bool,
}

impl Call {
    pub(super) fn new(requests: Arc<Requests>, id: u32, kind: Kind) -> Self {
        Self { requests, id, kind, ended: false }
    }

    /// The next answer. That it is one of this kind of request has been checked, and nothing follows the end.
    pub(super) async fn next(&mut self) -> HostResult<ToHost> {
        let answer = poll_fn(|cx| self.requests.poll_next(self.id, self.kind, cx)).await;
        self.ended = matches!(answer, Err(_) | Ok(ToHost::Exited(_) | ToHost::Done | ToHost::Failed(_)));
        answer
    }

    pub(super) fn kill(&self) {
        self.requests.send(|out| ToAgent::Kill.encode(self.id, out));
    }

    pub(super) fn tell(&self, message: &ToAgent) {
        self.requests.send(|out| message.encode(self.id, out));
    }

    pub(super) fn feed(&self, input: &Portion) {
        self.requests.feed(self.id, input);
    }

    /// Nothing more is sent for it.
    pub(super) fn end_input(&self) {
        self.requests.send(|out| ToAgent::DataEnd.encode(self.id, out));
    }

    pub(super) fn nonsense(&self) -> Error {
        self.requests.nonsense(self.kind)
    }

    /// Somebody took so many bytes of output.
    pub(super) fn took(&mut self, bytes: usize) {
        self.requests.took(self.id, bytes);
    }

    /// The agent took input: sends what there is room for now.
    pub(super) fn go_on(&self, feed: &mut Feed, credit: u32) {
        feed.room += credit as usize;
        let portion = feed.portion();
        if !portion.is_empty() {
            self.requests.feed(self.id, &portion);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.requests.abandon(self.id);
        }
    }
}

/// Input of a request, sent as the agent takes it.
#[derive(Debug)]
pub(super) struct Feed {
    left: Bytes,
    room: usize,
    kind: Input,
    end: Option<ToAgent>,
}

/// What of the input fits now, and its end when nothing is left.
#[derive(Debug)]
pub(super) struct Portion {
    bytes: Bytes,
    kind: Input,
    end: Option<ToAgent>,
}

impl Feed {
    pub(super) fn stdin(content: Option<Bytes>) -> Self {
        let end = content.is_some().then_some(ToAgent::StdinEnd);
        Self { left: content.unwrap_or_default(), room: INPUT_WINDOW, kind: Input::Stdin, end }
    }

    pub(super) fn file(content: Bytes) -> Self {
        Self { left: content, room: INPUT_WINDOW, kind: Input::Data, end: Some(ToAgent::DataEnd) }
    }

    /// More is added as it comes, up to [`Feed::end`].
    pub(super) fn open() -> Self {
        Self { left: Bytes::new(), room: INPUT_WINDOW, kind: Input::Data, end: None }
    }

    /// Only once what was added before has been sent.
    pub(super) fn add(&mut self, content: Bytes) {
        self.left = content;
    }

    pub(super) fn end(&mut self) {
        self.end = Some(ToAgent::DataEnd);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn portion(&mut self) -> Portion {
        let bytes = self.left.split_to(self.left.len().min(self.room));
        self.room -= bytes.len();
        let end = if self.left.is_empty() { self.end.take() } else { None };
        Portion { bytes, kind: self.kind, end }
    }
}

impl Portion {
    pub(super) fn none() -> Self {
        Self { bytes: Bytes::new(), kind: Input::Data, end: None }
    }

    pub(super) fn stdin(bytes: Bytes) -> Self {
        Self { bytes, kind: Input::Stdin, end: None }
    }

    pub(super) fn end_of_stdin() -> Self {
        Self { end: Some(ToAgent::StdinEnd), ..Self::stdin(Bytes::new()) }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.end.is_none()
    }

    pub(super) fn encode(&self, id: u32, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        for chunk in self.bytes.chunks(CHUNK) {
            self.kind.encode(id, chunk, out)?;
        }
        self.end.as_ref().map_or(Ok(()), |end| end.encode(id, out))
    }
}
