//! What waits to go to the host, in two lanes so that a flood does not delay the rest.
//!
//! A request talks in the light lane until it has sent [`LIGHT_SHARE`] bytes and in the bulk lane ever after; light
//! frames go first. So a request's own frames keep their order, and a short answer passes the floods of others. Both
//! lanes are kept low: what is queued here is delay, the pipe behind is kept full all the same.

use std::collections::VecDeque;

use crate::sys::{self, Errno};

/// Bytes that a lane holds before output is no longer read.
const HIGH_WATER: usize = 64 * 1024;

/// Bytes of answers (which need no room) before the host is no longer listened to.
const FULL: usize = 4 * HIGH_WATER;

/// Bytes that a request may send before it counts as a flood.
const LIGHT_SHARE: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Light,
    Bulk,
}

impl Lane {
    pub(crate) fn of(sent: usize) -> Self {
        if sent <= LIGHT_SHARE { Self::Light } else { Self::Bulk }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Being written: whole frames, `sent` bytes of them gone.
    current: Vec<u8>,
    sent: usize,
    light: Vec<u8>,
    bulk: VecDeque<Vec<u8>>,
    bulk_bytes: usize,
}

impl Outbox {
    pub(crate) fn has_room(&self, lane: Lane) -> bool {
        match lane {
            Lane::Light => self.light.len() < HIGH_WATER,
            Lane::Bulk => self.bulk_bytes < HIGH_WATER,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.light.len() + self.bulk_bytes > FULL
    }

    /// Lets `encode` append one whole frame.
    pub(crate) fn push<E>(
        &mut self,
        lane: Lane,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        match lane {
            Lane::Light => encode(&mut self.light),
            Lane::Bulk => {
                let mut frame = Vec::new();
                encode(&mut frame)?;
                self.bulk_bytes += frame.len();
                self.bulk.push_back(frame);
                Ok(())
            }
        }
    }

    /// Writes until all is gone (true) or the other side takes no more (false).
    pub(crate) fn flush(&mut self, mut write: impl FnMut(&[u8]) -> sys::Result<usize>) -> sys::Result<bool> {
        while self.load() {
            match write(&self.current[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(Errno(libc::EAGAIN)) => return Ok(false),
                Err(Errno(libc::EINTR)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Puts the next frames into `current` when it is used up; false when there are none.
    fn load(&mut self) -> bool {
        if self.sent < self.current.len() {
            return true;
        }
        self.sent = 0;
        self.current.clear();
        if !self.light.is_empty() {
            std::mem::swap(&mut self.current, &mut self.light);
        } else if let Some(frame) = self.bulk.pop_front() {
            self.bulk_bytes -= frame.len();
            self.current = frame;
        }
        !self.current.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(outbox: &mut Outbox, lane: Lane, text: &str) {
        let done: Result<(), ()> = outbox.push(lane, |out| {
            out.extend(text.as_bytes());
            Ok(())
        });
        assert_eq!(done, Ok(()));
    }

    #[test]
    fn light_frames_pass_bulk_frames_but_never_cut_one_in_two() {
        let mut outbox = Outbox::default();
        push(&mut outbox, Lane::Bulk, "[bulk one]");
        push(&mut outbox, Lane::Bulk, "[bulk two]");
        let mut out = Vec::new();
        let mut budget = 4;
        let done = outbox.flush(|bytes| {
            let count = bytes.len().min(budget);
            budget -= count;
            out.extend(&bytes[..count]);
            if count == 0 { Err(Errno(libc::EAGAIN)) } else { Ok(count) }
        });
        assert_eq!(done, Ok(false));
        push(&mut outbox, Lane::Light, "[light]");
        let done = outbox.flush(|bytes| {
            out.extend(bytes);
            Ok(bytes.len())
        });
        assert_eq!(done, Ok(true));
        assert_eq!(String::from_utf8_lossy(&out), "[bulk one][light][bulk two]");
    }

    #[test]
    fn a_lane_has_room_until_its_high_water_and_again_when_written() {
        let mut outbox = Outbox::default();
        push(&mut outbox, Lane::Bulk, &"x".repeat(HIGH_WATER));
        assert!(!outbox.has_room(Lane::Bulk));
        assert!(outbox.has_room(Lane::Light));
        assert_eq!(outbox.flush(|bytes| Ok(bytes.len())), Ok(true));
        assert!(outbox.has_room(Lane::Bulk));
    }

    #[test]
    fn a_host_that_takes_nothing_fills_it() {
        let mut outbox = Outbox::default();
        while !outbox.is_full() {
            push(&mut outbox, Lane::Light, "answer");
        }
        assert!(outbox.light.len() < FULL + HIGH_WATER);
    }
}
