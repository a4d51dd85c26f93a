//! The processes of the sandbox as /proc tells them, a batch a turn. The agent's own are left out.

use std::collections::BTreeSet;
use std::fs;

use computesdk_docker_protocol::{ProcessEntry, ToHost};
use libc::pid_t;

use crate::serve::link::{Flow, Link, Slot};
use crate::sys;

/// Processes of one message, and bytes of a command line that are told.
const BATCH: usize = 32;
const COMMAND: usize = 4096;

/// How the agent is called in a sandbox.
const AGENT: &[u8] = b"/.computesdk/agent\0";

#[derive(Debug)]
pub(crate) struct ListProcesses {
    pids: std::vec::IntoIter<pid_t>,
    background: BTreeSet<pid_t>,
    units: Units,
}

/// What the kernel counts in.
#[derive(Debug, Clone, Copy)]
struct Units {
    ticks_per_second: u64,
    page: u64,
    /// Milliseconds since 1970.
    boot_ms: i64,
}

impl ListProcesses {
    pub(crate) fn start(background: Vec<pid_t>, flow: &Flow, link: &mut Link) -> Self {
        let own = std::process::id() as pid_t;
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut pids: Vec<pid_t> = pids.filter(|pid| *pid != own).collect();
        pids.sort_unstable();
        link.again(flow, Slot::File);
        Self { pids: pids.into_iter(), background: background.into_iter().collect(), units: Units::now() }
    }

    pub(crate) fn step(&mut self, flow: &Flow, link: &mut Link) -> Option<ToHost> {
        if !link.has_room(flow, Slot::File) {
            return None;
        }
        let batch: Vec<pid_t> = self.pids.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Some(ToHost::Done);
        }
        let entries: Vec<_> = batch.into_iter().filter_map(|pid| self.look(pid)).collect();
        if !entries.is_empty() {
            link.send(flow, &ToHost::Processes(entries));
        }
        link.again(flow, Slot::File);
        None
    }

    /// `None` when it has gone.
    fn look(&self, pid: pid_t) -> Option<ProcessEntry> {
        let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        if words.starts_with(AGENT) {
            return None;
        }
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let mut entry = parse(&stat, self.units)?;
        if !words.is_empty() {
            entry.command = command(&words);
        }
        entry.pid = pid as u32;
        entry.background = self.background.contains(&pid);
        Some(entry)
    }
}

fn command(words: &[u8]) -> Vec<u8> {
    let words = words.strip_suffix(b"\0").unwrap_or(words);
    words.iter().take(COMMAND).map(|byte| if *byte == 0 { b' ' } else { *byte }).collect()
}

/// `pid (name) state parent … utime stime … starttime vsize rss …`; the name may hold anything. Kernel threads and
/// zombies have no command line: the name in brackets stands for it, as in `ps`.
fn parse(stat: &[u8], units: Units) -> Option<ProcessEntry> {
    let name_from = stat.iter().position(|byte| *byte == b'(')? + 1;
    let name_to = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(stat.get(name_to + 1..)?).ok()?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let to_ms = |ticks: u64| ticks.saturating_mul(1000) / units.ticks_per_second;
    let name = stat.get(name_from..name_to)?;
    Some(ProcessEntry {
        pid: 0,
        parent: number(1)? as u32,
        state: *fields.first()?.as_bytes().first()?,
        command: [b"[", name, b"]"].concat(),
        started_ms: units.boot_ms.saturating_add(to_ms(number(19)?) as i64),
        cpu_ms: to_ms(number(11)?.saturating_add(number(12)?)),
        memory: number(21)?.saturating_mul(units.page),
        background: false,
    })
}

impl Units {
    fn now() -> Self {
        Self {
            ticks_per_second: sys::constant(libc::_SC_CLK_TCK, 100),
            page: sys::constant(libc::_SC_PAGESIZE, 4096),
            boot_ms: sys::clock_ms(libc::CLOCK_REALTIME) - sys::clock_ms(libc::CLOCK_BOOTTIME),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: Units = Units { ticks_per_second: 100, page: 4096, boot_ms: 1_000_000 };

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let stat = b"7 (a) b) S 3 7 7 0 -1 4194560 1 2 3 4 150 25 5 6 20 0 1 0 4200 5000000 300 184 1 2";
        let entry = parse(stat, UNITS).expect("an entry");
        assert_eq!((entry.parent, entry.state, entry.command), (3, b'S', b"[a) b]".to_vec()));
        assert_eq!((entry.started_ms, entry.cpu_ms, entry.memory), (1_042_000, 1750, 300 * 4096));
        assert_eq!(parse(b"7 (sh", UNITS), None);
        assert_eq!(parse(b"7 (sh) S 3", UNITS), None);
    }

    #[test]
    fn words_are_divided_by_spaces() {
        assert_eq!(command(b"a b\0\0c\0"), b"a b  c");
        assert_eq!(command(&[b'x'; 9999]).len(), COMMAND);
    }
}
