//! Finds and kills every process of a command: by process group, session, chain of parents, and the tag in its
//! environment, which a child keeps through `setsid` and a double fork.
//!
//! The tree is frozen first (SIGSTOP until a look finds nobody new), so that a chain of forks cannot run ahead of the
//! search, and then killed until a look finds nobody alive. A process that dropped the tag, its session and its parent
//! before is out of reach; only the container's end is absolute.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;

use libc::{SIGKILL, SIGSTOP, pid_t};

use crate::environment::TAG;
use crate::sys::{self, Errno};

/// Looks for newcomers before killing starts all the same.
const FREEZE_ROUNDS: usize = 50;

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

    pub(crate) fn freeze(&mut self) {
        let mut frozen = BTreeSet::new();
        for _ in 0..FREEZE_ROUNDS {
            let found = self.find();
            let newcomers: Vec<pid_t> = found.difference(&frozen).copied().collect();
            if newcomers.is_empty() {
                break;
            }
            for pid in newcomers {
                // Gone or not ours to signal: the kill below meets it again.
                let _ = sys::kill(pid, SIGSTOP);
                frozen.insert(pid);
            }
            self.members = found;
        }
    }

    /// Kills all that one look finds; how many were still alive and could be signalled.
    pub(crate) fn kill(&mut self) -> usize {
        let found = self.find();
        let spared = |pid: &pid_t| matches!(sys::kill(*pid, SIGKILL), Err(Errno(libc::ESRCH | libc::EPERM)));
        let alive = found.iter().filter(|pid| !spared(pid)).count();
        self.members = found;
        alive
    }

    /// The living members of the tree, without the agent and PID 1.
    fn find(&self) -> BTreeSet<pid_t> {
        let Some(processes) = processes() else { return self.root.into_iter().collect() };
        let mut found: BTreeSet<pid_t> =
            processes.iter().filter(|process| self.is_member(process)).map(|process| process.pid).collect();
        loop {
            let children = processes.iter().filter(|p| found.contains(&p.parent)).map(|p| p.pid);
            let children: Vec<pid_t> = children.filter(|pid| !found.contains(pid)).collect();
            if children.is_empty() {
                return found;
            }
            found.extend(children);
        }
    }

    fn is_member(&self, process: &Process) -> bool {
        let root = Some(process.pid) == self.root;
        let group = Some(process.group) == self.root || Some(process.session) == self.root;
        root || group || self.members.contains(&process.pid) || has_tag(process.pid, &self.tag)
    }
}

/// All living processes but PID 1 and the agent; `None` when there is no `/proc` to ask.
fn processes() -> Option<Vec<Process>> {
    let own = std::process::id() as pid_t;
    let entries = fs::read_dir("/proc").ok()?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<pid_t>().ok());
    let others = pids.filter(|pid| *pid > 1 && *pid != own);
    Some(others.filter_map(|pid| parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)).collect())
}

/// `pid (name) state parent group session …`; the name may hold anything. A zombie is not alive.
fn parse(pid: pid_t, stat: &[u8]) -> Option<Process> {
    let after_name = stat.iter().rposition(|b| *b == b')')? + 1;
    let mut fields = std::str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    let mut number = || fields.next()?.parse().ok();
    Some(Process { pid, parent: number()?, group: number()?, session: number()? })
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
        assert_eq!(parse(7, b"7 (a) b) R 1 (x) S 3 5 4 0 -1 4194560"), Some(process));
        assert_eq!(parse(7, b"7 (sh) Z 3 5 4 0"), None);
        assert_eq!(parse(7, b"7 (sh"), None);
    }
}
