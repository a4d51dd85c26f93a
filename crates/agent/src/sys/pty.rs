//! Pseudo terminals: the pair of ends, and the size.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libc::{AT_FDCWD, O_NOCTTY, O_RDWR, c_int};

use super::{Result, check, open_at, owned, set_nonblocking};
use crate::environment::c_string;

/// A new terminal: the agent's end, and the one that a command has for its stdio.
pub(crate) fn open() -> Result<(OwnedFd, OwnedFd)> {
    let master = open_at(AT_FDCWD, c"/dev/ptmx", O_RDWR)?;
    let unlocked: c_int = 0;
    // SAFETY: TIOCSPTLCK reads one int.
    check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &unlocked) })?;
    let slave = peer(master.as_fd())?;
    speak_utf8(slave.as_fd());
    set_nonblocking(master.as_fd())?;
    Ok((master, slave))
}

/// Through the agent's end itself, else (before Linux 4.13) by its number.
fn peer(master: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = O_RDWR | O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: takes numbers only.
    let opened = owned(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) });
    opened.or_else(|_| {
        let mut number: c_int = 0;
        // SAFETY: TIOCGPTN writes one int.
        check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN, &mut number) })?;
        open_at(AT_FDCWD, &c_string(format!("/dev/pts/{number}"))?, O_RDWR)
    })
}

/// A backspace then takes a whole character. A terminal that does not know of UTF-8 works all the same.
fn speak_utf8(terminal: BorrowedFd<'_>) {
    let mut modes = std::mem::MaybeUninit::uninit();
    // SAFETY: tcgetattr fills the modes when it succeeds, and tcsetattr reads what was filled.
    unsafe {
        if libc::tcgetattr(terminal.as_raw_fd(), modes.as_mut_ptr()) == 0 {
            let mut modes: libc::termios = modes.assume_init();
            modes.c_iflag |= libc::IUTF8;
            libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &modes);
        }
    }
}

/// Tells the programs in the foreground, too.
pub(crate) fn resize(terminal: BorrowedFd<'_>, cols: u16, rows: u16) -> Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCSWINSZ reads one winsize.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &size) }).map(drop)
}
