//! The signals of Linux by name: sandboxes are Linux whatever the host is.

use crate::error::{Error, Result};

/// In the order of their numbers, from 1 on.
const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// The last that Linux has, real-time ones included.
const LAST: f64 = 64.0;

/// The number of `SIGTERM`.
pub fn number(name: &str) -> Result<i32> {
    let at = NAMES.iter().position(|known| *known == name);
    at.map(|at| at as i32 + 1).ok_or_else(|| refused(&format!("got '{name}'")))
}

/// A number that is one of a signal.
pub fn checked(number: f64) -> Result<i32> {
    let is_signal = number.fract() == 0.0 && (1.0..=LAST).contains(&number);
    if is_signal { Ok(number as i32) } else { Err(refused(&format!("got {number}"))) }
}

fn refused(got: &str) -> Error {
    let problem = format!("expected a name such as 'SIGTERM' or a number from 1 to 64, {got}");
    Error::InvalidConfig { path: "signal".to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_linuxs_numbers() {
        for (name, expected) in
            [("SIGHUP", 1), ("SIGKILL", 9), ("SIGTERM", 15), ("SIGWINCH", 28), ("SIGSYS", 31)]
        {
            assert_eq!(number(name).ok(), Some(expected));
        }
        assert!(number("TERM").is_err() && number("sigterm").is_err());
        assert_eq!(checked(34.0).ok(), Some(34));
        assert!([0.0, 1.5, 65.0, f64::NAN].into_iter().all(|wrong| checked(wrong).is_err()));
    }
}
