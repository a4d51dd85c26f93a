//! What a background command has printed and how it ended, in a file of bounded size: one writer, any number of
//! readers, other agents among them. Each stream is a ring that keeps the newest bytes. Knows no process.
//!
//! The file lies in the sandbox's shared memory, which is writable where the rest is read-only, and is no part of a
//! snapshot. A reader trusts nothing in it: code of the same user can write to it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libc::pid_t;

use crate::sys::{self, Ending};

/// Bytes that are kept of each stream.
pub(crate) const KEPT: u64 = 512 * 1024;

const MAGIC: &[u8; 8] = b"CSDKLOG1";
const HEADER: usize = 128;
const RINGS: u64 = 4096;
const STATE: u64 = 16;
const CLOSED: u64 = 24;
const TOTALS: u64 = 32;
const TAG: usize = 64;
const TAG_LEN: usize = 48;

/// `Stdout` and `Stderr` by number, as everywhere in here.
pub(crate) const STREAMS: [usize; 2] = [0, 1];

/// The writing end.
#[derive(Debug)]
pub(crate) struct Journal {
    file: OwnedFd,
    totals: [u64; 2],
}

/// What a journal says at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) pid: pid_t,
    /// The agent that writes it.
    keeper: pid_t,
    pub(crate) ending: Option<Ending>,
    /// Nothing more will be written.
    closed: bool,
    /// Bytes that each stream has had.
    pub(crate) totals: [u64; 2],
    pub(crate) tag: String,
}

impl Journal {
    pub(crate) fn start(file: OwnedFd, pid: pid_t, tag: &str) -> sys::Result<Self> {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&pid.to_le_bytes());
        header[12..16].copy_from_slice(&(std::process::id() as pid_t).to_le_bytes());
        let tag = &tag.as_bytes()[..tag.len().min(TAG_LEN)];
        header[TAG..TAG + tag.len()].copy_from_slice(tag);
        sys::write_at(file.as_fd(), &header, 0)?;
        Ok(Self { file, totals: [0; 2] })
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(crate) fn into_file(self) -> OwnedFd {
        self.file
    }

    /// Keeps the bytes, unless there is no memory for them: then the log lacks them, and the command goes on.
    pub(crate) fn append(&mut self, stream: usize, mut bytes: &[u8]) {
        let mut total = self.totals[stream];
        while !bytes.is_empty() {
            let offset = total % KEPT;
            let (now, rest) = bytes.split_at(bytes.len().min((KEPT - offset) as usize));
            if sys::write_at(self.file.as_fd(), now, ring(stream) + offset).is_err() {
                break;
            }
            total += now.len() as u64;
            bytes = rest;
        }
        let place = TOTALS + 8 * stream as u64;
        if sys::write_at(self.file.as_fd(), &total.to_le_bytes(), place).is_ok() {
            self.totals[stream] = total;
        }
    }

    /// The command's own process has ended. The header's page exists, so there is no lack of memory here.
    pub(crate) fn end(&self, ending: Ending) {
        let (state, value) = match ending {
            Ending::Code(code) => (1_u32, code),
            Ending::Signal(signal) => (2, signal),
        };
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&state.to_le_bytes());
        bytes[4..].copy_from_slice(&value.to_le_bytes());
        let _ = sys::write_at(self.file.as_fd(), &bytes, STATE);
    }

    pub(crate) fn close(&self) {
        let _ = sys::write_at(self.file.as_fd(), &1_u32.to_le_bytes(), CLOSED);
    }
}

fn ring(stream: usize) -> u64 {
    RINGS + KEPT * stream as u64
}

