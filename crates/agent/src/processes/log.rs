//! Sends what a background command has printed, and goes on until it has ended if the host wants to follow.

use std::os::fd::{AsFd, OwnedFd};

use computesdk_docker_protocol::{Bulk, CHUNK, ToHost};

use crate::background::{Position, Record, STREAMS};
use crate::serve::link::{Flow, Link, Slot};

#[derive(Debug)]
pub(crate) struct ReadLog {
    journal: OwnedFd,
    follow: bool,
    positions: [Position; 2],
    /// Waits for credit or room: its turn comes by itself.
    stalled: bool,
}

const SLOTS: [(Slot, Bulk); 2] = [(Slot::Stdout, Bulk::Stdout), (Slot::Stderr, Bulk::Stderr)];

impl ReadLog {
    pub(crate) fn start(journal: OwnedFd, follow: bool, flow: &Flow, link: &mut Link) -> Self {
        link.again(flow, Slot::Stdout);
        Self { journal, follow, positions: Default::default(), stalled: false }
    }

    /// Its turn: one chunk of each stream.
    pub(crate) fn step(&mut self, flow: &mut Flow, link: &mut Link) -> Option<ToHost> {
        self.stalled = false;
        // Before the bytes: what is written after this look comes in the next one.
        let record = Record::read(self.journal.as_fd());
        let is_over = record.is_none_or(|record| record.ending.is_some() || record.is_final());
        let mut sent = 0;
        for stream in STREAMS {
            let (slot, kind) = SLOTS[stream];
            let Some(allowed) = link.allowance(flow, slot) else {
                self.stalled = true;
                return None;
            };
            let mut buffer = [0; CHUNK];
            let count = self.positions[stream].read(self.journal.as_fd(), stream, &mut buffer[..allowed]);
            link.send_bytes(&buffer[..count], kind, flow);
            sent += count;
        }
        if sent > 0 {
            link.again(flow, Slot::Stdout);
            return None;
        }
        (is_over || !self.follow).then_some(ToHost::Done)
    }

    /// More may have been printed.
    pub(crate) fn tick(&mut self, flow: &mut Flow, link: &mut Link) -> Option<ToHost> {
        if self.stalled { None } else { self.step(flow, link) }
    }
}
