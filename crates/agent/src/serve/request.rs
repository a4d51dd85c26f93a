//! A request under way: what it works on, and how the events of the session reach it.

use std::ffi::CStr;
use std::time::Duration;

use computesdk_docker_protocol::{Links, Op, TerminalSize, ToHost, WriteStart};

use super::Fault;
use super::link::{Flow, Link, Slot};
use crate::command::Command;
use crate::files::copy::CopyFile;
use crate::files::folder::Folder;
use crate::files::list::ENTRIES;
use crate::files::place::Place;
use crate::files::read::ReadFile;
use crate::files::remove::Removal;
use crate::files::stat::DETAILS;
use crate::files::watch::Watch;
use crate::files::write::{How, WriteFile};
use crate::files::{self, Failure};
use crate::processes::list::ListProcesses;
use crate::processes::log::ReadLog;
use crate::processes::{Killing, Waiting};
use crate::sys::Ending;

/// For what is about to happen: the rest of a killed tree vanishes, a reader of a FIFO comes.
const BRISK: Duration = Duration::from_millis(5);
/// For what another agent's background command does; this agent's own report themselves.
const PATIENT: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Request {
    /// What a failure is about: a path, as the host gave it.
    pub(super) subject: String,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Command(Command),
    Read(ReadFile),
    Write(WriteFile),
    List(Folder),
    Remove(Removal),
    Processes(ListProcesses),
    Killing(Killing),
    Waiting(Waiting),
    Log(ReadLog),
    Details(Folder),
    Copy(CopyFile),
    Place(Place),
    Watch(Watch),
}

/// As the simple call writes.
const REPLACE: How = How { start: WriteStart::Replace, links: Links::Follow, mode: None };

/// The calls that are about one path.
#[derive(Debug, Clone, Copy)]
pub(super) enum FileCall {
    Read,
    Write,
    List,
    Mkdir,
    Exists,
    Remove,
}

/// What a call comes to at once: work to go on with, or nothing but messages.
pub(super) enum Opened {
    Work(Work),
    Answered(Vec<ToHost>),
}

impl FileCall {
    /// The step that a path fails at which is none.
    pub(super) fn op(self) -> Op {
        match self {
            Self::Read | Self::Write => Op::Open,
            Self::List => Op::ReadDir,
            Self::Mkdir => Op::Mkdir,
            Self::Exists => Op::Stat,
            Self::Remove => Op::Remove,
        }
    }

    pub(super) fn open(self, path: &CStr, flow: &Flow, link: &mut Link) -> Result<Opened, Failure> {
        let failed = |errno| Failure::new(self.op(), errno);
        Ok(match self {
            Self::Read => Opened::Work(Work::Read(ReadFile::start(path, flow, link)?)),
            Self::Write => Opened::Work(Work::Write(WriteFile::start(path.to_owned(), REPLACE)?)),
            Self::List => Opened::Work(Work::List(Folder::start(path, flow, link)?)),
            Self::Mkdir => {
                files::make_folder(path).map(|()| Opened::Answered(vec![ToHost::Done])).map_err(failed)?
            }
            Self::Exists => {
                let found = files::exists(path).map_err(failed)?;
                Opened::Answered(vec![ToHost::Found(found), ToHost::Done])
            }
            Self::Remove => match Removal::start(path, flow, link)? {
                Some(removal) => Opened::Work(Work::Remove(removal)),
                None => Opened::Answered(vec![ToHost::Done]),
            },
        })
    }
}

impl Request {
    /// Its turn, or its descriptor is ready. The answer is the request's end.
    pub(super) fn step(&mut self, slot: Slot, flow: &mut Flow, link: &mut Link) -> Option<ToHost> {
        let outcome = match &mut self.work {
            Work::Command(command) => return command.step(slot, flow, link),
            Work::Read(read) => read.step(flow, link),
            Work::Write(write) => write.step(flow, link),
            Work::List(folder) => folder.step(&ENTRIES, flow, link),
            Work::Remove(removal) => removal.step(flow, link),
            Work::Processes(list) => return list.step(flow, link),
            Work::Log(log) => return log.step(flow, link),
            Work::Killing(_) | Work::Waiting(_) => return None,
            Work::Details(folder) => folder.step(&DETAILS, flow, link),
            Work::Copy(copy) => copy.step(flow, link),
            Work::Place(place) => place.step(flow, link),
            Work::Watch(watch) => watch.step(flow, link),
        };
        self.settle(outcome)
    }

