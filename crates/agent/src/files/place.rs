//! New content of a file that another writer brings: it goes beside the file under a name of its own, and takes the
//! file's place when it is whole. The engine writes large files faster than they come through here.
//!
//! A file that is there is written over: it keeps its inode, owner and mode. The new file must be the very one that was
//! agreed on, whoever else may write to the folder.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use computesdk_docker_protocol::{FileStat, Op, Placed, ToHost};
use libc::{
    AT_FDCWD, AT_SYMLINK_NOFOLLOW, EEXIST, EINVAL, ENOENT, ENOSYS, O_CREAT, O_DIRECTORY, O_NOFOLLOW,
    O_NONBLOCK, O_PATH, O_RDONLY, O_WRONLY, S_IFREG, S_ISGID,
};

use super::copy::Copier;
use super::remove::split;
use super::stat::status;
use super::{Failure, is_kind, make_parents};
use crate::environment::c_string;
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::{self, Errno, file};

/// Nobody else reads it before it is whole.
const PRIVATE: u32 = 0o600;

#[derive(Debug)]
pub(crate) struct Place {
    folder: OwnedFd,
    /// Of the new content, while it is there.
    beside: Option<CString>,
    name: CString,
    /// The file whose content is replaced; `None`: there is none yet.
    old: Option<OwnedFd>,
    placed: Placed,
    copier: Option<Copier>,
}

impl Place {
    /// `None`: the other writer cannot reach that place, or this user cannot take the file from there.
    pub(crate) fn start(path: &CStr) -> Result<Option<(Self, Placed)>, Failure> {
        let old = match sys::stat_at(AT_FDCWD, path, 0) {
            Ok(stat) if is_kind(&stat, S_IFREG) => Some(open_old(path).map_err(opening)?),
            // With a slash at its end it names a folder.
            Err(Errno(ENOENT)) if !path.to_bytes().ends_with(b"/") => {
                make_parents(path).map_err(|errno| Failure::new(Op::Mkdir, errno))?;
                None
            }
            // Writing there directly tells what is wrong, if anything is.
            _ => return Ok(None),
        };
        Ok(Self::find(path, old).unwrap_or(None))
    }

    fn find(path: &CStr, old: Option<OwnedFd>) -> sys::Result<Option<(Self, Placed)>> {
        let path = match &old {
            // Through all links.
            Some(old) => file::path_of(old.as_fd())?,
            None => path.to_owned(),
        };
        let (parent, name) = split(&path)?;
        let Some((folder, stat)) = reachable(&parent)? else { return Ok(None) };
        let dangling = old.is_none() && sys::stat_at(folder.as_raw_fd(), &name, AT_SYMLINK_NOFOLLOW).is_ok();
        if dangling || !file::may_change(folder.as_fd()) {
            return Ok(None);
        }
        let (uid, own_group, _) = file::identity();
        let placed = Placed {
            folder: file::path_of(folder.as_fd())?.into_bytes(),
            name: format!(".computesdk-{:016x}", sys::random()),
            uid,
            gid: if stat.st_mode & S_ISGID == 0 { own_group } else { stat.st_gid },
            mode: PRIVATE,
            stamp: sys::random() as u32 >> 1,
        };
        let beside = Some(c_string(placed.name.as_str())?);
        let this = Self { folder, beside, name, old, placed: placed.clone(), copier: None };
        Ok(Some((this, placed)))
    }

    /// The content is there. The answer is the request's end, if it is that already.
    pub(crate) fn adopt(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        let new = self.open_new().map_err(opening)?;
        let old = match self.old.take() {
            Some(old) => old,
            None => match self.take_place(&new).map_err(opening)? {
                None => return Ok(Some(ToHost::Done)),
                // Somebody was faster.
                Some(old) => old,
            },
        };
        // Its name is no longer needed.
        self.discard();
        self.copier = Some(Copier::new(new, old));
        link.again(flow, Slot::File);
        Ok(None)
    }

    pub(crate) fn step(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        let Some(copier) = &mut self.copier else { return Ok(None) };
        if copier.turn().map_err(|errno| Failure::new(Op::Write, errno))? {
            return Ok(Some(ToHost::Done));
        }
        link.again(flow, Slot::File);
        Ok(None)
    }

    fn open_new(&self) -> sys::Result<OwnedFd> {
        let name = self.beside.as_ref().ok_or(Errno(ENOENT))?;
        let new = sys::open_at(self.folder.as_raw_fd(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)?;
        let stat = sys::stat_fd(new.as_fd())?;
        let agreed = is_kind(&stat, S_IFREG)
            && stat.st_nlink == 1
            && stat.st_uid == self.placed.uid
            && stat.st_mode & 0o7777 == PRIVATE
            && stat.st_mtime == i64::from(self.placed.stamp);
        if agreed { Ok(new) } else { Err(Errno(EINVAL)) }
    }

    /// Gives the new file its name; the file that has it meanwhile, if one has.
    fn take_place(&mut self, new: &OwnedFd) -> sys::Result<Option<OwnedFd>> {
        let Some(beside) = &self.beside else { return Err(Errno(ENOENT)) };
        let (.., umask) = file::identity();
        file::chmod_fd(new.as_fd(), 0o666 & !umask)?;
        file::touch(new.as_fd())?;
        match file::rename_new(self.folder.as_fd(), beside, &self.name) {
            Ok(()) => {
                self.beside = None;
                Ok(None)
            }
            Err(Errno(EEXIST | EINVAL | ENOSYS)) => {
                sys::open_at(self.folder.as_raw_fd(), &self.name, O_WRONLY | O_CREAT | O_NONBLOCK).map(Some)
            }
            Err(error) => Err(error),
        }
    }

    fn discard(&mut self) {
        if let Some(name) = self.beside.take() {
            let _ = sys::unlink_at(self.folder.as_raw_fd(), &name);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.discard();
    }
}

/// Where the engine finds a file that this user may read, and what it is by then.
pub(crate) fn locate(path: &CStr) -> Result<Option<(Vec<u8>, FileStat)>, Failure> {
    let file = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK).map_err(opening)?;
    let stat = sys::stat_fd(file.as_fd()).map_err(opening)?;
    if !is_kind(&stat, S_IFREG) {
        return Ok(None);
    }
    let found = file::path_of(file.as_fd()).and_then(|path| {
        let (parent, _) = split(&path)?;
        Ok(reachable(&parent)?.map(|_| (path.into_bytes(), status(&stat, None))))
    });
    Ok(found.unwrap_or(None))
}

/// The folder, unless it is on another file system than the root: there the engine may see something else.
fn reachable(folder: &CStr) -> sys::Result<Option<(OwnedFd, libc::stat)>> {
    let folder = sys::open_at(AT_FDCWD, folder, O_PATH | O_DIRECTORY)?;
    let stat = sys::stat_fd(folder.as_fd())?;
    let is_here = stat.st_dev == sys::stat_at(AT_FDCWD, c"/", 0)?.st_dev;
    Ok(is_here.then_some((folder, stat)))
}

fn open_old(path: &CStr) -> sys::Result<OwnedFd> {
    sys::open_at(AT_FDCWD, path, O_WRONLY | O_NONBLOCK)
}

fn opening(errno: Errno) -> Failure {
    Failure::new(Op::Open, errno)
}
