//! Signals as something to read: all are blocked, with their default dispositions, so a child needs no more than an
//! empty mask, and no handler ever runs.

use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libc::sigset_t;

use super::{Errno, Result, check, owned};

#[derive(Debug)]
pub(crate) struct Signals {
    fd: OwnedFd,
}

/// What arrived since the last read. Ended children are not listed: signals merge, so ask for them every time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    pub(crate) terminate: bool,
    /// Real-time signals that came from outside of this PID namespace, and from inside, each as often as it was sent.
    pub(crate) from_outside: Vec<i32>,
    pub(crate) from_inside: Vec<i32>,
}

/// The real-time signals that no C library keeps for itself.
const REAL_TIME: std::ops::RangeInclusive<i32> = 35..=64;

impl Signals {
    /// Ended children and the wish to stop.
    pub(crate) fn take_over() -> Result<Self> {
        Self::take(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGINT])
    }

    /// Real-time signals as well.
    pub(crate) fn take_over_all() -> Result<Self> {
        let usual = [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT];
        Self::take(&usual.into_iter().chain(REAL_TIME).collect::<Vec<_>>())
    }

    fn take(wanted: &[i32]) -> Result<Self> {
        reset_dispositions();
        let mask = set_of(wanted);
        // SAFETY: the sets are valid; the agent has one thread.
        unsafe {
            let mut all = empty();
            libc::sigfillset(&mut all);
            check(libc::sigprocmask(libc::SIG_SETMASK, &all, std::ptr::null_mut()))?;
            Ok(Self { fd: owned(libc::signalfd(-1, &mask, libc::SFD_CLOEXEC))? })
        }
    }

    /// Blocks until at least one signal is there.
    pub(crate) fn wait(&self) -> Result<Pending> {
        const SIZE: usize = size_of::<libc::signalfd_siginfo>();
        let mut bytes = [0u8; SIZE * 4];
        let got = match super::read(self.as_fd(), &mut bytes) {
            Err(Errno(libc::EINTR | libc::EAGAIN)) => 0,
            other => other?,
        };
        let mut pending = Pending::default();
        for info in bytes[..got].chunks_exact(SIZE) {
            // The kernel's layout: number, error, code, sender.
            let field = |at: usize| info.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            let [signal, code, sender] = [0, 8, 12].map(|at| field(at).map_or(0, i32::from_ne_bytes));
            match signal {
                libc::SIGTERM | libc::SIGINT => pending.terminate = true,
                // What `kill` sends has this code, which nothing else can claim, and a sender, which is 0 outside.
                _ if REAL_TIME.contains(&signal) && code == libc::SI_USER && sender == 0 => {
                    pending.from_outside.push(signal);
                }
                _ if REAL_TIME.contains(&signal) => pending.from_inside.push(signal),
                _ => {}
            }
        }
        Ok(pending)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Ignored signals would be inherited by every command, and an ignored SIGCHLD would lose exit codes. Asks the kernel
/// itself: libc hides the two or three signals that it keeps for its threads.
fn reset_dispositions() {
    const SIGNALS: usize = 64;
    // The kernel's `struct sigaction` in its default state, all zero, on both architectures.
    let default = [0u64; 4];
    for signal in 1..=SIGNALS {
        // SAFETY: `default` is large enough, no handler is installed; SIGKILL and SIGSTOP are refused without harm.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), 0usize, SIGNALS / 8) };
    }
}

pub(crate) fn empty() -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset fills the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn set_of(signals: &[i32]) -> sigset_t {
    let mut set = empty();
    for signal in signals {
        // SAFETY: the set is valid.
        unsafe { libc::sigaddset(&mut set, *signal) };
    }
    set
}
