//! One request under way: its answers, the credit it gives, the input it still has to send.

use std::sync::Arc;

use bytes::Bytes;
use computesdk_docker_protocol::{CHUNK, ToAgent, ToHost, WINDOW};
use tokio::sync::mpsc::UnboundedReceiver;

use super::requests::Requests;
use crate::error::{Error, Result};

/// Credit is given back in portions, so that small output costs no extra frames.
const CREDIT: usize = WINDOW / 4;

#[derive(Debug)]
pub(super) struct Call {
    requests: Arc<Requests>,
    id: u32,
    during: &'static str,
    answers: UnboundedReceiver<ToHost>,
    taken: usize,
    ended: bool,
}

impl Call {
    pub(super) fn new(
        requests: Arc<Requests>,
        id: u32,
        during: &'static str,
        answers: UnboundedReceiver<ToHost>,
    ) -> Self {
        Self { requests, id, during, answers, taken: 0, ended: false }
    }

    pub(super) async fn next(&mut self) -> Result<ToHost> {
        let Some(answer) = self.answers.recv().await else {
            self.ended = true;
            return Err(self.requests.why_closed(self.during));
        };
        self.ended = matches!(answer, ToHost::Exited(_) | ToHost::Done | ToHost::Failed(_));
        Ok(answer)
    }

    pub(super) fn send(&self, message: &ToAgent) {
        self.requests.send(self.id, message);
    }

    /// Somebody took so many bytes of output.
    pub(super) fn took(&mut self, bytes: usize) {
        self.taken += bytes;
        if self.taken >= CREDIT {
            self.requests.grant(self.id, self.taken);
            self.taken = 0;
        }
    }

    /// An answer that this request cannot have.
    pub(super) fn broken(&self) -> Error {
        self.requests.broken(self.during)
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
    chunk: fn(Vec<u8>) -> ToAgent,
    end: Option<ToAgent>,
}

impl Feed {
    pub(super) fn stdin(content: Option<Bytes>) -> Self {
        let end = content.is_some().then_some(ToAgent::StdinEnd);
        Self { left: content.unwrap_or_default(), room: WINDOW, chunk: ToAgent::Stdin, end }
    }

    pub(super) fn file(content: Bytes) -> Self {
        Self { left: content, room: WINDOW, chunk: ToAgent::Data, end: Some(ToAgent::DataEnd) }
    }

    /// Sends what there is room for, and the end after the last byte.
    pub(super) fn pump(&mut self, call: &Call) {
        while self.room > 0 && !self.left.is_empty() {
            let part = self.left.split_to(self.left.len().min(CHUNK).min(self.room));
            self.room -= part.len();
            call.send(&(self.chunk)(part.to_vec()));
        }
        if self.left.is_empty()
            && let Some(end) = self.end.take()
        {
            call.send(&end);
        }
    }

    /// The agent took so many bytes.
    pub(super) fn credited(&mut self, bytes: u32) {
        self.room = self.room.saturating_add(bytes as usize);
    }
}