    pub(super) fn stdin(
        &mut self,
        bytes: &[u8],
        flow: &Flow,
        link: &mut Link,
    ) -> Result<Option<ToHost>, Fault> {
        let Work::Command(command) = &mut self.work else { return Err(misplaced("Stdin", flow)) };
        command.stdin(bytes, flow, link).map_err(|_| overrun(flow))?;
        Ok(None)
    }

    pub(super) fn stdin_end(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Fault> {
        let Work::Command(command) = &mut self.work else { return Err(misplaced("StdinEnd", flow)) };
        command.stdin_end(flow, link);
        Ok(None)
    }

    pub(super) fn data(
        &mut self,
        bytes: &[u8],
        flow: &Flow,
        link: &mut Link,
    ) -> Result<Option<ToHost>, Fault> {
        let Work::Write(write) = &mut self.work else { return Err(misplaced("Data", flow)) };
        write.take(bytes).map_err(|_| overrun(flow))?;
        let outcome = write.step(flow, link);
        Ok(self.settle(outcome))
    }

    pub(super) fn data_end(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Fault> {
        let outcome = match &mut self.work {
            Work::Write(write) => {
                write.finish();
                write.step(flow, link)
            }
            Work::Place(place) => place.adopt(flow, link),
            _ => return Err(misplaced("DataEnd", flow)),
        };
        Ok(self.settle(outcome))
    }

    /// The process of a command has ended.
    pub(super) fn exited(&mut self, ending: Ending, flow: &Flow, link: &mut Link) -> Option<ToHost> {
        let Work::Command(command) = &mut self.work else { return None };
        command.exited(ending, flow, link)
    }

    /// False when it is no command: there is nothing to kill.
    pub(super) fn kill(&mut self) -> bool {
        let Work::Command(command) = &mut self.work else { return false };
        command.kill();
        true
    }

    /// A command's tree gets another signal than SIGKILL.
    pub(super) fn signal(&self, signal: i32) {
        if let Work::Command(command) = &self.work {
            command.signal(signal);
        }
    }

    pub(super) fn resize(&self, size: TerminalSize) {
        if let Work::Command(command) = &self.work {
            command.resize(size);
        }
    }

    /// Whether it wants the next tick too, and its end if that is now.
    pub(super) fn tick(&mut self, flow: &mut Flow, link: &mut Link) -> (bool, Option<ToHost>) {
        match &mut self.work {
            Work::Command(command) => (command.keep_killing(), command.end()),
            Work::Write(write) => {
                let outcome = write.tick(flow, link);
                let waits = !write.is_open();
                let end = self.settle(outcome);
                (waits && end.is_none(), end)
            }
            Work::Killing(killing) => ticking(killing.tick()),
            Work::Waiting(waiting) => {
                let outcome = waiting.tick();
                ticking(self.settle(outcome))
            }
            Work::Log(log) => ticking(log.tick(flow, link)),
            _ => (false, None),
        }
    }

    /// It is about a background command.
    pub(super) fn follows(&self) -> bool {
        matches!(&self.work, Work::Waiting(_) | Work::Log(_))
    }

    /// How soon to look at it again and again, if it does not report itself.
    pub(super) fn pace(&self) -> Option<Duration> {
        match &self.work {
            Work::Command(_) | Work::Killing(_) => Some(BRISK),
            Work::Write(write) if !write.is_open() => Some(BRISK),
            Work::Waiting(_) | Work::Log(_) => Some(PATIENT),
            _ => None,
        }
    }

    fn settle(&self, outcome: Result<Option<ToHost>, Failure>) -> Option<ToHost> {
        outcome.unwrap_or_else(|failure| Some(failure.about(&self.subject)))
    }
}

/// Ticks go on until the end.
fn ticking(end: Option<ToHost>) -> (bool, Option<ToHost>) {
    (end.is_none(), end)
}

fn misplaced(what: &str, flow: &Flow) -> Fault {
    format!("{what} for request {}, which takes none", flow.id())
}

fn overrun(flow: &Flow) -> Fault {
    format!("more input for request {} than it has window for", flow.id())
}
