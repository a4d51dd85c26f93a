//! Where journals lie: a folder of the user's own in shared memory, one file for each pid. Where there is no such
//! folder a journal has no name, and only the agent that writes it can read it.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use libc::{AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, pid_t};

use super::journal::Record;
use crate::environment::c_string;
use crate::sys;

const SHARED_MEMORY: &str = "/dev/shm";
const PREFIX: &str = ".computesdk-";

/// Journals of ended commands that stay; the oldest go when another command starts.
const ENDED: usize = 16;

/// A new journal's file.
pub(super) struct Opened {
    pub(super) file: OwnedFd,
    pub(super) is_named: bool,
}

pub(super) fn create(pid: pid_t) -> sys::Result<Opened> {
    if let Ok(file) = create_named(pid) {
        return Ok(Opened { file, is_named: true });
    }
    Ok(Opened { file: sys::memory_file(c"computesdk-log")?, is_named: false })
}

fn create_named(pid: pid_t) -> sys::Result<OwnedFd> {
    let user = sys::user();
    let folder = folder_of(user);
    // Whether it is there and right is what is looked at next.
    let _ = sys::mkdir_private(&c_string(folder.clone())?);
    if !is_owned(&folder, user) {
        return Err(sys::Errno(libc::EACCES));
    }
    remove_oldest(&folder);
    let path = c_string(format!("{folder}/{pid}"))?;
    // The pid was another command's before.
    let _ = sys::unlink_at(AT_FDCWD, &path);
    sys::open_at(AT_FDCWD, &path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
}

fn folder_of(user: u32) -> String {
    format!("{SHARED_MEMORY}/{PREFIX}{user}")
}

/// A folder of that user's, and no link: others may write to where it lies.
fn is_owned(folder: &str, user: u32) -> bool {
    let Ok(path) = c_string(folder) else { return false };
    let stat = sys::stat_at(AT_FDCWD, &path, AT_SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| crate::files::is_folder(&stat) && stat.st_uid == user)
}

fn remove_oldest(folder: &str) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut ended: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let changed = entry.metadata().ok()?.modified().ok()?;
            let file = open(&c_string(path.to_str()?).ok()?)?;
            let is_over = Record::read(file.as_fd()).is_none_or(|record| record.is_final());
            is_over.then_some((changed, path))
        })
        .collect();
    ended.sort();
    for (_, path) in ended.iter().rev().skip(ENDED - 1) {
        // Perhaps another agent was quicker.
        let _ = fs::remove_file(path);
    }
}

fn open(path: &CString) -> Option<OwnedFd> {
    let file = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).ok()?;
    let stat = sys::stat_fd(file.as_fd()).ok()?;
    crate::files::is_kind(&stat, libc::S_IFREG).then_some(file)
}

/// The journal of a pid, whoever wrote it: one's own, and for root everybody's.
pub(super) fn find(pid: pid_t) -> Option<OwnedFd> {
    folders().iter().find_map(|folder| {
        let file = open(&c_string(format!("{folder}/{pid}")).ok()?)?;
        Record::read(file.as_fd()).filter(|record| record.pid == pid)?;
        Some(file)
    })
}

/// The pids of commands whose journals say that they run.
pub(super) fn running() -> Vec<pid_t> {
    let entries = folders().into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let pids = entries.filter_map(|entry| {
        let file = open(&c_string(entry.path().to_str()?).ok()?)?;
        let record = Record::read(file.as_fd())?;
        (record.ending.is_none() && !record.is_final()).then_some(record.pid)
    });
    pids.collect()
}

fn folders() -> Vec<String> {
    let user = sys::user();
    if user != 0 {
        return vec![folder_of(user)];
    }
    let entries = fs::read_dir(SHARED_MEMORY).into_iter().flatten().flatten();
    let users = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok());
    let mut users: Vec<u32> = users.filter(|user| is_owned(&folder_of(*user), *user)).collect();
    users.sort_unstable();
    users.into_iter().map(folder_of).collect()
}