impl Record {
    /// `None` for what is no journal.
    pub(crate) fn read(file: BorrowedFd<'_>) -> Option<Self> {
        let mut header = [0; HEADER];
        if sys::read_at(file, &mut header, 0) != Ok(HEADER) || !header.starts_with(MAGIC) {
            return None;
        }
        let number = |at: usize| header[at..].first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes));
        let total = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let ending = match number(STATE as usize) {
            1 => Some(Ending::Code(number(STATE as usize + 4))),
            2 => Some(Ending::Signal(number(STATE as usize + 4))),
            _ => None,
        };
        let tag = header[TAG..TAG + TAG_LEN].split(|byte| *byte == 0).next().unwrap_or_default();
        Some(Self {
            pid: number(8),
            keeper: number(12),
            ending,
            closed: number(CLOSED as usize) != 0,
            totals: [total(TOTALS as usize), total(TOTALS as usize + 8)],
            tag: String::from_utf8_lossy(tag).into_owned(),
        })
    }

    /// Nothing will be added any more; an agent that was killed leaves its journals open.
    pub(crate) fn is_final(&self) -> bool {
        self.closed || sys::kill(self.keeper, 0) == Err(sys::Errno(libc::ESRCH))
    }
}

/// Where a reader is in one stream.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Position(u64);

impl Position {
    /// The next bytes, as many as the buffer takes and are there; what was overwritten meanwhile is passed over.
    pub(crate) fn read(&mut self, file: BorrowedFd<'_>, stream: usize, buffer: &mut [u8]) -> usize {
        let Some(record) = Record::read(file) else { return 0 };
        self.0 = self.0.max(record.totals[stream].saturating_sub(KEPT));
        let there = record.totals[stream].saturating_sub(self.0);
        let offset = self.0 % KEPT;
        let wanted = (buffer.len() as u64).min(there).min(KEPT - offset) as usize;
        let Ok(count) = sys::read_at(file, &mut buffer[..wanted], ring(stream) + offset) else { return 0 };
        // The writer may have come round while this was read.
        let total = Record::read(file).map_or(0, |record| record.totals[stream]);
        let lost = total.saturating_sub(KEPT).saturating_sub(self.0).min(count as u64) as usize;
        buffer.copy_within(lost..count, 0);
        self.0 += count as u64;
        count - lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let file = sys::memory_file(c"journal").expect("a file");
        Journal::start(file, 7, "0123-4").expect("a journal")
    }

    fn all(file: BorrowedFd<'_>, stream: usize) -> Vec<u8> {
        let (mut position, mut buffer, mut all) = (Position::default(), [0; 1000], Vec::new());
        loop {
            match position.read(file, stream, &mut buffer) {
                0 => return all,
                count => all.extend(&buffer[..count]),
            }
        }
    }

    #[test]
    fn the_newest_bytes_of_each_stream_are_kept() {
        let mut journal = journal();
        journal.append(1, b"err");
        let printed: Vec<u8> = (0..KEPT as usize * 3 / 2).map(|n| (n % 251) as u8).collect();
        for part in printed.chunks(10_007) {
            journal.append(0, part);
        }
        assert_eq!(all(journal.file(), 1), b"err");
        assert_eq!(all(journal.file(), 0), printed[printed.len() - KEPT as usize..]);
        assert_eq!(Record::read(journal.file()).expect("a record").totals, [printed.len() as u64, 3]);
    }

    #[test]
    fn the_end_is_told() {
        let journal = journal();
        let record = || Record::read(journal.file()).expect("a record");
        assert_eq!((record().pid, record().tag, record().ending), (7, "0123-4".to_owned(), None));
        assert!(!record().is_final(), "this process is its keeper, and lives");
        journal.end(Ending::Signal(9));
        assert_eq!(record().ending, Some(Ending::Signal(9)));
        assert!(!record().is_final(), "a child may go on printing");
        journal.close();
        assert!(record().is_final());
    }

    #[test]
    fn what_anybody_may_have_written_does_no_harm() {
        let journal = journal();
        sys::write_at(journal.file(), &u64::MAX.to_le_bytes(), TOTALS).expect("written");
        assert!(all(journal.file(), 0).len() <= KEPT as usize);
        sys::write_at(journal.file(), b"x", 0).expect("written");
        assert_eq!(Record::read(journal.file()), None);
        assert_eq!(Position::default().read(journal.file(), 0, &mut [0; 10]), 0);
    }
}
