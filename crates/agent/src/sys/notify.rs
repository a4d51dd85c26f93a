//! inotify: watches on files and folders, and the events as the kernel queues them.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Result, check, owned};

/// What is told of a watched file or folder.
const EVENTS: u32 = libc::IN_CREATE
    | libc::IN_MODIFY
    | libc::IN_ATTRIB
    | libc::IN_DELETE
    | libc::IN_MOVED_FROM
    | libc::IN_MOVED_TO
    | libc::IN_DELETE_SELF
    | libc::IN_MOVE_SELF
    | libc::IN_EXCL_UNLINK;

pub(crate) fn open() -> Result<OwnedFd> {
    // SAFETY: takes numbers only.
    owned(unsafe { libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC) })
}

/// Follows a link.
pub(crate) fn add(notify: BorrowedFd<'_>, path: &CStr) -> Result<i32> {
    add_with(notify, path, EVENTS)
}

/// Only if it is a folder, and no link to one.
pub(crate) fn add_folder(notify: BorrowedFd<'_>, path: &CStr) -> Result<i32> {
    add_with(notify, path, EVENTS | libc::IN_ONLYDIR | libc::IN_DONT_FOLLOW)
}

fn add_with(notify: BorrowedFd<'_>, path: &CStr, events: u32) -> Result<i32> {
    // SAFETY: the path ends in NUL.
    check(unsafe { libc::inotify_add_watch(notify.as_raw_fd(), path.as_ptr(), events) })
}

pub(crate) fn remove(notify: BorrowedFd<'_>, watch: i32) {
    // SAFETY: takes numbers only. A watch that has gone already is fine.
    unsafe { libc::inotify_rm_watch(notify.as_raw_fd(), watch) };
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) watch: i32,
    /// `IN_*` bits.
    pub(crate) mask: u32,
    /// Empty: the watched file itself.
    pub(crate) name: &'a [u8],
}

/// The event at `at` in what was read, and where the one after it starts.
pub(crate) fn event(buffer: &[u8], at: usize) -> Option<(Event<'_>, usize)> {
    const NAME: usize = 16;
    let record = buffer.get(at..)?;
    let number = |at: usize| record.get(at..)?.first_chunk::<4>().copied();
    let watch = i32::from_ne_bytes(number(0)?);
    let mask = u32::from_ne_bytes(number(4)?);
    let length = u32::from_ne_bytes(number(12)?) as usize;
    let name = record.get(NAME..NAME + length)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Some((Event { watch, mask, name: &name[..end] }, at + NAME + length))
}
