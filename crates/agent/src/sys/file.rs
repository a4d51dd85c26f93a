//! Files by path and descriptor: what moves, copies, marks and measures them.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{AT_FDCWD, c_int};

use super::{Errno, Result, check, check_size};

pub(crate) fn rename(from: &CStr, to: &CStr) -> Result<()> {
    // SAFETY: the paths end in NUL.
    check(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) }).map(drop)
}

/// Within one folder; `EEXIST` when something has the new name.
pub(crate) fn rename_new(folder: BorrowedFd<'_>, from: &CStr, to: &CStr) -> Result<()> {
    const NO_REPLACE: c_int = 1;
    let folder = folder.as_raw_fd();
    // SAFETY: the names end in NUL.
    let done =
        unsafe { libc::syscall(libc::SYS_renameat2, folder, from.as_ptr(), folder, to.as_ptr(), NO_REPLACE) };
    if done < 0 { Err(Errno::last()) } else { Ok(()) }
}

pub(crate) fn symlink(target: &CStr, path: &CStr) -> Result<()> {
    // SAFETY: the paths end in NUL.
    check(unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) }).map(drop)
}

/// What a link holds.
pub(crate) fn read_link(folder: c_int, name: &CStr) -> Result<CString> {
    let mut target = vec![0u8; libc::PATH_MAX as usize];
    // SAFETY: the name ends in NUL, the buffer is valid for its length.
    let got = unsafe { libc::readlinkat(folder, name.as_ptr(), target.as_mut_ptr().cast(), target.len()) };
    target.truncate(check_size(got)?);
    CString::new(target).map_err(|_| Errno(libc::EINVAL))
}

/// The path that leads to an open file now, without links.
pub(crate) fn path_of(fd: BorrowedFd<'_>) -> Result<CString> {
    let link = CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).map_err(|_| Errno(libc::EINVAL))?;
    read_link(AT_FDCWD, &link)
}

pub(crate) fn chmod(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path ends in NUL.
    check(unsafe { libc::chmod(path.as_ptr(), mode as libc::mode_t) }).map(drop)
}

pub(crate) fn chmod_fd(fd: BorrowedFd<'_>, mode: u32) -> Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::fchmod(fd.as_raw_fd(), mode as libc::mode_t) }).map(drop)
}

/// Its content changed just now.
pub(crate) fn touch(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: a null pointer means the present.
    check(unsafe { libc::futimens(fd.as_raw_fd(), std::ptr::null()) }).map(drop)
}

/// Whether this user may make and remove entries of the folder.
pub(crate) fn may_change(folder: BorrowedFd<'_>) -> bool {
    // SAFETY: the name ends in NUL.
    let allowed = unsafe { libc::faccessat(folder.as_raw_fd(), c".".as_ptr(), libc::W_OK | libc::X_OK, 0) };
    allowed == 0
}

/// User, group, and the permission bits that new files do not get.
pub(crate) fn identity() -> (u32, u32, u32) {
    // SAFETY: takes numbers only; the agent has one thread, so nothing sees the umask in between.
    unsafe {
        let umask = libc::umask(0o077);
        libc::umask(umask);
        (libc::geteuid(), libc::getegid(), umask)
    }
}

/// Moves up to `length` bytes from one regular file to another without passing through this process.
pub(crate) fn copy_range(from: BorrowedFd<'_>, to: BorrowedFd<'_>, length: usize) -> Result<usize> {
    let null = std::ptr::null_mut::<i64>();
    // SAFETY: null offsets mean the descriptors' own positions.
    let moved = unsafe {
        libc::syscall(libc::SYS_copy_file_range, from.as_raw_fd(), null, to.as_raw_fd(), null, length, 0)
    };
    usize::try_from(moved).map_err(|_| Errno::last())
}

/// The position to go on from.
pub(crate) fn seek(fd: BorrowedFd<'_>, position: u64) -> Result<()> {
    let position = i64::try_from(position).map_err(|_| Errno(libc::EINVAL))?;
    super::dir::seek(fd, position)
}
