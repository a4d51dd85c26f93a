//! What happens in a folder, or in a whole tree of them. New folders of a tree are watched as they come, and what is in
//! them by then is told as created.
//!
//! Bounded: events that the host has not taken stay in the kernel's queue, which says when it ran over.

use std::collections::{HashMap, VecDeque};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use computesdk_docker_protocol::{Bulk, Depth, FileReply, Op, ToHost, WatchEvent, WatchKind};
use libc::{AT_FDCWD, DT_DIR, DT_UNKNOWN, EAGAIN, EINTR, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY};

use super::Failure;
use crate::environment::c_string;
use crate::serve::link::{Flow, Link, Slot};
use crate::sys::notify::{self, Event};
use crate::sys::poll::{Interest, Port};
use crate::sys::{self, Errno, dir};

/// Folders that one turn looks into.
const FOLDERS: usize = 16;
/// Bytes of untaken events beyond which new ones are counted as lost.
const KEPT: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Watch {
    port: Port<OwnedFd>,
    root: CString,
    depth: Depth,
    /// Paths below the root by their watches.
    folders: HashMap<i32, Vec<u8>>,
    /// Folders to be watched, and whether what they hold is news.
    coming: VecDeque<(Vec<u8>, bool)>,
    untaken: Vec<u8>,
    begun: bool,
    lost: bool,
}

impl Watch {
    pub(crate) fn start(path: &CStr, depth: Depth, flow: &Flow, link: &mut Link) -> Result<Self, Failure> {
        let fail = |errno| Failure::new(Op::Watch, errno);
        let notify = notify::open().map_err(fail)?;
        let watch = notify::add(notify.as_fd(), path).map_err(fail)?;
        let mut this = Self {
            port: Port::new(notify),
            root: path.to_owned(),
            depth,
            folders: HashMap::from([(watch, Vec::new())]),
            coming: VecDeque::new(),
            untaken: Vec::new(),
            begun: false,
            lost: false,
        };
        if depth == Depth::Tree {
            this.look_into(&[], false);
        }
        link.again(flow, Slot::File);
        Ok(this)
    }

    pub(crate) fn step(&mut self, flow: &mut Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        while !self.untaken.is_empty() {
            let Some(allowed) = link.allowance(flow, Slot::File) else { return Ok(None) };
            let count = allowed.min(self.untaken.len());
            link.send_bytes(&self.untaken[..count], Bulk::Data, flow);
            self.untaken.drain(..count);
        }
        if !self.coming.is_empty() {
            for _ in 0..FOLDERS {
                let Some((folder, news)) = self.coming.pop_front() else { break };
                self.enter(&folder, news);
            }
            link.again(flow, Slot::File);
            return Ok(None);
        }
        if !std::mem::replace(&mut self.begun, true) {
            link.send(flow, &ToHost::File(FileReply::Watching));
        }
        self.hear(flow, link)
    }

    fn hear(&mut self, flow: &Flow, link: &mut Link) -> Result<Option<ToHost>, Failure> {
        let mut buffer = [0; dir::BATCH];
        match sys::read(self.port.fd(), &mut buffer) {
            Ok(count) => {
                let mut at = 0;
                while let Some((event, next)) = notify::event(&buffer[..count], at) {
                    at = next;
                    self.note(&event);
                }
                link.again(flow, Slot::File);
            }
            Err(Errno(EAGAIN | EINTR)) => link.watch(&mut self.port, Interest::Read, flow, Slot::File),
            Err(errno) => return Err(Failure::new(Op::Watch, errno)),
        }
        Ok(None)
    }

