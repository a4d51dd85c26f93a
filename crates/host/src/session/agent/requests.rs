//! Who waits for which answer. Checks what the agent sends against what was asked and granted, and keeps it until the
//! caller takes it: no more than a window of output for each request.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use computesdk_docker_protocol::{CHUNK, OUTPUT_WINDOW, ProtocolError, ToAgent, ToHost};

use super::call::{Call, Portion};
use super::kind::{Kind, Progress};
use super::open::SessionLabel;
use super::outgoing::Outgoing;
use crate::error::{Error, Result};

/// Credit is given back in portions, so that small output costs no extra frames.
pub(super) const CREDIT: usize = OUTPUT_WINDOW / 4;

#[derive(Debug)]
pub(super) struct Requests {
    label: SessionLabel,
    outgoing: Arc<Outgoing>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u32,
    routes: HashMap<u32, Route>,
    /// Why the channel is gone.
    closed: Option<String>,
}

/// A request whose end the caller has not taken yet.
#[derive(Debug)]
struct Route {
    kind: Kind,
    progress: Progress,
    waiting: VecDeque<ToHost>,
    /// Bytes of input that the agent took since the caller asked last, and those it has not taken.
    credit: usize,
    untaken: usize,
    /// Bytes of output that the agent may still send, and those taken that were not granted again yet.
    granted: usize,
    ungranted: usize,
    waker: Option<Waker>,
    /// The caller has gone; what still comes is dropped.
    abandoned: bool,
}

impl Requests {
    pub(super) fn new(label: SessionLabel, outgoing: Arc<Outgoing>) -> Self {
        Self { label, outgoing, state: Mutex::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state().closed.is_none()
    }

    /// Registers who waits for the answers and sends the request, with what of its input fits, in one piece.
    pub(super) fn begin(self: &Arc<Self>, kind: Kind, request: &ToAgent, input: &Portion) -> Result<Call> {
        let id = {
            let mut state = self.state();
            if let Some(reason) = &state.closed {
                return Err(self.lost(kind, reason));
            }
            state.register(Route::new(kind, input.len()))
        };
        let sent = self.outgoing.send(|out| {
            request.encode(id, out)?;
            input.encode(id, out)
        });
        match sent {
            Ok(()) => Ok(Call::new(Arc::clone(self), id, kind)),
            Err(error) => {
                self.state().routes.remove(&id);
                Err(Error::CannotRun { what: format!("the {} request is too large: {error}", kind.name()) })
            }
        }
    }

    /// Sends more frames of a request. They are small, or cut to what a frame takes.
    pub(super) fn send(&self, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), ProtocolError>) {
        if let Err(error) = self.outgoing.send(encode) {
            self.close(&error.to_string());
        }
    }

    /// Sends more of a request's input.
    pub(super) fn feed(&self, id: u32, input: &Portion) {
        // Before it is sent: its credit may be back at once.
        if let Some(route) = self.state().routes.get_mut(&id) {
            route.untaken += input.len();
        }
        self.send(|out| input.encode(id, out));
    }

    /// Passes on what the agent sent; an error is a fault of the agent's and ends the session.
    pub(super) fn deliver(&self, id: u32, message: ToHost) -> Result<(), String> {
        let mut state = self.state();
        if state.closed.is_some() {
            return Err("it goes on after the end".to_owned());
        }
        let route = state
            .routes
            .get_mut(&id)
            .ok_or_else(|| format!("an answer to request {id}, which nobody made"))?;
        let due = route.take_in(message)?;
        let waker = route.waker.take();
        if route.abandoned && route.progress.has_ended() {
            state.routes.remove(&id);
        }
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        self.grant(id, due);
        Ok(())
    }

