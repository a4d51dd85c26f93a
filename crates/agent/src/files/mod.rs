//! Files and folders, in bounded steps: a large one never keeps the rest of the session waiting.

pub(crate) mod copy;
pub(crate) mod folder;
pub(crate) mod list;
pub(crate) mod place;
pub(crate) mod read;
pub(crate) mod remove;
pub(crate) mod stat;
pub(crate) mod watch;
pub(crate) mod write;

use std::ffi::CStr;

use computesdk_docker_protocol::{Failed, Op, ToHost};
use libc::{AT_FDCWD, EEXIST, ENOENT};

use crate::sys::{self, Errno};

/// The bits of a mode that are copied from file to file: rights, but not those of another user.
const PERMISSIONS: u32 = 0o777;

/// Bytes of a path that a failure tells.
const PATH_TOLD: usize = 4096;

/// What the system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    op: Op,
    errno: Errno,
}

impl Failure {
    pub(crate) fn new(op: Op, errno: Errno) -> Self {
        Self { op, errno }
    }

    pub(crate) fn op(self) -> Op {
        self.op
    }

    /// The end of the request that was about `path`.
    pub(crate) fn about(self, path: &str) -> ToHost {
        let mut cut = path.len().min(PATH_TOLD);
        while !path.is_char_boundary(cut) {
            cut -= 1;
        }
        ToHost::Failed(Failed { errno: self.errno.0, op: self.op, path: path[..cut].to_owned() })
    }
}

/// With parents. A folder that is there already is fine; anything else in its place is `EEXIST`, and anything else
/// on the way `ENOTDIR`, as Node.js has it.
pub(crate) fn make_folder(path: &CStr) -> sys::Result<()> {
    match sys::mkdir(path) {
        Err(Errno(ENOENT)) => {
            make_parents(path)?;
            existing_is_fine(path, sys::mkdir(path))
        }
        other => existing_is_fine(path, other),
    }
}

fn existing_is_fine(path: &CStr, made: sys::Result<()>) -> sys::Result<()> {
    match made {
        Err(Errno(EEXIST)) => match sys::stat_at(AT_FDCWD, path, 0) {
            Ok(stat) if is_folder(&stat) => Ok(()),
            _ => Err(Errno(EEXIST)),
        },
        other => other,
    }
}

/// Makes the folders that lead to `path`, outermost first.
pub(crate) fn make_parents(path: &CStr) -> sys::Result<()> {
    let bytes = path.to_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(at, byte)| *at > 0 && **byte == b'/') {
        // Doubled slashes name the same folder twice; the second time it exists.
        match sys::mkdir(&crate::environment::c_string(&bytes[..at])?) {
            Ok(()) | Err(Errno(EEXIST)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Follows links. False when the path leads nowhere, or not for this user.
pub(crate) fn exists(path: &CStr) -> sys::Result<bool> {
    match sys::stat_at(AT_FDCWD, path, 0) {
        Ok(_) => Ok(true),
        Err(Errno(ENOENT | libc::ENOTDIR | libc::EACCES | libc::ELOOP | libc::ENAMETOOLONG)) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(crate) fn is_folder(stat: &libc::stat) -> bool {
    is_kind(stat, libc::S_IFDIR)
}

/// `kind` is one of `S_IF*`.
pub(crate) fn is_kind(stat: &libc::stat, kind: libc::mode_t) -> bool {
    stat.st_mode & libc::S_IFMT == kind
}
