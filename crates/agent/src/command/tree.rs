//! Finds and kills every process of a command: by process group, session, chain of parents, and the tag in its
//! environment, which a child keeps through `setsid` and a double fork.
//!
//! The tree is frozen first (SIGSTOP until no look finds anybody new), so that a chain of forks cannot run ahead of the
//! search, and then killed until a look finds nobody alive. A process that dropped the tag, its session and its parent
//! before is out of reach; only the container's end is absolute.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;

use libc::{SIGKILL, SIGSTOP, pid_t};

use crate::environment::TAG;
use crate::sys::{self, Errno};

/// How sure the search must be that nobody new is left before a tree counts as frozen, and what a look that found
/// nobody new adds to that: much when it saw every process, little when some came or went under its eyes.
const SURE: u32 = 20;
const SAW_ALL: u32 = 10;
const SAW_SOME: u32 = 1;

/// Looks before killing starts all the same.
const MOST_LOOKS: usize = 100;

#[derive(Debug)]
pub(crate) struct Tree {
    root: Option<pid_t>,
    /// As it stands in an environment, closing NUL included.
    tag: Option<Vec<u8>>,
    /// Found before: members even when what they were found by is gone.
    members: BTreeSet<pid_t>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: pid_t,
    parent: pid_t,
    group: pid_t,
    session: pid_t,
    /// Alive, and no part of the kernel.
    is_mortal: bool,
}

impl Tree {
    /// `root` is the first process, `None` when it has been reaped; `tag` is that of the whole command, if it is one.
    pub(crate) fn new(root: Option<pid_t>, tag: Option<&str>) -> Self {
        let tag = tag.map(|tag| format!("{TAG}={tag}\0").into_bytes());
        Self { root, tag, members: BTreeSet::new() }
    }

    /// The root was reaped: its number may soon be another's.
    pub(crate) fn forget_root(&mut self) {
        self.root = None;
    }

    /// Stops all that is found, until nobody new is found any more: a link of a chain of forks can be gone between
    /// being listed and being looked at, so one look is not enough.
    pub(crate) fn freeze(&mut self) {
        let mut frozen = BTreeSet::new();
        let mut certainty = 0;
        for _ in 0..MOST_LOOKS {
            let mut newcomers = false;
            let look = self.look(|pid| {
                if frozen.insert(pid) {
                    newcomers = true;
                    // Gone or not ours to signal: the kill that follows meets it again.
                    let _ = sys::kill(pid, SIGSTOP);
                }
            });
            self.members = look.members;
            certainty = match (newcomers, look.saw_all) {
                (true, _) => 0,
                (false, true) => certainty + SAW_ALL,
                (false, false) => certainty + SAW_SOME,
            };
            if certainty >= SURE {
                break;
            }
        }
    }

    /// Kills all that one look finds; how many were still alive and could be signalled.
    pub(crate) fn kill(&mut self) -> usize {
        let mut alive = 0;
        let look = self.look(|pid| {
            if !matches!(sys::kill(pid, SIGKILL), Err(Errno(libc::ESRCH | libc::EPERM))) {
                alive += 1;
            }
        });
        self.members = look.members;
        alive
    }

    /// Sends another signal than SIGKILL, once to each that one look finds, the oldest first: a parent must not see its
    /// child die before it has the signal itself. How many were reached.
    pub(crate) fn signal(&mut self, signal: i32) -> usize {
        let mut found = Vec::new();
        self.members = self.look(|pid| found.push(pid)).members;
        found.reverse();
        found.sort_by_key(|pid| Some(*pid) != self.root);
        found.into_iter().filter(|pid| sys::kill(*pid, signal).is_ok()).count()
    }

    /// Meets the living members of the tree, the newest first, each at once.
    fn look(&self, mut meet: impl FnMut(pid_t)) -> Look {
        let last_before = last_pid();
        let Some(pids) = newest_first() else {
            // Without /proc only the group that the command was started in can be reached.
            let group = self.root.map(|root| -root);
            group.into_iter().for_each(&mut meet);
            return Look { members: group.into_iter().collect(), saw_all: true };
        };
        let (mut members, mut others, mut saw_all) = (BTreeSet::new(), Vec::new(), true);
        for pid in pids {
            let Some(process) = Process::read(pid) else {
                saw_all = false;
                continue;
            };
            match self.membership(&process) {
                Some(true) => {
                    meet(pid);
                    members.insert(pid);
                }
                Some(false) => others.push(process),
                None => {
                    saw_all = false;
                    others.push(process);
                }
            }
        }
        add_descendants(&mut members, others, meet);
        Look { members, saw_all: saw_all && last_before.is_some() && last_before == last_pid() }
    }

