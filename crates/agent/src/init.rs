//! PID 1 of a sandbox: starts nothing, reaps what is orphaned, ends at once on SIGTERM or SIGINT so that a stop is
//! quick, and survives every other signal. Background commands become its children when their session ends.

use crate::sys::{self, signals::Signals};

pub(crate) fn init() -> Result<(), String> {
    let signals = Signals::take_over().map_err(|e| format!("cannot watch signals: {e}"))?;
    loop {
        // Before the first wait too: a child may have ended before the signals were blocked.
        while sys::reap().is_some() {}
        let pending = signals.wait().map_err(|e| format!("cannot wait for a signal: {e}"))?;
        if pending.terminate {
            return Ok(());
        }
    }
}
