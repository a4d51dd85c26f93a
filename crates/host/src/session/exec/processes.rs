//! Processes by their pid over execs: scripts that read /proc.

use super::ExecSession;
use super::kill::{self, NOBODY};
use super::shell::Script;
use crate::error::{Error, Result};
use crate::session::processes::ProcessInfo;
use crate::session::system;

const LIST: &str = include_str!("scripts/processes.sh");
const DURING: &str = "processes";

/// What Linux counts in, as programs see it: ticks of processor time in a second, and the page of nearly all machines.
const TICKS: u64 = 100;
const PAGE: u64 = 4096;

impl ExecSession {
    pub async fn list_processes(&self) -> Result<Vec<ProcessInfo>> {
        let script = Script { text: LIST, ..Script::default() };
        let printed = self.script(DURING, script).await?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_ms = now.map_or(0, |since| since.as_millis() as i64);
        processes(&printed.stdout, now_ms).ok_or_else(|| self.lost(DURING, "/proc could not be read"))
    }

    pub async fn kill_process(&self, pid: u32, signal: i32) -> Result<()> {
        let refused = |errno| Err(system::error(errno, "kill", &pid.to_string()));
        if pid <= 1 {
            return refused(libc_numbers::EPERM);
        }
        match kill::process(self, pid, signal).await? {
            0 => Ok(()),
            NOBODY => refused(libc_numbers::ESRCH),
            _ => refused(libc_numbers::EPERM),
        }
    }

    /// What only the agent does.
    pub(crate) fn without_agent<T>(&self, what: &str) -> Result<T> {
        Err(Error::NeedsAgent { id: self.container.clone(), what: what.to_owned() })
    }
}

mod libc_numbers {
    pub(super) const EPERM: i32 = 1;
    pub(super) const ESRCH: i32 = 3;
}

/// `uptime NUL`, then for each process `stat NUL command line NUL`.
fn processes(printed: &[u8], now_ms: i64) -> Option<Vec<ProcessInfo>> {
    let mut parts = printed.split(|byte| *byte == 0);
    let uptime: f64 = std::str::from_utf8(parts.next()?).ok()?.split(' ').next()?.parse().ok()?;
    let boot_ms = now_ms - (uptime * 1000.0) as i64;
    let mut all = Vec::new();
    while let (Some(stat), Some(command)) = (parts.next(), parts.next()) {
        all.extend(process(&String::from_utf8_lossy(stat), &String::from_utf8_lossy(command), boot_ms));
    }
    all.sort_by_key(|process| process.pid);
    Some(all)
}

/// `None` for one that ended meanwhile.
fn process(stat: &str, command: &str, boot_ms: i64) -> Option<ProcessInfo> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, fields) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let to_ms = |ticks: u64| ticks * 1000 / TICKS;
    let command = command.trim_end_matches(' ');
    Some(ProcessInfo {
        pid: pid.trim().parse().ok()?,
        parent: number(1)? as u32,
        state: *fields.first()?.as_bytes().first()?,
        command: if command.is_empty() { format!("[{name}]") } else { command.to_owned() },
        started_ms: boot_ms + to_ms(number(19)?) as i64,
        cpu_ms: to_ms(number(11)? + number(12)?),
        memory: number(21)? * PAGE,
        background: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_prints_is_read() {
        let printed = b"100.50 7.1\n\x007 (a) b) R 3 7 7 0 -1 4 1 2 3 4 150 25 5 6 20 0 1 0 4200 5000000 300 1\n\0sleep 600 \0\
            9 (x) Z 1 9 9 0 -1 4 1 2 3 4 0 0 5 6 20 0 1 0 100 0 0 1\n\0\0\0\0";
        let all = processes(printed, 1_000_500).expect("a list");
        assert_eq!(all.len(), 2);
        let one = &all[0];
        assert_eq!((one.pid, one.parent, one.state, one.command.as_str()), (7, 3, b'R', "sleep 600"));
        assert_eq!((one.started_ms, one.cpu_ms, one.memory), (942_000, 1750, 300 * 4096));
        assert_eq!((all[1].command.as_str(), all[1].state_name()), ("[x]", "zombie"));
        assert_eq!(processes(b"", 0), None);
    }
}
