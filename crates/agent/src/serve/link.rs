//! What a request needs to get on: the way to the host, readiness of its descriptors, and its turn.
//!
//! Every source of bytes moves one chunk a turn, and only when its request has credit and its lane has room. What has
//! neither is parked until the credit or the room comes, so nothing spins and nothing is read that cannot be sent.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};

use computesdk_docker_protocol::{Bulk, CHUNK, OUTPUT_WINDOW, ProtocolError, ToHost};

use crate::outbox::{Lane, Outbox};
use crate::sys;
use crate::sys::poll::{Interest, Poller, Port};

/// Which of a request's descriptors a token is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Stdin,
    Stdout,
    Stderr,
    File,
}

const SLOTS: [Slot; 4] = [Slot::Stdin, Slot::Stdout, Slot::Stderr, Slot::File];

/// A request's id and slot as one number, the poller's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) u64);

impl Token {
    pub(crate) fn new(id: u32, slot: Slot) -> Self {
        Self(u64::from(id) << 2 | slot as u64)
    }

    /// About a background command, which is no request.
    pub(crate) fn background(id: u32, slot: Slot) -> Self {
        Self(Self::BACKGROUND | Self::new(id, slot).0)
    }

    const BACKGROUND: u64 = 1 << 40;

    pub(crate) fn is_background(self) -> bool {
        self.0 & Self::BACKGROUND != 0
    }

    pub(crate) fn parts(self) -> (u32, Slot) {
        ((self.0 >> 2) as u32, SLOTS[(self.0 & 3) as usize])
    }
}

/// A request's output: what it may send, what it has sent.
#[derive(Debug)]
pub(crate) struct Flow {
    id: u32,
    window: usize,
    sent: usize,
    /// Slots that wait for credit.
    parked: Vec<Slot>,
}

impl Flow {
    pub(crate) fn new(id: u32) -> Self {
        Self { id, window: OUTPUT_WINDOW, sent: 0, parked: Vec::new() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    fn lane(&self) -> Lane {
        Lane::of(self.sent)
    }
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) poller: Poller,
    pub(crate) outbox: Outbox,
    ready: VecDeque<Token>,
    /// Wait for room in the outbox.
    waiting: VecDeque<Token>,
    scratch: Vec<u8>,
    error: Option<ProtocolError>,
}

impl Link {
    pub(crate) fn new(poller: Poller) -> Self {
        Self {
            poller,
            outbox: Outbox::default(),
            ready: VecDeque::new(),
            waiting: VecDeque::new(),
            scratch: vec![0; CHUNK],
            error: None,
        }
    }

    /// Queues a message that needs no credit.
    pub(crate) fn send(&mut self, flow: &Flow, message: &ToHost) {
        let sent = self.outbox.push(flow.lane(), |out| message.encode(flow.id, out));
        self.note(sent);
    }

    fn note(&mut self, sent: Result<(), ProtocolError>) {
        if let Err(error) = sent {
            self.error.get_or_insert(error);
        }
    }

    /// A message of ours that could not be encoded: the session cannot go on.
    pub(crate) fn take_error(&mut self) -> Option<ProtocolError> {
        self.error.take()
    }

    /// How many bytes the slot may send in this turn; `None` when it has to wait, and will be called again.
    pub(crate) fn allowance(&mut self, flow: &mut Flow, slot: Slot) -> Option<usize> {
        if flow.window == 0 {
            if !flow.parked.contains(&slot) {
                flow.parked.push(slot);
            }
            return None;
        }
        self.has_room(flow, slot).then_some(CHUNK.min(flow.window))
    }

    /// As [`Link::allowance`], for messages that need no credit.
    pub(crate) fn has_room(&mut self, flow: &Flow, slot: Slot) -> bool {
        let room = self.outbox.has_room(flow.lane());
        if !room {
            self.waiting.push_back(Token::new(flow.id, slot));
        }
        room
    }

    /// Reads up to `limit` bytes and queues them; the count read.
    pub(crate) fn forward(
        &mut self,
        from: BorrowedFd<'_>,
        limit: usize,
        kind: Bulk,
        flow: &mut Flow,
    ) -> sys::Result<usize> {
        let limit = limit.min(self.scratch.len());
        let count = sys::read(from, &mut self.scratch[..limit])?;
        if count > 0 {
            let scratch = std::mem::take(&mut self.scratch);
            self.send_bytes(&scratch[..count], kind, flow);
            self.scratch = scratch;
        }
        Ok(count)
    }

    /// As [`Link::forward`], for bytes that were read already: no more than was allowed.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8], kind: Bulk, flow: &mut Flow) {
        if bytes.is_empty() {
            return;
        }
        flow.window = flow.window.saturating_sub(bytes.len());
        flow.sent = flow.sent.saturating_add(bytes.len());
        let sent = self.outbox.push(flow.lane(), |out| kind.encode(flow.id, bytes, out));
        self.note(sent);
    }

    /// The host took bytes: what waited for that goes on.
    pub(crate) fn credit(&mut self, flow: &mut Flow, bytes: u32) {
        flow.window = flow.window.saturating_add(bytes as usize);
        let id = flow.id;
        self.ready.extend(flow.parked.drain(..).map(|slot| Token::new(id, slot)));
    }

    /// Calls the slot again when its turn comes.
    pub(crate) fn again(&mut self, flow: &Flow, slot: Slot) {
        self.ready.push_back(Token::new(flow.id, slot));
    }

    /// Calls the slot when its descriptor is ready. What cannot be watched counts as ready.
    pub(crate) fn watch<F: AsFd>(&mut self, port: &mut Port<F>, interest: Interest, flow: &Flow, slot: Slot) {
        let token = Token::new(flow.id, slot);
        if self.poller.watch(port, interest, token.0).is_err() {
            self.ready.push_back(token);
        }
    }

    pub(crate) fn next_ready(&mut self) -> Option<Token> {
        self.ready.pop_front()
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(crate) fn make_ready(&mut self, token: Token) {
        self.ready.push_back(token);
    }

    /// Room may have come.
    pub(crate) fn wake_waiting(&mut self) {
        if self.outbox.has_room(Lane::Light) || self.outbox.has_room(Lane::Bulk) {
            self.ready.append(&mut self.waiting);
        }
    }
}
