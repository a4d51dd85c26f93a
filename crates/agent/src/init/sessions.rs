//! Who works in the sandbox from outside: the processes that the engine put into it, which have no parent here. An agent's
//! name tells whether it is at work; any other, such as a person's shell, counts as at work while it is there.

use std::fs;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) pid: i32,
    /// Changes with every call.
    pub(super) mark: String,
    pub(super) is_busy: bool,
}

pub(super) fn read() -> Vec<Session> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != 1).filter_map(of_process).collect()
}

fn of_process(pid: i32) -> Option<Session> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    session(pid, &String::from_utf8_lossy(&stat))
}

/// The name stands in brackets and may hold some itself; state and parent follow.
fn session(pid: i32, stat: &str) -> Option<Session> {
    let (name, rest) = (stat.split_once('(')?.1).rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let (state, parent) = (fields.next()?, fields.next()?);
    if parent != "0" || matches!(state, "Z" | "X") {
        return None;
    }
    let is_quiet = name.starts_with(crate::serve::QUIET);
    Some(Session { pid, mark: name.to_owned(), is_busy: !is_quiet })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_parent_is_a_session() {
        let found = |stat| session(9, stat).map(|session| (session.mark, session.is_busy));
        assert_eq!(found("9 (quiet 1f) S 0 9 9"), Some(("quiet 1f".to_owned(), false)));
        assert_eq!(found("9 (busy 1f) R 0 9 9"), Some(("busy 1f".to_owned(), true)));
        assert_eq!(found("9 (a) S 0 (b) S 0 9"), Some(("a) S 0 (b".to_owned(), true)));
        for stat in ["9 (sleep) S 1 9 9", "9 (sh) Z 0 9 9", "9 (quiet", ""] {
            assert_eq!(found(stat), None, "{stat}");
        }
    }
}
