//! What a program of the image says when the system refused it: its last words are the system's own text.

use crate::error::Error;
use crate::session::system;

/// Texts of glibc and of musl, which BusyBox systems mostly have.
const TEXTS: &[(&str, &str)] = &[
    ("No such file or directory", "ENOENT"),
    ("Not a directory", "ENOTDIR"),
    ("Is a directory", "EISDIR"),
    ("Permission denied", "EACCES"),
    ("Operation not permitted", "EPERM"),
    ("No space left on device", "ENOSPC"),
    ("Read-only file system", "EROFS"),
    ("File exists", "EEXIST"),
    ("Directory not empty", "ENOTEMPTY"),
    ("File name too long", "ENAMETOOLONG"),
    ("Filename too long", "ENAMETOOLONG"),
    ("Too many levels of symbolic links", "ELOOP"),
    ("Symbolic link loop", "ELOOP"),
    ("Device or resource busy", "EBUSY"),
    ("Resource busy", "EBUSY"),
    ("Text file busy", "ETXTBSY"),
    ("File too large", "EFBIG"),
    ("Disk quota exceeded", "EDQUOT"),
    ("Invalid argument", "EINVAL"),
];

/// The error of a file call whose script failed.
pub(super) fn error(stderr: &[u8], syscall: &'static str, path: &str) -> Error {
    let text = String::from_utf8_lossy(stderr);
    let known = |line: &str| {
        let line = line.trim_end();
        TEXTS.iter().find(|(words, _)| line.ends_with(words)).and_then(|(_, code)| system::number(code))
    };
    system::error(text.lines().rev().find_map(known).unwrap_or_default(), syscall, path)
}
