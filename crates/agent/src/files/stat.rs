//! What files are: one of them, or all of a folder with links as what they are.

use std::ffi::CStr;
use std::os::fd::RawFd;

use computesdk_docker_protocol::{FileDetail, FileKind, FileReply, FileStat, Links, ToHost};
use libc::{AT_FDCWD, AT_SYMLINK_NOFOLLOW, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG};

use super::folder::Telling;
use crate::sys::{self, file};

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

pub(crate) const DETAILS: Telling<FileDetail> =
    Telling { look: detail, message: |details| ToHost::File(FileReply::Details(details)) };

fn detail(folder: RawFd, name: &CStr) -> Option<FileDetail> {
    let stat = look(folder, name, Links::Keep).ok()?;
    let behind = match stat.kind {
        FileKind::Link => look(folder, name, Links::Follow).ok(),
        _ => None,
    };
    Some(FileDetail { name: name.to_bytes().to_vec(), stat, behind })
}
