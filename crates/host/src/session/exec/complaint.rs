//! What a program of the image says when the system refused it: its last words are the system's own text.

use crate::error::Error;
use crate::session::system;

/// Texts of glibc and of musl, which BusyBox systems mostly have, and of shells that have their own.
const TEXTS: &[(&str, &str)] = &[
    ("No such file or directory", "ENOENT"),
    ("Directory nonexistent", "ENOENT"),
    ("nonexistent directory", "ENOENT"),
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
    ("Quota exceeded", "EDQUOT"),
    ("Invalid argument", "EINVAL"),
    ("Too many open files", "EMFILE"),
    ("No file descriptors available", "EMFILE"),
    ("Cannot allocate memory", "ENOMEM"),
    ("Out of memory", "ENOMEM"),
    ("Resource temporarily unavailable", "EAGAIN"),
    ("Input/output error", "EIO"),
    ("I/O error", "EIO"),
    ("No such device or address", "ENXIO"),
    ("Stale file handle", "ESTALE"),
];

/// How much of words that say nothing to us goes into the error.
const MAX_WORDS: usize = 300;

/// The error of a file call whose script failed. The last line counts: a program may warn before.
pub(super) fn error(stderr: &[u8], syscall: &'static str, path: &str) -> Error {
    let text = String::from_utf8_lossy(stderr);
    match text.lines().rev().find_map(number) {
        Some(errno) => system::error(errno, syscall, path),
        None => {
            let words: String = text.trim().chars().take(MAX_WORDS).collect();
            Error::CannotRun { what: format!("{syscall} '{path}' failed in the sandbox: {words}") }
        }
    }
}

fn number(line: &str) -> Option<i32> {
    let line = line.trim_end();
    TEXTS.iter().find(|(words, _)| line.ends_with(words)).and_then(|(_, code)| system::number(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(stderr: &str) -> String {
        error(stderr.as_bytes(), "open", "/a").to_string()
    }

    #[test]
    fn the_systems_text_is_recognised_whoever_says_it() {
        let missing = "ENOENT: no such file or directory, open '/a'";
        assert_eq!(told("cat: /a: No such file or directory\n"), missing);
        assert_eq!(told("cat: can't open '/a': No such file or directory"), missing);
        assert_eq!(told("sh: 8: cannot create /a: Directory nonexistent\n"), missing);
        assert_eq!(
            told("warning: x\ncat: write error: No space left on device\n"),
            "ENOSPC: no space left on device, open '/a'"
        );
    }

    #[test]
    fn other_words_are_passed_on() {
        assert_eq!(told("sh: cat: not found\n"), "open '/a' failed in the sandbox: sh: cat: not found");
    }

    #[test]
    fn every_text_has_a_known_code() {
        assert!(TEXTS.iter().all(|(_, code)| system::number(code).is_some()));
    }
}
