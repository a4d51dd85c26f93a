//! What files are: one of them, or all of a folder with links as what they are.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use computesdk_docker_protocol::{FileDetail, FileKind, FileReply, FileStat, Links, Op, ToHost};
use libc::{
    AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_DIRECTORY, O_NONBLOCK, O_RDONLY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG,
};

use super::Failure;
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::{self, dir, file};

/// Entries of one message.
const ENTRIES: usize = 256;

/// `*_ms` of the two parts of a time.
fn ms(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1000).saturating_add(nanoseconds / 1_000_000)
}

pub(crate) fn stat(path: &CStr, links: Links) -> sys::Result<FileStat> {
    look(AT_FDCWD, path, links)
}

fn look(folder: RawFd, name: &CStr, links: Links) -> sys::Result<FileStat> {
    let flags = match links {
        Links::Follow => 0,
        Links::Keep => AT_SYMLINK_NOFOLLOW,
    };
    let stat = sys::stat_at(folder, name, flags)?;
    let target = match stat.st_mode & S_IFMT {
        S_IFLNK => Some(file::read_link(folder, name)?.into_bytes()),
        _ => None,
    };
    Ok(status(&stat, target))
}

pub(super) fn status(stat: &libc::stat, target: Option<Vec<u8>>) -> FileStat {
    let kind = match stat.st_mode & S_IFMT {
        S_IFREG => FileKind::File,
        S_IFDIR => FileKind::Directory,
        S_IFLNK => FileKind::Link,
        _ => FileKind::Other,
    };
    FileStat {
        kind,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified_ms: ms(stat.st_mtime, stat.st_mtime_nsec),
        accessed_ms: ms(stat.st_atime, stat.st_atime_nsec),
        changed_ms: ms(stat.st_ctime, stat.st_ctime_nsec),
        target,
    }
}

#[derive(Debug)]
pub(crate) struct Details {
    folder: OwnedFd,
}

impl Details {
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
        let (mut details, mut at) = (Vec::new(), 0);
        while let Some((dirent, next)) = dir::entry(&buffer[..filled], at) {
            at = next;
            if !dirent.is_self_or_parent() {
                details.extend(self.detail(dirent.name));
            }
            if details.len() == ENTRIES {
                link.send(flow, &ToHost::File(FileReply::Details(std::mem::take(&mut details))));
            }
        }
        if !details.is_empty() {
            link.send(flow, &ToHost::File(FileReply::Details(details)));
        }
        link.again(flow, Slot::File);
        Ok(None)
    }

    /// `None` when the entry has gone meanwhile.
    fn detail(&self, name: &CStr) -> Option<FileDetail> {
        let folder = self.folder.as_raw_fd();
        let stat = look(folder, name, Links::Keep).ok()?;
        let behind = match stat.kind {
            FileKind::Link => look(folder, name, Links::Follow).ok(),
            _ => None,
        };
        Some(FileDetail { name: name.to_bytes().to_vec(), stat, behind })
    }
}
