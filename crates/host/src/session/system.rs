//! Linux error numbers in Node's words. Files are the container's, so the numbers are Linux's wherever the host is.

use computesdk_docker_protocol::{Exited, Failed};

use crate::error::Error;

/// Number, Node's code, Node's text.
const KNOWN: &[(i32, &str, &str)] = &[
    (1, "EPERM", "operation not permitted"),
    (2, "ENOENT", "no such file or directory"),
    (5, "EIO", "i/o error"),
    (7, "E2BIG", "argument list too long"),
    (8, "ENOEXEC", "exec format error"),
    (9, "EBADF", "bad file descriptor"),
    (11, "EAGAIN", "resource temporarily unavailable"),
    (12, "ENOMEM", "not enough memory"),
    (13, "EACCES", "permission denied"),
    (16, "EBUSY", "resource busy or locked"),
    (17, "EEXIST", "file already exists"),
    (18, "EXDEV", "cross-device link not permitted"),
    (20, "ENOTDIR", "not a directory"),
    (21, "EISDIR", "illegal operation on a directory"),
    (22, "EINVAL", "invalid argument"),
    (23, "ENFILE", "file table overflow"),
    (24, "EMFILE", "too many open files"),
    (26, "ETXTBSY", "text file is busy"),
    (27, "EFBIG", "file too large"),
    (28, "ENOSPC", "no space left on device"),
    (29, "ESPIPE", "invalid seek"),
    (30, "EROFS", "read-only file system"),
    (31, "EMLINK", "too many links"),
    (32, "EPIPE", "broken pipe"),
    (36, "ENAMETOOLONG", "name too long"),
    (39, "ENOTEMPTY", "directory not empty"),
    (40, "ELOOP", "too many symbolic links encountered"),
    (116, "ESTALE", "stale file handle"),
    (122, "EDQUOT", "disk quota exceeded"),
];

/// What a call is told when the system refused it.
pub(super) fn refused(failed: &Failed) -> Error {
    error(failed.errno, failed.op.syscall(), &failed.path)
}

pub(super) fn error(errno: i32, syscall: &'static str, path: &str) -> Error {
    let (_, code, message) = KNOWN.iter().find(|(number, ..)| *number == errno).copied().unwrap_or((
        0,
        "EIO",
        "unknown system error",
    ));
    Error::System { code, message, syscall, path: path.to_owned() }
}

/// The number behind a Node code; for scripts that can only name it.
pub(super) fn number(code: &str) -> Option<i32> {
    KNOWN.iter().find(|(_, known, _)| *known == code).map(|(number, ..)| *number)
}

/// As a shell tells it: 128 + n after signal n.
pub(super) fn exit_code(exited: Exited) -> i32 {
    match exited {
        Exited::Code(code) => code,
        Exited::Signal(signal) => 128 + signal,
    }
}