    /// `None`: it cannot be told in this moment.
    fn membership(&self, process: &Process) -> Option<bool> {
        if !process.is_mortal {
            return Some(false);
        }
        let group = Some(process.group) == self.root || Some(process.session) == self.root;
        if group || Some(process.pid) == self.root || self.members.contains(&process.pid) {
            return Some(true);
        }
        self.tag.as_ref().map_or(Some(false), |tag| has_tag(process.pid, tag))
    }
}

/// What one look found.
struct Look {
    members: BTreeSet<pid_t>,
    /// No process came or went meanwhile, and each could be judged.
    saw_all: bool,
}

fn add_descendants(members: &mut BTreeSet<pid_t>, mut others: Vec<Process>, mut meet: impl FnMut(pid_t)) {
    loop {
        let is_child = |process: &Process| process.is_mortal && members.contains(&process.parent);
        let (children, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(is_child);
        if children.is_empty() {
            return;
        }
        for child in children {
            meet(child.pid);
            members.insert(child.pid);
        }
        others = rest;
    }
}

/// All processes but PID 1 and the agent; `None` when there is no `/proc` to ask.
fn newest_first() -> Option<Vec<pid_t>> {
    let own = std::process::id() as pid_t;
    let entries = fs::read_dir("/proc").ok()?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<pid_t>().ok());
    let mut pids: Vec<pid_t> = pids.filter(|pid| *pid > 1 && *pid != own).collect();
    pids.reverse();
    Some(pids)
}

/// The newest process id that was given out; it moves with every start of a process.
fn last_pid() -> Option<Vec<u8>> {
    let line = fs::read("/proc/loadavg").ok()?;
    line.trim_ascii_end().rsplit(|byte| *byte == b' ').next().map(<[u8]>::to_vec)
}

impl Process {
    /// `None` when it has gone.
    fn read(pid: pid_t) -> Option<Self> {
        Self::parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (name) state parent group session terminal foreground flags …`; the name may hold anything.
    fn parse(pid: pid_t, stat: &[u8]) -> Option<Self> {
        const KERNEL_THREAD: i64 = 0x0020_0000;
        let after_name = stat.iter().rposition(|b| *b == b')')? + 1;
        let mut fields = std::str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace();
        let has_ended = matches!(fields.next()?, "Z" | "X" | "x");
        let mut number = || fields.next()?.parse::<i64>().ok();
        let mut id = || number().map(|id| id as pid_t);
        let (parent, group, session) = (id()?, id()?, id()?);
        let (_terminal, _foreground, flags) = (number()?, number()?, number()?);
        let is_mortal = !has_ended && flags & KERNEL_THREAD == 0;
        Some(Self { pid, parent, group, session, is_mortal })
    }
}

/// True when the environment holds the tag; another user's is not told and counts as without. `None`: there is none at
/// all, as in the middle of an exec.
fn has_tag(pid: pid_t, tag: &[u8]) -> Option<bool> {
    let Ok(mut environ) = fs::File::open(format!("/proc/{pid}/environ")) else { return Some(false) };
    let mut buffer = [0; 4096];
    let (mut kept, mut any) = (0, false);
    while let Ok(count @ 1..) = environ.read(&mut buffer[kept..]) {
        any = true;
        let filled = kept + count;
        if buffer[..filled].windows(tag.len()).any(|window| window == tag) {
            return Some(true);
        }
        // The tag may lie across two reads.
        let keep = filled.min(tag.len() - 1);
        buffer.copy_within(filled - keep..filled, 0);
        kept = keep;
    }
    any.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_look_like_anything() {
        let process = Process { pid: 7, parent: 3, group: 5, session: 4, is_mortal: true };
        assert_eq!(Process::parse(7, b"7 (a) b) R 1 (x) S 3 5 4 0 -1 4194560 9"), Some(process));
        let zombie = Process { is_mortal: false, ..process };
        assert_eq!(Process::parse(7, b"7 (sh) Z 3 5 4 0 -1 4194560 9"), Some(zombie));
        assert_eq!(Process::parse(7, b"7 (kthreadd) S 3 5 4 0 -1 2129984 9"), Some(zombie));
        assert_eq!(Process::parse(7, b"7 (sh"), None);
    }
}
