//! What was asked, and so what may be answered. Pure: the rules of the protocol as seen from the host.

use computesdk_docker_protocol::{FileDetail, FileReply, FileStat, ToHost};

/// A listing is kept in memory whole: what a hostile agent can make of that is bounded. Room for some millions of
/// entries.
const MAX_LISTING: usize = 512 * 1024 * 1024;

/// What an entry costs beside its name.
const ENTRY: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Run,
    Start,
    Spawn,
    Processes,
    KillProcess,
    WaitProcess,
    Log,
    Read,
    Write,
    List,
    Exists,
    Mkdir,
    Remove,
    Stat,
    Details,
    Rename,
    Copy,
    Chmod,
    Link,
    Place,
    Watch,
    Locate,
    HandOut,
}

/// How far a request's answers have come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// `Started` or `Found` came.
    answered: bool,
    /// Nobody waits any more: a cancelled call may end without its answer, or with one that was on its way.
    abandoned: bool,
    listed: usize,
    ended: bool,
}

impl Kind {
    /// The call's name in errors.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Run | Self::Start => "runCommand",
            Self::Spawn => "spawn",
            Self::Processes => "processes.list",
            Self::KillProcess => "processes.kill",
            Self::WaitProcess => "processes.wait",
            Self::Log => "processes.logs",
            Self::Read => "readFile",
            Self::Write => "writeFile",
            Self::List => "readdir",
            Self::Exists => "exists",
            Self::Mkdir => "mkdir",
            Self::Remove => "remove",
            Self::Stat => "stat",
            Self::Details => "readdir",
            Self::Rename => "rename",
            Self::Copy => "copy",
            Self::Chmod => "chmod",
            Self::Link => "symlink",
            Self::Place => "writeFile",
            Self::Watch => "watch",
            Self::Locate => "readFile",
            Self::HandOut => "create",
        }
    }

    fn may_get(self, answer: &ToHost, progress: &Progress) -> bool {
        match (self, answer) {
            (_, ToHost::Failed(_)) => true,
            (Self::Run, ToHost::Exited(_) | ToHost::Credit(_)) => true,
            (Self::Run, ToHost::Stdout(data) | ToHost::Stderr(data)) => !data.is_empty(),
            (Self::Start | Self::Spawn, ToHost::Started(_)) | (Self::Exists, ToHost::Found(_)) => {
                !progress.answered
            }
            (Self::Spawn, ToHost::Exited(_) | ToHost::Credit(_)) => progress.answered,
            (Self::Spawn, ToHost::Stdout(data) | ToHost::Stderr(data)) => {
                progress.answered && !data.is_empty()
            }
            (Self::Log, ToHost::Stdout(data) | ToHost::Stderr(data)) => !data.is_empty(),
            (Self::Processes, ToHost::Processes(entries)) => !entries.is_empty(),
            (Self::WaitProcess, ToHost::Exited(_)) => true,
            // A wait that is given up ends without the exit.
            (Self::WaitProcess, ToHost::Done) => progress.abandoned,
            (Self::Log | Self::Processes | Self::KillProcess | Self::HandOut, ToHost::Done) => true,
            (Self::Start | Self::Exists, ToHost::Done) => progress.answered || progress.abandoned,
            (Self::Read, ToHost::Data(data)) => !data.is_empty(),
            (Self::List, ToHost::Entries(entries)) => !entries.is_empty(),
            (Self::Write, ToHost::Credit(_)) => true,
            (Self::Stat, ToHost::File(FileReply::Stat(_)))
            | (Self::Locate, ToHost::File(FileReply::Located { .. }))
            | (Self::Place, ToHost::File(FileReply::Placed(_)))
            | (Self::Watch, ToHost::File(FileReply::Watching)) => !progress.answered,
            (Self::Details, ToHost::File(FileReply::Details(details))) => !details.is_empty(),
            (Self::Watch, ToHost::Data(data)) => progress.answered && !data.is_empty(),
            (Self::Stat, ToHost::Done) => progress.answered || progress.abandoned,
            (
                Self::Read | Self::Write | Self::List | Self::Details | Self::Place | Self::Watch,
                ToHost::Done,
            )
            | (
                Self::Mkdir
                | Self::Remove
                | Self::Rename
                | Self::Copy
                | Self::Chmod
                | Self::Link
                | Self::Locate,
                ToHost::Done,
            ) => true,
            _ => false,
        }
    }
}

impl Progress {
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The caller has gone.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Notes an answer; an error when the request cannot have it.
    pub(super) fn advance(&mut self, kind: Kind, answer: &ToHost) -> Result<(), String> {
        if self.ended || !kind.may_get(answer, self) {
            return Err(format!("{} for a {} request that cannot have it", name(answer), kind.name()));
        }
        match answer {
            ToHost::Started(_) | ToHost::Found(_) => self.answered = true,
            ToHost::File(
                FileReply::Stat(_) | FileReply::Placed(_) | FileReply::Watching | FileReply::Located { .. },
            ) => {
                self.answered = true;
            }
            ToHost::Exited(_) | ToHost::Done | ToHost::Failed(_) => self.ended = true,
            ToHost::Entries(entries) => {
                self.list(entries.iter().map(|entry| ENTRY + entry.name.len()).sum())?;
            }
            ToHost::Processes(entries) => {
                self.listed += entries.iter().map(|entry| ENTRY + entry.command.len()).sum::<usize>();
                if self.listed > MAX_LISTING {
                    return Err("a list of processes without end".to_owned());
                }
            }
            ToHost::File(FileReply::Details(details)) => self.list(details.iter().map(detail_size).sum())?,
            _ => {}
        }
        Ok(())
    }

