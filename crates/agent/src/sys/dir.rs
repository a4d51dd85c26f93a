//! Reads folders by descriptor, in batches that can be taken up again anywhere.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{Errno, Result};

/// Bytes of one batch.
pub(crate) const BATCH: usize = 16 * 1024;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Dirent<'a> {
    pub(crate) name: &'a CStr,
    /// One of `DT_*`.
    pub(crate) kind: u8,
    /// Where reading goes on after this entry, for [`seek`].
    pub(crate) next: i64,
}

/// Fills `buffer` with the next entries; zero at the end.
pub(crate) fn read_entries(dir: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    let room = buffer.len();
    // SAFETY: the buffer is valid for its length.
    let got = unsafe { libc::syscall(libc::SYS_getdents64, dir.as_raw_fd(), buffer.as_mut_ptr(), room) };
    usize::try_from(got).map_err(|_| Errno::last())
}

pub(crate) fn seek(dir: BorrowedFd<'_>, position: i64) -> Result<()> {
    // SAFETY: takes numbers only.
    let at = unsafe { libc::lseek(dir.as_raw_fd(), position, libc::SEEK_SET) };
    if at < 0 { Err(Errno::last()) } else { Ok(()) }
}

/// The entry at `at` in a filled buffer, and where the one after it starts. `.` and `..` are entries too.
pub(crate) fn entry(buffer: &[u8], at: usize) -> Option<(Dirent<'_>, usize)> {
    const NAME: usize = 19;
    let record = buffer.get(at..)?;
    let next = i64::from_ne_bytes(*record.get(8..)?.first_chunk()?);
    let length = usize::from(u16::from_ne_bytes(*record.get(16..)?.first_chunk()?));
    let kind = *record.get(18)?;
    let name = CStr::from_bytes_until_nul(record.get(NAME..length)?).ok()?;
    Some((Dirent { name, kind, next }, at + length))
}

impl Dirent<'_> {
    pub(crate) fn is_self_or_parent(&self) -> bool {
        matches!(self.name.to_bytes(), b"." | b"..")
    }
}
