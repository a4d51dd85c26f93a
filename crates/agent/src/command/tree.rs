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

/// Looks that must find nobody new before a tree counts as frozen.
const QUIET_LOOKS: usize = 3;

/// Looks before killing starts all the same.
const MOST_LOOKS: usize = 100;

#[derive(Debug)]
pub(crate) struct Tree {
    root: Option<pid_t>,
    /// As it stands in an environment, closing NUL included.
    tag: Vec<u8>,
    /// Found before: members even when what they were found by is gone.
    members: BTreeSet<pid_t>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: pid_t,
    parent: pid_t,
    group: pid_t,
    session: pid_t,
}

impl Tree {
    /// `root` is the command's own process, `None` when it has been reaped.
    pub(crate) fn new(root: Option<pid_t>, tag: &str) -> Self {
        Self { root, tag: format!("{TAG}={tag}\0").into_bytes(), members: BTreeSet::new() }
    }

    /// The root was reaped: its number may soon be another's.
    pub(crate) fn forget_root(&mut self) {
        self.root = None;
    }

    /// Stops all that is found, until several looks in a row have found nobody new: a link of a chain of forks can be
    /// gone between being listed and being looked at.
    pub(crate) fn freeze(&mut self) {
        let mut frozen = BTreeSet::new();
        let mut quiet = 0;
        for _ in 0..MOST_LOOKS {
            let mut newcomers = false;
            self.members = self.look(|pid| {
                if frozen.insert(pid) {
                    newcomers = true;
                    // Gone or not ours to signal: the kill that follows meets it again.
                    let _ = sys::kill(pid, SIGSTOP);
                }
            });
            quiet = if newcomers { 0 } else { quiet + 1 };
            if quiet == QUIET_LOOKS {
                break;
            }
        }
    }

    /// Kills all that one look finds; how many were still alive and could be signalled.
    pub(crate) fn kill(&mut self) -> usize {
        let mut alive = 0;
        self.members = self.look(|pid| {
            if !matches!(sys::kill(pid, SIGKILL), Err(Errno(libc::ESRCH | libc::EPERM))) {
                alive += 1;
            }
        });
        alive
    }

    /// Meets the living members of the tree, the newest first, each at once.
    fn look(&self, mut meet: impl FnMut(pid_t)) -> BTreeSet<pid_t> {
        let Some(pids) = newest_first() else {
            // Without /proc only the group that the command was started in can be reached.
            let group = self.root.map(|root| -root);
            group.into_iter().for_each(&mut meet);
            return group.into_iter().collect();
        };
        let mut found = BTreeSet::new();
        let mut others = Vec::new();
        for process in pids.into_iter().filter_map(Process::read) {
            if self.is_member(&process) {
                meet(process.pid);
                found.insert(process.pid);
            } else {
                others.push(process);
            }
        }
        loop {
            let (children, rest): (Vec<_>, Vec<_>) =
                others.into_iter().partition(|p| found.contains(&p.parent));
            if children.is_empty() {
                return found;
            }
            for child in children {
                meet(child.pid);
                found.insert(child.pid);
            }
            others = rest;
        }
    }

    fn is_member(&self, process: &Process) -> bool {
        let root = Some(process.pid) == self.root;
        let group = Some(process.group) == self.root || Some(process.session) == self.root;
        root || group || self.members.contains(&process.pid) || has_tag(process.pid, &self.tag)
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

impl Process {
    /// `None` when it has ended.
    fn read(pid: pid_t) -> Option<Self> {
        Self::parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (name) state parent group session …`; the name may hold anything. A zombie has ended.
    fn parse(pid: pid_t, stat: &[u8]) -> Option<Self> {
        let after_name = stat.iter().rposition(|b| *b == b')')? + 1;
        let mut fields = std::str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace();
        if matches!(fields.next()?, "Z" | "X" | "x") {
            return None;
        }
        let mut number = || fields.next()?.parse().ok();
        Some(Self { pid, parent: number()?, group: number()?, session: number()? })
    }
}

/// True when the environment holds the tag. Not readable (another user's): false.
fn has_tag(pid: pid_t, tag: &[u8]) -> bool {
    let Ok(mut environ) = fs::File::open(format!("/proc/{pid}/environ")) else { return false };
    let mut buffer = [0; 4096];
    let mut kept = 0;
    while let Ok(count @ 1..) = environ.read(&mut buffer[kept..]) {
        let filled = kept + count;
        if buffer[..filled].windows(tag.len()).any(|window| window == tag) {
            return true;
        }
        // The tag may lie across two reads.
        let keep = filled.min(tag.len() - 1);
        buffer.copy_within(filled - keep..filled, 0);
        kept = keep;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_look_like_anything() {
        let process = Process { pid: 7, parent: 3, group: 5, session: 4 };
        assert_eq!(Process::parse(7, b"7 (a) b) R 1 (x) S 3 5 4 0 -1 4194560"), Some(process));
        assert_eq!(Process::parse(7, b"7 (sh) Z 3 5 4 0"), None);
        assert_eq!(Process::parse(7, b"7 (sh"), None);
    }
}