    fn note(&mut self, event: &Event<'_>) {
        let has = |bits: u32| event.mask & bits != 0;
        if has(libc::IN_Q_OVERFLOW) {
            return self.tell(WatchKind::Overflow, Vec::new());
        }
        if has(libc::IN_IGNORED) {
            self.folders.remove(&event.watch);
            return;
        }
        let Some(folder) = self.folders.get(&event.watch) else { return };
        // A folder's own end and changes are told by the one that holds it.
        if event.name.is_empty() && !folder.is_empty() {
            return;
        }
        let path = joined(folder, event.name);
        let is_folder = has(libc::IN_ISDIR) && self.depth == Depth::Tree;
        if has(libc::IN_CREATE | libc::IN_MOVED_TO) {
            self.tell(WatchKind::Create, path.clone());
            if is_folder {
                self.coming.push_back((path, true));
            }
        } else if has(libc::IN_MOVED_FROM | libc::IN_MOVE_SELF) {
            if is_folder {
                self.forget(&path);
            }
            self.tell(WatchKind::Rename, path);
        } else if has(libc::IN_DELETE | libc::IN_DELETE_SELF) {
            self.tell(WatchKind::Remove, path);
        } else if has(libc::IN_MODIFY) {
            self.tell(WatchKind::Write, path);
        } else if has(libc::IN_ATTRIB) {
            self.tell(WatchKind::Chmod, path);
        }
    }

    fn tell(&mut self, kind: WatchKind, path: Vec<u8>) {
        if self.untaken.len() < KEPT {
            self.lost = false;
            WatchEvent { kind, path }.encode(&mut self.untaken);
        } else if !std::mem::replace(&mut self.lost, true) {
            WatchEvent { kind: WatchKind::Overflow, path: Vec::new() }.encode(&mut self.untaken);
        }
    }

    /// What has moved away is no longer watched.
    fn forget(&mut self, gone: &[u8]) {
        let notify = self.port.fd();
        let inside = |path: &[u8]| path.strip_prefix(gone).is_some_and(|r| r.is_empty() || r[0] == b'/');
        self.folders.retain(|watch, path| {
            let keep = !inside(path);
            if !keep {
                notify::remove(notify, *watch);
            }
            keep
        });
        self.coming.retain(|(path, _)| !inside(path));
    }

    /// Watches a folder of the tree, then looks into it: what came in between is told twice rather than not at all.
    fn enter(&mut self, folder: &[u8], news: bool) {
        let Ok(path) = self.below(folder) else { return };
        match notify::add_folder(self.port.fd(), &path) {
            Ok(watch) => {
                self.folders.insert(watch, folder.to_vec());
                self.look_into(folder, news);
            }
            // The system's limit of watches.
            Err(Errno(libc::ENOSPC | libc::ENOMEM)) => self.tell(WatchKind::Overflow, Vec::new()),
            // Gone, closed to this user, or no longer a folder.
            Err(_) => {}
        }
    }

    fn look_into(&mut self, folder: &[u8], news: bool) {
        let Ok(path) = self.below(folder) else { return };
        let flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | if folder.is_empty() { 0 } else { O_NOFOLLOW };
        let Ok(open) = sys::open_at(AT_FDCWD, &path, flags) else { return };
        let mut buffer = [0; dir::BATCH];
        while let Ok(filled @ 1..) = dir::read_entries(open.as_fd(), &mut buffer) {
            let mut at = 0;
            while let Some((dirent, next)) = dir::entry(&buffer[..filled], at) {
                at = next;
                if dirent.is_self_or_parent() {
                    continue;
                }
                let path = joined(folder, dirent.name.to_bytes());
                if news {
                    self.tell(WatchKind::Create, path.clone());
                }
                if matches!(dirent.kind, DT_DIR | DT_UNKNOWN) {
                    self.coming.push_back((path, news));
                }
            }
        }
    }

    fn below(&self, folder: &[u8]) -> sys::Result<CString> {
        c_string(joined(self.root.to_bytes(), folder))
    }
}

fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match (folder, name) {
        (_, b"") => folder.to_vec(),
        (b"", _) => name.to_vec(),
        _ => [folder, b"/", name].concat(),
    }
}
