//! The content of a file, chunk by chunk. A FIFO without a writer or a silent device is waited for without blocking.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use computesdk_docker_protocol::{Bulk, Op, ReadPart, ToHost};
use libc::{AT_FDCWD, EAGAIN, EINTR, EISDIR, O_NONBLOCK, O_RDONLY, S_IFREG};

use super::{Failure, is_folder, is_kind};
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::poll::{Interest, Port};
use crate::sys::{self, Errno, file};

#[derive(Debug)]
pub(crate) struct ReadFile {
    port: Port<OwnedFd>,
    /// Regular files are always ready, and cannot be watched.
    regular: bool,
    /// Bytes still to be read.
    left: u64,
}

impl ReadFile {
    /// Opens the file and has its first chunk come.
    pub(crate) fn start(path: &CStr, flow: &Flow, link: &mut Link) -> Result<Self, Failure> {
        let open = |errno| Failure::new(Op::Open, errno);
        let fd = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK).map_err(open)?;
        let stat = sys::stat_fd(fd.as_fd()).map_err(open)?;
        if is_folder(&stat) {
            return Err(Failure::new(Op::Read, Errno(EISDIR)));
        }
        let mut this = Self { port: Port::new(fd), regular: is_kind(&stat, S_IFREG), left: u64::MAX };
        this.go_on(flow, link);
        Ok(this)
    }

    /// As [`ReadFile::start`], for a part of the file.
    pub(crate) fn start_part(
        path: &CStr,
        part: &ReadPart,
        flow: &Flow,
        link: &mut Link,
    ) -> Result<Self, Failure> {
        let mut this = Self::start(path, flow, link)?;
        if part.from > 0 {
            file::seek(this.port.fd(), part.from).map_err(|errno| Failure::new(Op::Read, errno))?;
        }
        this.left = part.length.unwrap_or(u64::MAX);
        Ok(this)
    }

    pub(crate) fn step(&mut self, flow: &mut Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        if self.left == 0 {
            return Ok(Some(ToHost::Done));
        }
        let Some(allowed) = link.allowance(flow, Slot::File) else { return Ok(None) };
        let allowed = usize::try_from(self.left).map_or(allowed, |left| allowed.min(left));
        match link.forward(self.port.fd(), allowed, Bulk::Data, flow) {
            Ok(0) => return Ok(Some(ToHost::Done)),
            Ok(count) => {
                self.left -= count as u64;
                self.go_on(flow, link);
            }
            Err(Errno(EINTR)) => link.again(flow, Slot::File),
            // Some files of /proc count as regular and have nothing yet.
            Err(Errno(EAGAIN)) => link.watch(&mut self.port, Interest::Read, flow, Slot::File),
            Err(errno) => return Err(Failure::new(Op::Read, errno)),
        }
        Ok(None)
    }

    fn go_on(&mut self, flow: &Flow, link: &mut Link) {
        if self.regular {
            link.again(flow, Slot::File);
        } else {
            link.watch(&mut self.port, Interest::Read, flow, Slot::File);
        }
    }
}
