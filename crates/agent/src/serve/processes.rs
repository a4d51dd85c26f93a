//! Requests about processes that other requests started, this session's or another's.

use computesdk_docker_protocol::{KillProcess, Op, ReadLog, ToHost};
use libc::pid_t;

use super::request::Work;
use super::{Fault, Session};
use crate::background::Record;
use crate::files::Failure;
use crate::processes::list::ListProcesses;
use crate::processes::{self, Waiting, log};
use crate::sys::Errno;
use std::os::fd::{AsFd, OwnedFd};

impl Session {
    pub(super) fn list_processes(&mut self, id: u32) -> Result<(), Fault> {
        let flow = self.fresh(id)?;
        let list = ListProcesses::start(self.keepers.pids(), &flow, &mut self.link);
        self.insert(flow, String::new(), Work::Processes(list));
        Ok(())
    }

    pub(super) fn kill_process(&mut self, id: u32, kill: KillProcess) -> Result<(), Fault> {
        let flow = self.fresh(id)?;
        let pid = kill.pid as pid_t;
        let tag = self.tag_of(pid);
        match processes::signal(pid, kill.signal, tag.as_deref()) {
            Ok(Some(killing)) => self.insert(flow, kill.pid.to_string(), Work::Killing(killing)),
            Ok(None) => self.link.send(&flow, &ToHost::Done),
            Err(failure) => self.link.send(&flow, &failure.about(&kill.pid.to_string())),
        }
        Ok(())
    }

    /// The tag of the command whose first process has this pid.
    fn tag_of(&self, pid: pid_t) -> Option<String> {
        let foreground = self.commands.get(&pid).and_then(|id| self.requests.get(id));
        if let Some(Work::Command(command)) = foreground.map(|active| &active.request.work) {
            return Some(command.tag().to_owned());
        }
        let journal = self.keepers.journal(pid)?;
        Record::read(journal.as_fd()).map(|record| record.tag).filter(|tag| !tag.is_empty())
    }

    pub(super) fn wait_process(&mut self, id: u32, pid: u32) -> Result<(), Fault> {
        self.with_journal(id, pid, |_, _, journal| Work::Waiting(Waiting::new(journal)))
    }

    pub(super) fn read_log(&mut self, id: u32, read: ReadLog) -> Result<(), Fault> {
        self.with_journal(id, read.pid, |session, flow, journal| {
            Work::Log(log::ReadLog::start(journal, read.follow, flow, &mut session.link))
        })
    }

    fn with_journal(
        &mut self,
        id: u32,
        pid: u32,
        work: impl FnOnce(&mut Self, &super::link::Flow, OwnedFd) -> Work,
    ) -> Result<(), Fault> {
        let flow = self.fresh(id)?;
        match self.keepers.journal(pid as pid_t) {
            Some(journal) => {
                let work = work(self, &flow, journal);
                self.insert(flow, pid.to_string(), work);
            }
            None => {
                let failure = Failure::new(Op::Wait, Errno(libc::ESRCH));
                self.link.send(&flow, &failure.about(&pid.to_string()));
            }
        }
        Ok(())
    }
}
