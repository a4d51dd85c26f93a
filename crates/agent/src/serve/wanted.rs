//! What each file request beyond the first six starts.

use std::ffi::CString;

use computesdk_docker_protocol::{FileReply, FileRequest, Op, ToHost};

use super::link::{Flow, Link};
use super::request::{Opened, Work};
use crate::environment::{Environment, c_string};
use crate::files::Failure;
use crate::files::copy::CopyFile;
use crate::files::folder::Folder;
use crate::files::place::{Place, locate};
use crate::files::read::ReadFile;
use crate::files::stat::stat;
use crate::files::watch::Watch;
use crate::files::write::{How, WriteFile};
use crate::sys::{self, file};

/// The path that a failure names.
pub(super) fn subject(request: &FileRequest) -> &[u8] {
    match request {
        FileRequest::Stat { path, .. }
        | FileRequest::List { path }
        | FileRequest::Chmod { path, .. }
        | FileRequest::Link { path, .. }
        | FileRequest::MakeFolder { path }
        | FileRequest::Place { path }
        | FileRequest::Locate { path }
        | FileRequest::Watch { path, .. } => path,
        FileRequest::Rename { from, .. } | FileRequest::Copy { from, .. } => from,
        FileRequest::Read(part) => &part.path,
        FileRequest::Write(to) => &to.path,
    }
}

/// The step that a path fails at which is none.
fn op(request: &FileRequest) -> Op {
    match request {
        FileRequest::Stat { .. } => Op::Stat,
        FileRequest::List { .. } => Op::ReadDir,
        FileRequest::Rename { .. } => Op::Rename,
        FileRequest::Copy { .. } => Op::Copy,
        FileRequest::Chmod { .. } => Op::Chmod,
        FileRequest::Link { .. } => Op::Link,
        FileRequest::MakeFolder { .. } => Op::Mkdir,
        FileRequest::Read(_)
        | FileRequest::Write(_)
        | FileRequest::Place { .. }
        | FileRequest::Locate { .. } => Op::Open,
        FileRequest::Watch { .. } => Op::Watch,
    }
}

pub(super) fn open(
    request: &FileRequest,
    environment: &Environment,
    flow: &Flow,
    link: &mut Link,
) -> Result<Opened, Failure> {
    let failed = |errno| Failure::new(op(request), errno);
    let path = environment.resolve(subject(request)).map_err(failed)?;
    let other = |path: &[u8]| -> Result<CString, Failure> { environment.resolve(path).map_err(failed) };
    let done =
        |outcome: sys::Result<()>| outcome.map(|()| Opened::Answered(vec![ToHost::Done])).map_err(failed);
    Ok(match request {
        FileRequest::Stat { links, .. } => {
            let stat = stat(&path, *links).map_err(failed)?;
            Opened::Answered(vec![ToHost::File(FileReply::Stat(stat)), ToHost::Done])
        }
        FileRequest::List { .. } => Opened::Work(Work::Details(Folder::start(&path, flow, link)?)),
        FileRequest::Rename { to, .. } => done(file::rename(&path, &other(to)?))?,
        FileRequest::Copy { to, .. } => {
            Opened::Work(Work::Copy(CopyFile::start(&path, &other(to)?, flow, link)?))
        }
        FileRequest::Chmod { mode, .. } => done(file::chmod(&path, *mode & 0o7777))?,
        FileRequest::Link { target, .. } => {
            done(c_string(target.clone()).and_then(|target| file::symlink(&target, &path)))?
        }
        FileRequest::MakeFolder { .. } => done(sys::mkdir(&path))?,
        FileRequest::Read(part) => Opened::Work(Work::Read(ReadFile::start_part(&path, part, flow, link)?)),
        FileRequest::Write(to) => {
            let how = How { start: to.start, links: to.links, mode: to.mode };
            Opened::Work(Work::Write(WriteFile::start(path, how)?))
        }
        FileRequest::Place { .. } => match Place::start(&path)? {
            Some((place, placed)) => {
                link.send(flow, &ToHost::File(FileReply::Placed(placed)));
                Opened::Work(Work::Place(place))
            }
            None => Opened::Answered(vec![ToHost::Done]),
        },
        FileRequest::Locate { .. } => {
            let located = locate(&path)?.map(|(path, stat)| ToHost::File(FileReply::Located { path, stat }));
            Opened::Answered(located.into_iter().chain([ToHost::Done]).collect())
        }
        FileRequest::Watch { depth, .. } => {
            Opened::Work(Work::Watch(Watch::start(&path, *depth, flow, link)?))
        }
    })
}