    fn list(&mut self, bytes: usize) -> Result<(), String> {
        self.listed += bytes;
        if self.listed > MAX_LISTING { Err("a folder listing without end".to_owned()) } else { Ok(()) }
    }
}

fn detail_size(detail: &FileDetail) -> usize {
    let target = |stat: &FileStat| stat.target.as_ref().map_or(0, Vec::len);
    3 * ENTRY + detail.name.len() + target(&detail.stat) + detail.behind.as_ref().map_or(0, target)
}

fn name(answer: &ToHost) -> &'static str {
    match answer {
        ToHost::Hello(_) => "Hello",
        ToHost::Started(_) => "Started",
        ToHost::Stdout(_) => "Stdout",
        ToHost::Stderr(_) => "Stderr",
        ToHost::Exited(_) => "Exited",
        ToHost::Credit(_) => "Credit",
        ToHost::Data(_) => "Data",
        ToHost::Entries(_) => "Entries",
        ToHost::Found(_) => "Found",
        ToHost::Done => "Done",
        ToHost::Failed(_) => "Failed",
        ToHost::Processes(_) => "Processes",
        ToHost::File(_) => "File",
    }
}

#[cfg(test)]
mod tests {
    use computesdk_docker_protocol::{EntryKind, Exited, FileEntry, ProcessEntry, Started};

    use super::*;

    fn takes(kind: Kind, answers: &[ToHost]) -> bool {
        let mut progress = Progress::default();
        answers.iter().all(|answer| progress.advance(kind, answer).is_ok())
    }

    #[test]
    fn each_request_gets_its_own_answers_and_one_end() {
        let started = ToHost::Started(Started { pid: 7 });
        let exited = ToHost::Exited(Exited::Code(0));
        let data = ToHost::Data(vec![1]);
        assert!(takes(Kind::Run, &[ToHost::Stdout(vec![1]), ToHost::Credit(1), exited.clone()]));
        assert!(takes(Kind::Start, &[started.clone(), ToHost::Done]));
        assert!(takes(Kind::Read, &[data.clone(), ToHost::Done]));
        assert!(takes(Kind::Exists, &[ToHost::Found(true), ToHost::Done]));
        let process = ProcessEntry {
            pid: 1,
            parent: 0,
            state: b'S',
            command: vec![],
            started_ms: 0,
            cpu_ms: 0,
            memory: 0,
            background: false,
        };
        let out = ToHost::Stdout(vec![1]);
        assert!(takes(Kind::Spawn, &[started.clone(), out.clone(), ToHost::Credit(1), exited.clone()]));
        assert!(takes(Kind::Processes, &[ToHost::Processes(vec![process]), ToHost::Done]));
        assert!(takes(Kind::Log, &[out.clone(), ToHost::Done]));
        assert!(takes(Kind::WaitProcess, std::slice::from_ref(&exited)));
        for (kind, wrong) in [
            (Kind::Spawn, vec![out]),
            (Kind::Spawn, vec![exited.clone()]),
            (Kind::Spawn, vec![started.clone(), started.clone()]),
            (Kind::Spawn, vec![started.clone(), ToHost::Done]),
            (Kind::Processes, vec![ToHost::Processes(vec![])]),
            (Kind::Log, vec![exited.clone()]),
            (Kind::WaitProcess, vec![ToHost::Done]),
            (Kind::KillProcess, vec![exited.clone()]),
            (Kind::Run, vec![exited.clone(), exited.clone()]),
            (Kind::Run, vec![ToHost::Done]),
            (Kind::Run, vec![ToHost::Stdout(vec![])]),
            (Kind::Run, vec![started.clone()]),
            (Kind::Start, vec![ToHost::Done]),
            (Kind::Start, vec![started.clone(), started]),
            (Kind::Start, vec![exited]),
            (Kind::Read, vec![ToHost::Data(vec![])]),
            (Kind::Read, vec![ToHost::Credit(1)]),
            (Kind::Exists, vec![ToHost::Done]),
            (Kind::Exists, vec![ToHost::Found(true), ToHost::Found(true)]),
            (Kind::List, vec![ToHost::Entries(vec![])]),
            (Kind::Mkdir, vec![data]),
        ] {
            assert!(!takes(kind, &wrong), "{kind:?} {wrong:?}");
        }
    }

    #[test]
    fn an_answer_may_cross_the_callers_going() {
        let started = ToHost::Started(Started { pid: 7 });
        for (kind, answer) in [(Kind::Exists, ToHost::Found(true)), (Kind::Start, started)] {
            for answers in [vec![answer.clone(), ToHost::Done], vec![ToHost::Done]] {
                let mut progress = Progress::default();
                progress.abandon();
                assert!(answers.iter().all(|answer| progress.advance(kind, answer).is_ok()), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_listing_has_a_limit() {
        let entry = FileEntry { name: vec![b'x'; 4096], kind: EntryKind::File, size: 0, modified_ms: 0 };
        let batch = ToHost::Entries(vec![entry; 256]);
        let mut progress = Progress::default();
        let accepted = (0..1000).take_while(|_| progress.advance(Kind::List, &batch).is_ok()).count();
        assert!((500..520).contains(&accepted), "{accepted}");
    }
}
