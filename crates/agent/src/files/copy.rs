//! One regular file's content into another, a bounded piece a turn. Old content is written over and the rest cut at the
//! end: that keeps the other file's inode, and spares the system a truncation.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use computesdk_docker_protocol::{Op, ToHost};
use libc::{
    AT_FDCWD, EBADF, EINTR, EINVAL, EISDIR, ENOSYS, EOPNOTSUPP, EPERM, EXDEV, O_CREAT, O_NONBLOCK, O_RDONLY,
    O_WRONLY, S_IFREG,
};

use super::{Failure, PERMISSIONS, is_folder, is_kind};
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::{self, Errno, file};

/// Bytes of one turn: about a millisecond.
const TURN: usize = 1024 * 1024;
const BUFFER: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct CopyFile {
    copier: Copier,
    mode: u32,
}

/// Moves content between two open regular files.
#[derive(Debug)]
pub(crate) struct Copier {
    from: OwnedFd,
    to: OwnedFd,
    moved: i64,
    /// The system does not copy these by itself.
    by_hand: bool,
}

impl CopyFile {
    pub(crate) fn start(from: &CStr, to: &CStr, flow: &Flow, link: &mut Link) -> Result<Self, Failure> {
        let this = Self::open(from, to).map_err(fail)?;
        link.again(flow, Slot::File);
        Ok(this)
    }

    fn open(from: &CStr, to: &CStr) -> sys::Result<Self> {
        let from = sys::open_at(AT_FDCWD, from, O_RDONLY | O_NONBLOCK)?;
        let source = sys::stat_fd(from.as_fd())?;
        if is_folder(&source) {
            return Err(Errno(EISDIR));
        }
        let to = sys::open_at(AT_FDCWD, to, O_WRONLY | O_CREAT | O_NONBLOCK)?;
        let other = sys::stat_fd(to.as_fd())?;
        let same = (source.st_dev, source.st_ino) == (other.st_dev, other.st_ino);
        if same || !is_kind(&source, S_IFREG) || !is_kind(&other, S_IFREG) {
            return Err(Errno(EINVAL));
        }
        let mut copier = Copier::new(from, to);
        // Files of /proc have no size, and the system takes them for empty.
        copier.by_hand = source.st_size == 0;
        Ok(Self { copier, mode: source.st_mode & PERMISSIONS })
    }

    pub(crate) fn step(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        if !self.copier.turn().map_err(fail)? {
            link.again(flow, Slot::File);
            return Ok(None);
        }
        // Somebody else's file that may be written keeps the bits it has.
        match file::chmod_fd(self.copier.to.as_fd(), self.mode) {
            Ok(()) | Err(Errno(EPERM)) => Ok(Some(ToHost::Done)),
            Err(errno) => Err(fail(errno)),
        }
    }
}

fn fail(errno: Errno) -> Failure {
    Failure::new(Op::Copy, errno)
}

impl Copier {
    pub(crate) fn new(from: OwnedFd, to: OwnedFd) -> Self {
        Self { from, to, moved: 0, by_hand: false }
    }

    /// Moves the next piece; true when all is there.
    pub(crate) fn turn(&mut self) -> sys::Result<bool> {
        let moved = if self.by_hand { self.pass_on() } else { self.let_move() };
        match moved {
            Ok(0) => self.cut().map(|()| true),
            Ok(count) => {
                self.moved += count as i64;
                Ok(false)
            }
            Err(Errno(EINTR)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn let_move(&mut self) -> sys::Result<usize> {
        match file::copy_range(self.from.as_fd(), self.to.as_fd(), TURN) {
            // Different file systems, an old kernel, a strict sandbox.
            Err(Errno(EXDEV | EINVAL | ENOSYS | EOPNOTSUPP | EPERM | EBADF)) => {
                self.by_hand = true;
                self.pass_on()
            }
            other => other,
        }
    }

    fn pass_on(&mut self) -> sys::Result<usize> {
        let mut buffer = [0; BUFFER];
        let count = sys::read(self.from.as_fd(), &mut buffer)?;
        let mut written = 0;
        while written < count {
            written += sys::write(self.to.as_fd(), &buffer[written..count])?;
        }
        Ok(count)
    }

    fn cut(&self) -> sys::Result<()> {
        let to = self.to.as_fd();
        if sys::stat_fd(to)?.st_size > self.moved { sys::truncate(to, self.moved) } else { Ok(()) }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        // Failed or cancelled half-way: what is there is new, if not all of it.
        let _ = self.cut();
    }
}
