//! Removes a whole tree, a bounded number of entries a turn, without recursion and without following a link.
//!
//! Every step is relative to an open folder and refuses links, so somebody who renames things meanwhile cannot lead it
//! out of the tree. Only the innermost folders are kept open; one further out is found again through `..`, and taken
//! only if it is the very folder that was left.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use computesdk_docker_protocol::{Op, ToHost};
use libc::{
    AT_FDCWD, AT_SYMLINK_NOFOLLOW, DT_DIR, EBUSY, EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY,
    EPERM, EROFS, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY,
};

use super::{Failure, is_folder};
use crate::environment::c_string;
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::{self, Errno, dir};

/// Entries that one turn may remove.
const STEPS: usize = 32;

/// Folders that are kept open.
const OPEN: usize = 16;

#[derive(Debug)]
pub(crate) struct Removal {
    /// The folder that holds the tree.
    outside: OwnedFd,
    /// From the tree's top to the folder that is being emptied.
    levels: VecDeque<Level>,
}

#[derive(Debug)]
struct Level {
    folder: Option<OwnedFd>,
    identity: (u64, u64),
    /// In the level above.
    name: CString,
    /// Something was removed since the folder was last read from its start.
    progress: bool,
}

impl Removal {
    /// `None`: nothing is left to do.
    pub(crate) fn start(path: &CStr, flow: &Flow, link: &mut Link) -> Result<Option<Self>, Failure> {
        let removal = Self::begin(path).map_err(fail)?;
        if removal.is_some() {
            link.again(flow, Slot::File);
        }
        Ok(removal)
    }

    fn begin(path: &CStr) -> sys::Result<Option<Self>> {
        let (parent, name) = split(path)?;
        match sys::unlink_at(AT_FDCWD, &c_string(without_slashes(path.to_bytes()))?) {
            Ok(()) | Err(Errno(ENOENT | ENOTDIR)) => return Ok(None),
            Err(Errno(EISDIR)) => {}
            // Read-only file systems refuse before they look; some systems refuse folders with EPERM.
            Err(error @ Errno(EROFS | EPERM)) => match sys::stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW) {
                Err(Errno(ENOENT | ENOTDIR)) => return Ok(None),
                Ok(stat) if is_folder(&stat) && error == Errno(EPERM) => {}
                _ => return Err(error),
            },
            Err(error) => return Err(error),
        }
        let outside = sys::open_at(AT_FDCWD, &parent, O_PATH | O_DIRECTORY)?;
        let mut this = Self { outside, levels: VecDeque::new() };
        this.remove_folder(&name)?;
        Ok((!this.levels.is_empty()).then_some(this))
    }

    pub(crate) fn step(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        for _ in 0..STEPS {
            if self.levels.is_empty() {
                return Ok(Some(ToHost::Done));
            }
            self.work().map_err(fail)?;
        }
        link.again(flow, Slot::File);
        Ok(None)
    }

    /// Empties the innermost folder until another is found in it, or leaves it.
    fn work(&mut self) -> sys::Result<()> {
        let Some(level) = self.levels.back_mut() else { return Ok(()) };
        let Some(folder) = &level.folder else { return Ok(()) };
        let mut buffer = [0; 2048];
        let filled = dir::read_entries(folder.as_fd(), &mut buffer)?;
        if filled == 0 {
            return self.leave();
        }
        let mut at = 0;
        while let Some((dirent, next)) = dir::entry(&buffer[..filled], at) {
            at = next;
            if dirent.is_self_or_parent() {
                continue;
            }
            if dirent.kind == DT_DIR || !remove_file(folder.as_raw_fd(), dirent.name)? {
                // Comes back to the entries after this one.
                dir::seek(folder.as_fd(), dirent.next)?;
                let name = dirent.name.to_owned();
                level.progress = true;
                return self.remove_folder(&name);
            }
            level.progress = true;
        }
        Ok(())
    }

    /// Removes a folder of the innermost level, or enters it when it is not empty.
    fn remove_folder(&mut self, name: &CStr) -> sys::Result<()> {
        let parent = self.innermost();
        match sys::rmdir_at(parent, name) {
            Ok(()) | Err(Errno(ENOENT)) => Ok(()),
            Err(Errno(ENOTDIR)) => remove_file(parent, name).map(drop),
            // A mount point is emptied, then refused.
            Err(Errno(ENOTEMPTY | EEXIST | EBUSY)) => self.enter(name),
            Err(error) => Err(error),
        }
    }

    fn enter(&mut self, name: &CStr) -> sys::Result<()> {
        let parent = self.innermost();
        let folder = match sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK) {
            Ok(folder) => folder,
            Err(Errno(ENOENT)) => return Ok(()),
            // Replaced meanwhile.
            Err(Errno(ELOOP | ENOTDIR)) => return remove_file(parent, name).map(drop),
            Err(error) => return Err(error),
        };
        let identity = identity(&folder)?;
        self.levels.push_back(Level {
            folder: Some(folder),
            identity,
            name: name.to_owned(),
            progress: false,
        });
        if let Some(outer) = self.levels.len().checked_sub(OPEN + 1) {
            self.levels[outer].folder = None;
        }
        Ok(())
    }

    /// The innermost folder has no more entries: removes it, or reads it again when something came or was skipped.
    fn leave(&mut self) -> sys::Result<()> {
        let Some(left) = self.levels.pop_back() else { return Ok(()) };
        self.reopen_innermost(left.folder.as_ref())?;
        match sys::rmdir_at(self.innermost(), &left.name) {
            Ok(()) | Err(Errno(ENOENT)) => Ok(()),
            Err(Errno(ENOTEMPTY | EEXIST)) if left.progress => self.enter(&left.name),
            Err(error) => Err(error),
        }
    }

    fn reopen_innermost(&mut self, inside: Option<&OwnedFd>) -> sys::Result<()> {
        let (Some(level), Some(inside)) = (self.levels.back_mut(), inside) else { return Ok(()) };
        if level.folder.is_none() {
            let folder = sys::open_at(inside.as_raw_fd(), c"..", O_RDONLY | O_DIRECTORY | O_NONBLOCK)?;
            if identity(&folder)? != level.identity {
                return Err(Errno(EBUSY));
            }
            level.folder = Some(folder);
        }
        Ok(())
    }

    fn innermost(&self) -> RawFd {
        let folder = self.levels.back().and_then(|level| level.folder.as_ref());
        folder.unwrap_or(&self.outside).as_raw_fd()
    }
}

