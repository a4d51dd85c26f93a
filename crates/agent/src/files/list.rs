//! The entries of a folder, a batch a turn, in the system's order.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use computesdk_docker_protocol::{EntryKind, FileEntry, Op, ToHost};
use libc::{AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_DIRECTORY, O_NONBLOCK, O_RDONLY};

use super::{Failure, is_folder};
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::{self, dir};

/// Entries of one message.
const ENTRIES: usize = 256;

#[derive(Debug)]
pub(crate) struct ListFolder {
    folder: OwnedFd,
}

impl ListFolder {
    pub(crate) fn start(path: &CStr, flow: &Flow, link: &mut Link) -> Result<Self, Failure> {
        let opened = sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
        let folder = opened.map_err(|errno| Failure::new(Op::ReadDir, errno))?;
        link.again(flow, Slot::File);
        Ok(Self { folder })
    }

    pub(crate) fn step(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        if !link.has_room(flow, Slot::File) {
            return Ok(None);
        }
        let mut buffer = [0; dir::BATCH];
        let filled = dir::read_entries(self.folder.as_fd(), &mut buffer)
            .map_err(|errno| Failure::new(Op::ReadDir, errno))?;
        if filled == 0 {
            return Ok(Some(ToHost::Done));
        }
        let mut entries = Vec::new();
        let mut at = 0;
        while let Some((dirent, next)) = dir::entry(&buffer[..filled], at) {
            at = next;
            if !dirent.is_self_or_parent() {
                entries.extend(self.look(dirent.name));
            }
            if entries.len() == ENTRIES {
                link.send(flow, &ToHost::Entries(std::mem::take(&mut entries)));
            }
        }
        if !entries.is_empty() {
            link.send(flow, &ToHost::Entries(entries));
        }
        link.again(flow, Slot::File);
        Ok(None)
    }

    /// A link is what it points to, a broken one is itself; `None` when the entry has gone meanwhile.
    fn look(&self, name: &CStr) -> Option<FileEntry> {
        let folder = self.folder.as_raw_fd();
        let stat = sys::stat_at(folder, name, 0)
            .or_else(|_| sys::stat_at(folder, name, AT_SYMLINK_NOFOLLOW))
            .ok()?;
        Some(FileEntry {
            name: name.to_bytes().to_vec(),
            kind: if is_folder(&stat) { EntryKind::Directory } else { EntryKind::File },
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ms: stat.st_mtime.saturating_mul(1000).saturating_add(stat.st_mtime_nsec / 1_000_000),
        })
    }
}
