//! A file written from the host's bytes as they arrive, in place: the file keeps its inode, owner and mode. A FIFO that
//! nobody reads yet is tried again on every tick, as opening it would block.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use computesdk_docker_protocol::{Links, Op, ToHost, WriteStart};
use libc::{
    AT_FDCWD, ENOENT, ENXIO, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_TRUNC, O_WRONLY, S_IFIFO, S_IFREG,
};

use super::{Failure, PERMISSIONS, is_kind, make_parents};
use crate::serve::link::{Flow, Link, Slot};
use crate::serve::sink::{Overrun, Sink};
use crate::sys::{self, Errno, file};

/// Old content up to this size is written over and the rest cut at the end. Truncating first makes ext4 write the file
/// out on close, which takes milliseconds; for a larger file it saves overlayfs the copy of what is to go.
const WRITTEN_OVER: i64 = 64 * 1024;

#[derive(Debug)]
pub(crate) struct WriteFile {
    path: CString,
    how: How,
    sink: Sink,
    open: bool,
    /// Old content is there beyond what has been written.
    uncut: bool,
}

/// What becomes of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) start: WriteStart,
    pub(crate) links: Links,
    /// Permission bits in the end.
    pub(crate) mode: Option<u32>,
}

impl WriteFile {
    pub(crate) fn start(path: CString, how: How) -> Result<Self, Failure> {
        let mut this = Self { path, how, sink: Sink::unopened(), open: false, uncut: false };
        this.try_open()?;
        Ok(this)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    fn try_open(&mut self) -> Result<(), Failure> {
        let opened = match open(&self.path, self.how) {
            Err(Errno(ENOENT)) => {
                make_parents(&self.path).map_err(|errno| Failure::new(Op::Mkdir, errno))?;
                open(&self.path, self.how)
            }
            other => other,
        };
        match opened {
            Ok((fd, uncut)) => {
                self.sink.open(fd);
                self.open = true;
                self.uncut = uncut;
            }
            Err(Errno(ENXIO)) if is_fifo(&self.path) => {}
            Err(errno) => return Err(Failure::new(Op::Open, errno)),
        }
        Ok(())
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), Overrun> {
        self.sink.push(bytes)
    }

    /// The content is complete.
    pub(crate) fn finish(&mut self) {
        self.sink.finish();
    }

    /// Writes what it has. The answer is the request's end.
    pub(crate) fn step(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        let all = self.sink.pour(Slot::File, flow, link).map_err(|errno| Failure::new(Op::Write, errno))?;
        if !all {
            return Ok(None);
        }
        self.cut().map_err(|errno| Failure::new(Op::Write, errno))?;
        self.mark().map_err(|errno| Failure::new(Op::Chmod, errno))?;
        let sink = std::mem::replace(&mut self.sink, Sink::unopened());
        let closed = sink.into_fd().map_or(Ok(()), sys::close);
        closed.map_err(|errno| Failure::new(Op::Close, errno))?;
        Ok(Some(ToHost::Done))
    }

    /// Tries a FIFO again.
    pub(crate) fn tick(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        self.try_open()?;
        if self.open { self.step(flow, link) } else { Ok(None) }
    }
}

impl WriteFile {
    /// The file ends where the new content does.
    fn cut(&mut self) -> sys::Result<()> {
        let Some(fd) = self.sink.fd().filter(|_| std::mem::take(&mut self.uncut)) else { return Ok(()) };
        let written = self.sink.written();
        if sys::stat_fd(fd)?.st_size > written { sys::truncate(fd, written) } else { Ok(()) }
    }

    /// Only now: the bits may forbid writing.
    fn mark(&self) -> sys::Result<()> {
        let (Some(fd), Some(mode)) = (self.sink.fd(), self.how.mode) else { return Ok(()) };
        if !is_kind(&sys::stat_fd(fd)?, S_IFREG) {
            return Ok(());
        }
        file::chmod_fd(fd, mode & PERMISSIONS)
    }
}

impl Drop for WriteFile {
    fn drop(&mut self) {
        // Failed or cancelled half-way: what is there is new, if not all of it. Nobody is left to hear of a failure.
        let _ = self.cut();
    }
}

/// The file, and whether its old content is still there.
fn open(path: &CStr, how: How) -> sys::Result<(OwnedFd, bool)> {
    let follow = if how.links == Links::Keep { O_NOFOLLOW } else { 0 };
    let flags = O_WRONLY | O_CREAT | O_NONBLOCK | follow;
    if how.start == WriteStart::Append {
        return Ok((sys::open_at(AT_FDCWD, path, flags | O_APPEND)?, false));
    }
    let old = sys::stat_at(AT_FDCWD, path, 0);
    let small = |stat: libc::stat| is_kind(&stat, S_IFREG) && (1..=WRITTEN_OVER).contains(&stat.st_size);
    let uncut = old.is_ok_and(small);
    let truncate = if uncut { 0 } else { O_TRUNC };
    let fd = sys::open_at(AT_FDCWD, path, flags | truncate)?;
    Ok((fd, uncut))
}

fn is_fifo(path: &CStr) -> bool {
    sys::stat_at(AT_FDCWD, path, 0).is_ok_and(|stat| is_kind(&stat, S_IFIFO))
}
