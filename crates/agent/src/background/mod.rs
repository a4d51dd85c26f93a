//! Background commands: takes what they print, so that a full pipe never stops them, and keeps the newest of it and
//! their end in a journal. They go on when the session ends; the agent then stays for as long as one of them does.

mod journal;
mod store;

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, OwnedFd};

use computesdk_docker_protocol::CHUNK;
use libc::pid_t;

pub(crate) use journal::{Position, Record, STREAMS};

use crate::command::spawn::Spawned;
use crate::serve::link::{Link, Slot, Token};
use crate::sys::poll::{Interest, Port};
use crate::sys::{self, Ending, Errno};
use journal::Journal;

/// Journals without a name that stay when their command has ended.
const UNNAMED: usize = 16;

/// Bytes that a command may print between two ticks: one that floods must not keep the agent busy.
const BUDGET: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Keepers {
    running: BTreeMap<u32, Keeper>,
    last: u32,
    unnamed: VecDeque<(pid_t, OwnedFd)>,
    /// Have used up their budget.
    paused: Vec<Token>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Keeper {
    /// `None` when it has been reaped.
    pid: Option<pid_t>,
    named_after: pid_t,
    is_named: bool,
    journal: Option<Journal>,
    pipes: [Option<Port<OwnedFd>>; 2],
    spent: usize,
}

impl Keepers {
    /// Takes over a started command. One whose journal cannot be made runs without.
    pub(crate) fn keep(&mut self, spawned: Spawned, tag: &str, link: &mut Link) {
        let opened = store::create(spawned.pid).ok();
        let is_named = opened.as_ref().is_some_and(|opened| opened.is_named);
        let journal = opened.and_then(|opened| Journal::start(opened.file, spawned.pid, tag).ok());
        let pipes = [spawned.stdout.map(Port::new), spawned.stderr.map(Port::new)];
        let pid = spawned.pid;
        let mut keeper = Keeper { pid: Some(pid), named_after: pid, is_named, journal, pipes, spent: 0 };
        self.last = self.last.wrapping_add(1);
        for (pipe, slot) in keeper.pipes.iter_mut().zip([Slot::Stdout, Slot::Stderr]) {
            if let Some(port) = pipe {
                watch(link, port, Token::background(self.last, slot));
            }
        }
        self.running.insert(self.last, keeper);
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    pub(crate) fn is_paused(&self) -> bool {
        !self.paused.is_empty()
    }

    /// Takes one chunk.
    pub(crate) fn step(&mut self, token: Token, link: &mut Link) {
        let (id, slot) = token.parts();
        let stream = usize::from(slot == Slot::Stderr);
        let Some(keeper) = self.running.get_mut(&id) else { return };
        let Some(port) = &mut keeper.pipes[stream] else { return };
        self.scratch.resize(CHUNK, 0);
        match sys::read(port.fd(), &mut self.scratch) {
            Ok(count @ 1..) => {
                if let Some(journal) = &mut keeper.journal {
                    journal.append(stream, &self.scratch[..count]);
                }
                keeper.spent += count;
                if keeper.spent > BUDGET {
                    self.paused.push(token);
                } else {
                    watch(link, port, token);
                }
            }
            Err(Errno(libc::EAGAIN | libc::EINTR)) => watch(link, port, token),
            Ok(0) | Err(_) => {
                keeper.pipes[stream] = None;
                self.settle(id);
            }
        }
    }

    pub(crate) fn tick(&mut self, link: &mut Link) {
        for keeper in self.running.values_mut() {
            keeper.spent = 0;
        }
        for token in self.paused.drain(..) {
            link.make_ready(token);
        }
    }

    /// A child has ended; false when it is none of these.
    pub(crate) fn exited(&mut self, pid: pid_t, ending: Ending) -> bool {
        let found = self.running.iter_mut().find(|(_, keeper)| keeper.pid == Some(pid));
        let Some((&id, keeper)) = found else { return false };
        keeper.pid = None;
        keeper.drain();
        if let Some(journal) = &keeper.journal {
            journal.end(ending);
        }
        self.settle(id);
        true
    }

    /// Lets go of a command that has ended, when nobody is left who could print.
    fn settle(&mut self, id: u32) {
        let is_over = |keeper: &Keeper| keeper.pid.is_none() && keeper.pipes.iter().all(Option::is_none);
        if !self.running.get(&id).is_some_and(is_over) {
            return;
        }
        let Some(keeper) = self.running.remove(&id) else { return };
        let Some(journal) = keeper.journal else { return };
        journal.close();
        if !keeper.is_named {
            self.unnamed.push_back((keeper.named_after, journal.into_file()));
            if self.unnamed.len() > UNNAMED {
                self.unnamed.pop_front();
            }
        }
    }

    /// The newest journal of a pid, this agent's or another's.
    pub(crate) fn journal(&self, pid: pid_t) -> Option<OwnedFd> {
        let own = self.running.values().rev().find(|keeper| keeper.named_after == pid);
        if let Some(journal) = own.and_then(|keeper| keeper.journal.as_ref()) {
            return journal.file().try_clone_to_owned().ok();
        }
        let unnamed = self.unnamed.iter().rev().find(|(of, _)| *of == pid);
        match unnamed {
            Some((_, file)) => file.as_fd().try_clone_to_owned().ok(),
            None => store::find(pid),
        }
    }

    /// The pids of all background commands that run.
    pub(crate) fn pids(&self) -> Vec<pid_t> {
        let mut pids = store::running();
        pids.extend(self.running.values().filter_map(|keeper| keeper.pid));
        pids
    }
}

impl Keeper {
    /// Takes what the pipes hold now: who learns of the end finds all that was printed before it.
    fn drain(&mut self) {
        for stream in STREAMS {
            let Some(port) = &self.pipes[stream] else { continue };
            let mut rest = vec![0; sys::bytes_waiting(port.fd())];
            if let (Ok(count), Some(journal)) = (sys::read(port.fd(), &mut rest), &mut self.journal) {
                journal.append(stream, &rest[..count]);
            }
        }
    }
}

fn watch(link: &mut Link, port: &mut Port<OwnedFd>, token: Token) {
    if link.poller.watch(port, Interest::Read, token.0).is_err() {
        link.make_ready(token);
    }
}
