//! PID 1 of a sandbox: starts nothing, reaps what is orphaned, ends at once on SIGTERM or SIGINT so that a stop is
//! quick, and survives every other signal. Background commands become its children when their session ends.
//!
//! It also keeps the sandbox's lifetime, so that this holds when the host is dead: its end is the container's. The host
//! extends it by signals, which only the engine can send: the kernel shows the sender of a signal that comes from outside
//! the container as 0, and nobody inside can claim that. That the sandbox has left its pool may come from inside too: by
//! the host's own agent, and whoever else runs here does so because it has.

mod lifetime;
mod sessions;

use std::ffi::CStr;
use std::fs;
use std::time::Duration;

use self::lifetime::{HANDED_OUT, Lifetime, Terms};
use crate::sys::poll::{Interest, Poller, Port};
use crate::sys::signals::Signals;
use crate::sys::{self, Errno};

pub(crate) fn init(words: &[&CStr]) -> Result<(), String> {
    let terms = Terms::parse(words)?;
    let cannot = |what: &'static str| move |e: Errno| format!("cannot {what}: {e}");
    let mut signals = Port::new(Signals::take_over_all().map_err(cannot("watch signals"))?);
    let mut poller = Poller::new().map_err(cannot("make an epoll"))?;
    let mut lifetime = Lifetime::new(terms, sys::now());
    let mut told = None;
    loop {
        // Before the first wait too: a child may have ended before the signals were blocked.
        while sys::reap().is_some() {}
        let now = sys::now();
        if lifetime.needs_sessions() {
            lifetime.look(&sessions::read(), now);
        }
        if lifetime.is_over(now) {
            return Ok(());
        }
        tell(lifetime.deadline(), now, &mut told);
        poller.watch(&mut signals, Interest::Read, 0).map_err(cannot("watch signals"))?;
        // Rounded up: a wait of zero milliseconds would spin until the moment.
        let wait = lifetime.wait(now).map(|wait| wait + Duration::from_millis(1));
        if poller.wait(wait).map_err(cannot("wait"))? == 0 {
            continue;
        }
        let pending = signals.inner().wait().map_err(cannot("wait for a signal"))?;
        if pending.terminate {
            return Ok(());
        }
        let handed_out = pending.from_inside.into_iter().filter(|signal| *signal == HANDED_OUT);
        for signal in pending.from_outside.into_iter().chain(handed_out) {
            lifetime.signalled(signal, sys::now());
        }
    }
}

/// Tells PID 1 that the sandbox has left its pool. One that is not this program, as where the container has the machine's
/// own processes, hears nothing.
pub(crate) fn hand_out() -> sys::Result<()> {
    let own = fs::read("/proc/self/cmdline").unwrap_or_default();
    let program = own.split(|byte| *byte == 0).next().unwrap_or_default();
    // A word further on where an init of the engine's starts it, which passes signals on.
    let first = fs::read("/proc/1/cmdline").unwrap_or_default();
    if !first.split(|byte| *byte == 0).any(|word| word == program) {
        return Err(Errno(libc::ESRCH));
    }
    sys::kill(1, HANDED_OUT)
}

/// Shows the deadline as the name of the process, which nobody but itself can write, and all can read.
fn tell(deadline: Option<Duration>, now: Duration, told: &mut Option<Duration>) {
    if *told == deadline {
        return;
    }
    *told = deadline;
    let at = deadline.map(|deadline| sys::wall_clock() + deadline.saturating_sub(now));
    sys::set_name(&at.map_or_else(|| "agent".to_owned(), |at| format!("end {:x}", at.as_millis())));
}
