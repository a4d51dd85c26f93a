//! The entries of a folder, a batch a turn, in the system's order; what is told of each is the caller's business.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use computesdk_docker_protocol::{Op, ToHost};
use libc::{AT_FDCWD, O_DIRECTORY, O_NONBLOCK, O_RDONLY};

use super::Failure;
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::{self, dir};

/// Entries of one message.
const ENTRIES: usize = 256;

/// What is told of the entries of a folder.
pub(crate) struct Telling<T> {
    /// `None` when the entry has gone meanwhile.
    pub(super) look: fn(RawFd, &CStr) -> Option<T>,
    pub(super) message: fn(Vec<T>) -> ToHost,
}

#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    pub(crate) fn start(path: &CStr, flow: &Flow, link: &mut Link) -> Result<Self, Failure> {
        let opened = sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
        let folder = opened.map_err(|errno| Failure::new(Op::ReadDir, errno))?;
        link.again(flow, Slot::File);
        Ok(Self(folder))
    }

    pub(crate) fn step<T>(
        &mut self,
        telling: &Telling<T>,
        flow: &Flow,
        link: &mut Link,
    ) -> Result<Option<ToHost>, Failure> {
        if !link.has_room(flow, Slot::File) {
            return Ok(None);
        }
        let mut buffer = [0; dir::BATCH];
        let filled = dir::read_entries(self.0.as_fd(), &mut buffer)
            .map_err(|errno| Failure::new(Op::ReadDir, errno))?;
        if filled == 0 {
            return Ok(Some(ToHost::Done));
        }
        let (mut entries, mut at) = (Vec::new(), 0);
        while let Some((dirent, next)) = dir::entry(&buffer[..filled], at) {
            at = next;
            if !dirent.is_self_or_parent() {
                entries.extend((telling.look)(self.0.as_raw_fd(), dirent.name));
            }
            if entries.len() == ENTRIES {
                link.send(flow, &(telling.message)(std::mem::take(&mut entries)));
            }
        }
        if !entries.is_empty() {
            link.send(flow, &(telling.message)(entries));
        }
        link.again(flow, Slot::File);
        Ok(None)
    }
}
