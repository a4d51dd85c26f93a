//! What a plain listing tells of an entry.

use std::ffi::CStr;
use std::os::fd::RawFd;

use computesdk_docker_protocol::{EntryKind, FileEntry, ToHost};
use libc::AT_SYMLINK_NOFOLLOW;

use super::folder::Telling;
use super::is_folder;
use crate::sys;

pub(crate) const ENTRIES: Telling<FileEntry> = Telling { look, message: ToHost::Entries };

/// A link is what it points to, a broken one is itself.
fn look(folder: RawFd, name: &CStr) -> Option<FileEntry> {
    let stat =
        sys::stat_at(folder, name, 0).or_else(|_| sys::stat_at(folder, name, AT_SYMLINK_NOFOLLOW)).ok()?;
    Some(FileEntry {
        name: name.to_bytes().to_vec(),
        kind: if is_folder(&stat) { EntryKind::Directory } else { EntryKind::File },
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified_ms: stat.st_mtime.saturating_mul(1000).saturating_add(stat.st_mtime_nsec / 1_000_000),
    })
}
