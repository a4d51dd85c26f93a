//! Who waits for which answer. Checks what the agent sends against what was asked and granted: the peer of a
//! session may be hostile code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use computesdk_docker_protocol::{ToAgent, ToHost, WINDOW};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::call::Call;
use super::open::SessionLabel;
use crate::error::{Error, Result};

#[derive(Debug)]
pub(super) struct Requests {
    label: SessionLabel,
    outgoing: UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u32,
    routes: HashMap<u32, Route>,
    /// Why the channel is gone.
    closed: Option<String>,
}

#[derive(Debug)]
struct Route {
    /// `None`: the caller has gone; what still comes is dropped.
    events: Option<UnboundedSender<ToHost>>,
    /// Bytes of output that the agent may still send.
    granted: usize,
}

impl Requests {
    pub(super) fn new(label: SessionLabel, outgoing: UnboundedSender<Vec<u8>>) -> Self {
        Self { label, outgoing, state: Mutex::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state().closed.is_none()
    }

    /// Sends a request and registers who waits for its answer.
    pub(super) fn begin(self: &Arc<Self>, during: &'static str, request: &ToAgent) -> Result<Call> {
        let (events, answers) = unbounded_channel();
        let mut state = self.state();
        if let Some(reason) = &state.closed {
            return Err(self.lost(during, reason));
        }
        let id = state.free_id();
        let mut frame = Vec::new();
        request
            .encode(id, &mut frame)
            .map_err(|error| Error::CannotRun { what: format!("{during}: {error}") })?;
        state.routes.insert(id, Route { events: Some(events), granted: WINDOW });
        // A writing task that is gone closes the session, and that answers the call.
        _ = self.outgoing.send(frame);
        drop(state);
        Ok(Call::new(Arc::clone(self), id, during, answers))
    }

    pub(super) fn send(&self, id: u32, message: &ToAgent) {
        let mut frame = Vec::new();
        // Chunks are far below the frame limit, the other messages have no size to speak of.
        if message.encode(id, &mut frame).is_ok() {
            _ = self.outgoing.send(frame);
        }
    }

    /// The taker took so much: the agent may send as much again.
    pub(super) fn grant(&self, id: u32, bytes: usize) {
        if let Some(route) = self.state().routes.get_mut(&id) {
            route.granted += bytes;
            self.send(id, &ToAgent::Credit(u32::try_from(bytes).unwrap_or(u32::MAX)));
        }
    }

    /// Passes on what the agent sent; an error ends the session.
    pub(super) fn deliver(&self, id: u32, message: ToHost) -> Result<(), String> {
        let mut state = self.state();
        let Some(route) = state.routes.get_mut(&id) else {
            return Err(format!("the agent answered request {id}, which nobody made"));
        };
        let size = size(&message);
        route.granted = route
            .granted
            .checked_sub(size)
            .ok_or_else(|| format!("the agent sent more of request {id} than granted"))?;
        let ends = is_end(&message);
        match &route.events {
            Some(events) => _ = events.send(message),
            None => route.granted += size,
        }
        let abandoned = route.events.is_none();
        if ends {
            state.routes.remove(&id);
        }
        drop(state);
        if abandoned && !ends && size > 0 {
            self.send(id, &ToAgent::Credit(u32::try_from(size).unwrap_or(u32::MAX)));
        }
        Ok(())
    }

    /// The caller has gone before the answer.
    pub(super) fn abandon(&self, id: u32) {
        let mut state = self.state();
        let Some(route) = state.routes.get_mut(&id) else { return };
        let unseen = WINDOW - route.granted.min(WINDOW);
        route.events = None;
        route.granted += unseen;
        drop(state);
        self.send(id, &ToAgent::Cancel);
        if unseen > 0 {
            self.send(id, &ToAgent::Credit(u32::try_from(unseen).unwrap_or(u32::MAX)));
        }
    }

    /// The channel is gone: every call under way, and every later one, says so.
    pub(super) fn close(&self, reason: &str) {
        let mut state = self.state();
        state.closed.get_or_insert_with(|| reason.to_owned());
        // Without its sender, a call's queue ends.
        state.routes.clear();
    }

    pub(super) fn why_closed(&self, during: &str) -> Error {
        let reason = self.state().closed.clone().unwrap_or_else(|| "the agent ended".to_owned());
        self.lost(during, &reason)
    }

    /// The agent answered with something that is no answer to this request.
    pub(super) fn broken(&self, during: &str) -> Error {
        self.close("the agent sent an answer that does not belong to the request");
        self.why_closed(during)
    }

    fn lost(&self, during: &str, reason: &str) -> Error {
        Error::SessionLost { id: self.label.id(), during: during.to_owned(), reason: reason.to_owned() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ids come round again after four billion requests; one may still be under way then.
    fn free_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if self.last_id != 0 && !self.routes.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

/// Bytes that count against the window; directory entries are bounded by their number instead.
fn size(message: &ToHost) -> usize {
    match message {
        ToHost::Stdout(data) | ToHost::Stderr(data) | ToHost::Data(data) => data.len(),
        _ => 0,
    }
}

fn is_end(message: &ToHost) -> bool {
    matches!(message, ToHost::Exited(_) | ToHost::Done | ToHost::Failed(_))
}
