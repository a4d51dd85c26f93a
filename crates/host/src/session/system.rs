//! Linux error numbers in Node's words. Files are the container's, so the numbers are Linux's wherever the host is.

use computesdk_docker_protocol::{Exited, Failed};

use crate::error::Error;

/// Number, Node's code, Node's text.
const KNOWN: &[(i32, &str, &str)] = &[
    (1, "EPERM", "operation not permitted"),
    (2, "ENOENT", "no such file or directory"),
    (3, "ESRCH", "no such process"),
    (4, "EINTR", "interrupted system call"),
    (5, "EIO", "i/o error"),
    (6, "ENXIO", "no such device or address"),
    (7, "E2BIG", "argument list too long"),
    (8, "ENOEXEC", "exec format error"),
    (9, "EBADF", "bad file descriptor"),
    (11, "EAGAIN", "resource temporarily unavailable"),
    (12, "ENOMEM", "not enough memory"),
    (13, "EACCES", "permission denied"),
    (14, "EFAULT", "bad address in system call argument"),
    (16, "EBUSY", "resource busy or locked"),
    (17, "EEXIST", "file already exists"),
    (18, "EXDEV", "cross-device link not permitted"),
    (19, "ENODEV", "no such device"),
    (20, "ENOTDIR", "not a directory"),
    (21, "EISDIR", "illegal operation on a directory"),
    (22, "EINVAL", "invalid argument"),
    (23, "ENFILE", "file table overflow"),
    (24, "EMFILE", "too many open files"),
    (25, "ENOTTY", "inappropriate ioctl for device"),
    (26, "ETXTBSY", "text file is busy"),
    (27, "EFBIG", "file too large"),
    (28, "ENOSPC", "no space left on device"),
    (29, "ESPIPE", "invalid seek"),
    (30, "EROFS", "read-only file system"),
    (31, "EMLINK", "too many links"),
    (32, "EPIPE", "broken pipe"),
    (36, "ENAMETOOLONG", "name too long"),
    (38, "ENOSYS", "function not implemented"),
    (39, "ENOTEMPTY", "directory not empty"),
    (40, "ELOOP", "too many symbolic links encountered"),
    (75, "EOVERFLOW", "value too large for defined data type"),
    (95, "ENOTSUP", "operation not supported on socket"),
    (110, "ETIMEDOUT", "connection timed out"),
    (116, "ESTALE", "stale file handle"),
    (122, "EDQUOT", "disk quota exceeded"),
    (125, "ECANCELED", "operation canceled"),
];

/// A number that is not listed, in libuv's words.
const UNKNOWN: (i32, &str, &str) = (0, "UNKNOWN", "unknown error");

pub(super) const TOO_LONG: &str =
    "the command is too long for the system (128 KiB for a word): put it into a file with writeFile";

/// What a call is told when the system refused it.
pub(super) fn refused(failed: &Failed) -> Error {
    error(failed.errno, failed.op.syscall(), &failed.path)
}

pub(super) fn error(errno: i32, syscall: &'static str, path: &str) -> Error {
    let known = KNOWN.iter().find(|(number, ..)| *number == errno);
    let (_, code, message) = known.copied().unwrap_or(UNKNOWN);
    Error::System { code, message, syscall, path: path.to_owned() }
}

/// The error with that Node code, which is one of those listed.
pub(crate) fn refused_as(code: &str, syscall: &'static str, path: &str) -> Error {
    error(number(code).unwrap_or(UNKNOWN.0), syscall, path)
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

#[cfg(test)]
mod tests {
    use computesdk_docker_protocol::Op;

    use super::*;

    #[test]
    fn numbers_become_nodes_codes_texts_and_calls() {
        let told = |errno, op| refused(&Failed { errno, op, path: "/a b".to_owned() }).to_string();
        assert_eq!(told(2, Op::Open), "ENOENT: no such file or directory, open '/a b'");
        assert_eq!(told(21, Op::Read), "EISDIR: illegal operation on a directory, read '/a b'");
        assert_eq!(told(20, Op::ReadDir), "ENOTDIR: not a directory, scandir '/a b'");
        assert_eq!(told(30, Op::Mkdir), "EROFS: read-only file system, mkdir '/a b'");
        assert_eq!(told(-5, Op::Write), "UNKNOWN: unknown error, write '/a b'");
        assert_eq!(refused(&Failed { errno: 28, op: Op::Write, path: String::new() }).code(), "ENOSPC");
    }

    #[test]
    fn every_number_and_code_is_listed_once() {
        for (at, (number, code, _)) in KNOWN.iter().enumerate() {
            assert!(KNOWN[..at].iter().all(|(n, c, _)| n < number && c != code), "{code}");
        }
    }

    #[test]
    fn a_signal_is_told_as_a_shell_does() {
        assert_eq!(exit_code(Exited::Code(7)), 7);
        assert_eq!(exit_code(Exited::Signal(9)), 137);
    }
}