fn fail(errno: Errno) -> Failure {
    Failure::new(Op::Remove, errno)
}

/// False when it is a folder.
fn remove_file(parent: RawFd, name: &CStr) -> sys::Result<bool> {
    match sys::unlink_at(parent, name) {
        Ok(()) | Err(Errno(ENOENT)) => Ok(true),
        Err(Errno(EISDIR)) => Ok(false),
        Err(Errno(EPERM)) if sys::stat_at(parent, name, AT_SYMLINK_NOFOLLOW).is_ok_and(|s| is_folder(&s)) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn identity(folder: &OwnedFd) -> sys::Result<(u64, u64)> {
    let stat = sys::stat_fd(folder.as_fd())?;
    Ok((stat.st_dev, stat.st_ino))
}

fn without_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    &path[..end]
}

/// The folder that holds the last part of the path, and that part. The root and a part that names no entry of its
/// own (`.`, `..`) cannot be removed.
pub(super) fn split(path: &CStr) -> sys::Result<(CString, CString)> {
    let path = without_slashes(path.to_bytes());
    let name_at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    match &path[name_at..] {
        b"" => Err(Errno(EBUSY)),
        b"." | b".." => Err(Errno(EINVAL)),
        name => {
            let parent: &[u8] = if name_at == 0 { b"." } else { &path[..name_at] };
            Ok((c_string(parent)?, c_string(name)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_splits_into_folder_and_name() {
        let parts = |path: &CStr| {
            split(path).map(|(a, b)| (a.into_string().expect("a"), b.into_string().expect("b")))
        };
        assert_eq!(parts(c"/a/b//"), Ok(("/a/".into(), "b".into())));
        assert_eq!(parts(c"/a"), Ok(("/".into(), "a".into())));
        assert_eq!(parts(c"/"), Err(Errno(EBUSY)));
        assert_eq!(parts(c"/a/.."), Err(Errno(EINVAL)));
        assert_eq!(parts(c"/a/./"), Err(Errno(EINVAL)));
    }
}
