//! Bytes from the host on their way into a descriptor: written at once where it takes them, kept (up to a window)
//! where it does not yet, and credited to the host as they go.

use std::os::fd::{BorrowedFd, OwnedFd};

use computesdk_docker_protocol::{INPUT_WINDOW, ToHost};

use super::link::{Flow, Link, Slot};
use crate::sys::poll::{Interest, Port};
use crate::sys::{self, Errno};

/// The host sent more than its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overrun;

/// Bytes that are credited together.
const CREDIT: usize = INPUT_WINDOW / 4;

#[derive(Debug)]
pub(crate) struct Sink {
    /// `None`: not open yet.
    port: Option<Port<OwnedFd>>,
    kept: Vec<u8>,
    start: usize,
    finished: bool,
    uncredited: usize,
    written: i64,
}

impl Sink {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { port: Some(Port::new(fd)), ..Self::unopened() }
    }

    /// Keeps what comes until [`Sink::open`].
    pub(crate) fn unopened() -> Self {
        Self { port: None, kept: Vec::new(), start: 0, finished: false, uncredited: 0, written: 0 }
    }

    pub(crate) fn open(&mut self, fd: OwnedFd) {
        self.port = Some(Port::new(fd));
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Overrun> {
        if self.finished || self.kept.len() - self.start + bytes.len() > INPUT_WINDOW {
            return Err(Overrun);
        }
        self.kept.drain(..self.start);
        self.start = 0;
        self.kept.extend_from_slice(bytes);
        Ok(())
    }

    /// No more bytes will come.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }

    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.port.as_ref().map(Port::fd)
    }

    /// Bytes that have gone into the descriptor.
    pub(crate) fn written(&self) -> i64 {
        self.written
    }

    pub(crate) fn into_fd(self) -> Option<OwnedFd> {
        self.port.map(Port::into_inner)
    }

    /// Writes what it can; true when all is written and no more will come.
    pub(crate) fn pour(&mut self, slot: Slot, flow: &Flow, link: &mut Link) -> sys::Result<bool> {
        let Some(port) = &mut self.port else { return Ok(false) };
        while self.start < self.kept.len() {
            match sys::write(port.fd(), &self.kept[self.start..]) {
                Ok(count) => {
                    self.start += count;
                    self.uncredited += count;
                    self.written += count as i64;
                }
                Err(Errno(libc::EINTR)) => {}
                Err(Errno(libc::EAGAIN)) => {
                    link.watch(port, Interest::Write, flow, slot);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let empty = self.start == self.kept.len();
        if empty {
            self.kept = Vec::new();
            self.start = 0;
        }
        if self.uncredited >= CREDIT && !self.finished {
            link.send(flow, &ToHost::Credit(self.uncredited as u32));
            self.uncredited = 0;
        }
        Ok(empty && self.finished)
    }
}