    /// The next answer; credit for input comes before what waits.
    pub(super) fn poll_next(&self, id: u32, kind: Kind, cx: &Context<'_>) -> Poll<Result<ToHost>> {
        let mut state = self.state();
        let State { routes, closed, .. } = &mut *state;
        if let Some(route) = routes.get_mut(&id) {
            if let Some(message) = route.next() {
                if is_end(&message) {
                    routes.remove(&id);
                }
                return Poll::Ready(Ok(message));
            }
            if closed.is_none() {
                route.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(Err(self.lost(kind, closed.as_deref().unwrap_or("the request had ended"))))
    }

    /// The caller handed on so many bytes of output: the agent may send as many again.
    pub(super) fn took(&self, id: u32, bytes: usize) {
        let due = self.state().routes.get_mut(&id).map_or(0, |route| route.took(bytes));
        self.grant(id, due);
    }

    fn grant(&self, id: u32, due: usize) {
        if let Ok(bytes @ 1..) = u32::try_from(due) {
            self.send(|out| ToAgent::Credit(bytes).encode(id, out));
        }
    }

    /// The caller has gone: the agent need not go on, and what it has sent is let go.
    pub(super) fn abandon(&self, id: u32) {
        let mut state = self.state();
        let closed = state.closed.is_some();
        let Some(route) = state.routes.get_mut(&id) else { return };
        if closed || route.progress.has_ended() {
            state.routes.remove(&id);
            return;
        }
        let due = route.abandon();
        let stop = route.kind != Kind::Start;
        drop(state);
        self.grant(id, due);
        if stop {
            self.send(|out| ToAgent::Cancel.encode(id, out));
        }
    }

    /// The channel is gone: every call under way, and every later one, says so.
    pub(super) fn close(&self, reason: &str) {
        let mut state = self.state();
        state.closed.get_or_insert_with(|| reason.to_owned());
        state.routes.retain(|_, route| !route.abandoned);
        let wakers: Vec<Waker> = state.routes.values_mut().filter_map(|route| route.waker.take()).collect();
        drop(state);
        self.outgoing.close();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// An end that the protocol allows, but not there.
    pub(super) fn nonsense(&self, kind: Kind) -> Error {
        self.lost(kind, "the agent ended the request without an answer")
    }

    pub(super) fn lost(&self, kind: Kind, reason: &str) -> Error {
        Error::SessionLost { id: self.label.id(), during: kind.name().to_owned(), reason: reason.to_owned() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ids come round again after four billion requests; one may still be under way then. 0 is the greeting's.
    fn register(&mut self, route: Route) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if self.last_id != 0 && !self.routes.contains_key(&self.last_id) {
                self.routes.insert(self.last_id, route);
                return self.last_id;
            }
        }
    }
}

impl Route {
    fn new(kind: Kind, untaken: usize) -> Self {
        Self {
            kind,
            progress: Progress::default(),
            waiting: VecDeque::new(),
            credit: 0,
            untaken,
            granted: OUTPUT_WINDOW,
            ungranted: 0,
            waker: None,
            abandoned: false,
        }
    }

    /// Checks an answer and keeps it. The answer's answer is how much is to be granted at once.
    fn take_in(&mut self, message: ToHost) -> Result<usize, String> {
        self.progress.advance(self.kind, &message)?;
        let size = bulk(&message).map_or(0, Vec::len);
        self.granted = self.granted.checked_sub(size).ok_or("more output than was granted")?;
        if let ToHost::Credit(bytes) = message {
            let bytes = bytes as usize;
            self.untaken = self.untaken.checked_sub(bytes).ok_or("credit for input that was not sent")?;
            self.credit += bytes;
        } else if self.abandoned {
            return Ok(self.took(size));
        } else {
            self.keep(message);
        }
        Ok(0)
    }

    /// Small pieces of the same kind become one: a process that prints byte by byte costs no message for each.
    fn keep(&mut self, message: ToHost) {
        if let (Some(last), Some(more)) = (self.waiting.back_mut(), bulk(&message))
            && std::mem::discriminant(last) == std::mem::discriminant(&message)
            && let ToHost::Stdout(kept) | ToHost::Stderr(kept) | ToHost::Data(kept) = last
            && kept.len() + more.len() <= CHUNK
        {
            kept.extend_from_slice(more);
        } else {
            self.waiting.push_back(message);
        }
    }

    fn next(&mut self) -> Option<ToHost> {
        match std::mem::take(&mut self.credit) {
            0 => self.waiting.pop_front(),
            bytes => Some(ToHost::Credit(u32::try_from(bytes).unwrap_or(u32::MAX))),
        }
    }

    /// How much is to be granted now.
    fn took(&mut self, bytes: usize) -> usize {
        self.ungranted += bytes;
        if self.ungranted < CREDIT || self.progress.has_ended() {
            return 0;
        }
        self.granted += self.ungranted;
        std::mem::take(&mut self.ungranted)
    }

    fn abandon(&mut self) -> usize {
        self.abandoned = true;
        self.progress.abandon();
        self.waker = None;
        let unseen = self.waiting.drain(..).filter_map(|message| bulk(&message).map(Vec::len)).sum();
        self.took(unseen)
    }
}

/// The bytes that count against the window.
fn bulk(message: &ToHost) -> Option<&Vec<u8>> {
    match message {
        ToHost::Stdout(data) | ToHost::Stderr(data) | ToHost::Data(data) => Some(data),
        _ => None,
    }
}

fn is_end(message: &ToHost) -> bool {
    matches!(message, ToHost::Exited(_) | ToHost::Done | ToHost::Failed(_))
}
