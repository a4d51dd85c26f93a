//! A file written from the host's bytes as they arrive, in place: the file keeps its inode, owner and mode. A FIFO that
//! nobody reads yet is tried again on every tick, as opening it would block.

use std::ffi::{CStr, CString};

use computesdk_docker_protocol::{Op, ToHost};
use libc::{AT_FDCWD, ENOENT, ENXIO, O_CREAT, O_NONBLOCK, O_TRUNC, O_WRONLY};

use super::{Failure, make_parents};
use crate::serve::link::{Flow, Link, Slot};
use crate::serve::sink::{Overrun, Sink};
use crate::sys::{self, Errno};

#[derive(Debug)]
pub(crate) struct WriteFile {
    path: CString,
    sink: Sink,
    open: bool,
}

impl WriteFile {
    pub(crate) fn start(path: CString) -> Result<Self, Failure> {
        let mut this = Self { path, sink: Sink::unopened(), open: false };
        this.try_open()?;
        Ok(this)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    fn try_open(&mut self) -> Result<(), Failure> {
        let opened = match open(&self.path) {
            Err(Errno(ENOENT)) => {
                make_parents(&self.path).map_err(|errno| Failure::new(Op::Mkdir, errno))?;
                open(&self.path)
            }
            other => other,
        };
        match opened {
            Ok(fd) => {
                self.sink.open(fd);
                self.open = true;
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

fn open(path: &CStr) -> sys::Result<std::os::fd::OwnedFd> {
    sys::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK)
}

fn is_fifo(path: &CStr) -> bool {
    sys::stat_at(AT_FDCWD, path, 0).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFIFO)
}
