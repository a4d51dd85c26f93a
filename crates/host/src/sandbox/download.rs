//! Files and folders of a sandbox onto the host: content, permission bits, links as links. What the sandbox says is not
//! trusted: every name is one name, folders are real ones, files take their place whole, and links come last, so that
//! nothing is ever written through one of them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use computesdk_docker_protocol::{FileKind, FileStat, Links, ReadPart};
use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::local::{self, Unfinished};
use super::transfer::{Progress, Transfer};
use super::trees::{AT_ONCE, Node, join, walk};
use super::{Sandbox, bulk};
use crate::error::{Error, Result};
use crate::session::agent::{AgentSession, FileReader};
use crate::session::refused_as;

impl Sandbox {
    /// `to` becomes what `path` is; into a folder that is there, a folder's content.
    pub fn download(&self, path: String, to: PathBuf) -> Transfer {
        let sandbox = self.clone();
        Transfer::new(move |progress| async move {
            sandbox.on_path(&path)?;
            let session = sandbox.0.sessions.get(None).await?;
            sandbox.needs_agent(&session, "download")?;
            let Some(agent) = session.agent() else { return Ok(()) };
            let download = Download { sandbox: &sandbox, agent, progress: &progress };
            sandbox.watched(download.all(&path, &to)).await
        })
    }
}

struct Download<'a> {
    sandbox: &'a Sandbox,
    agent: &'a AgentSession,
    progress: &'a Arc<Progress>,
}

/// A file to be fetched.
struct Item<'a> {
    from: Vec<u8>,
    to: PathBuf,
    stat: &'a FileStat,
}

impl Download<'_> {
    async fn all(&self, path: &str, to: &Path) -> Result<()> {
        let stat = self.agent.stat(path.as_bytes(), Links::Follow).await?;
        match stat.kind {
            FileKind::Directory => self.folder(path, to, &stat).await,
            FileKind::File => {
                self.progress.expect(stat.size);
                if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    make_top(parent)?;
                }
                self.file(&Item { from: path.into(), to: to.to_owned(), stat: &stat }).await
            }
            _ => Err(refused_as("EINVAL", "open", path)),
        }
    }

    async fn folder(&self, path: &str, to: &Path, top: &FileStat) -> Result<()> {
        let nodes = walk(self.agent, path.as_bytes()).await?;
        self.progress
            .expect(nodes.iter().filter(|n| n.kind() == FileKind::File).map(|n| n.detail.stat.size).sum());
        let mut made = Vec::new();
        if make_top(to)? {
            made.push((to.to_owned(), top.mode));
        }
        let (mut files, mut links) = (Vec::new(), Vec::new());
        for node in &nodes {
            let from = join(path.as_bytes(), &node.path);
            let Some(target) = place(to, node) else {
                self.progress.skip(String::from_utf8_lossy(&from).into_owned());
                continue;
            };
            match (node.kind(), &node.detail.stat.target) {
                (FileKind::Directory, _) => {
                    if make_folder(&target)? {
                        made.push((target, node.detail.stat.mode));
                    }
                }
                (FileKind::File, _) => files.push(Item { from, to: target, stat: &node.detail.stat }),
                (FileKind::Link, Some(link)) if cfg!(unix) => links.push((link, target)),
                _ => self.progress.skip(String::from_utf8_lossy(&from).into_owned()),
            }
        }
        let mut fetching = FuturesUnordered::new();
        for item in &files {
            if fetching.len() == AT_ONCE {
                fetching.try_next().await?;
            }
            fetching.push(self.file(item));
        }
        fetching.try_collect::<()>().await?;
        for (link, target) in links {
            local::link(link, &target).map_err(|error| local::refused(&error, "symlink", &target))?;
        }
        // Innermost first: a mode may close a folder.
        for (folder, mode) in made.into_iter().rev() {
            local::set_mode(&folder, mode).map_err(|error| local::refused(&error, "chmod", &folder))?;
        }
        Ok(())
    }

    async fn file(&self, item: &Item<'_>) -> Result<()> {
        let mut source = self.source(item).await?;
        // An error of the sandbox's comes before anything is made here.
        let mut next = source.next().await?;
        let mut file = Unfinished::beside(&item.to)?;
        while let Some(piece) = next {
            file.write(&piece).await?;
            self.progress.moved(piece.len());
            next = source.next().await?;
        }
        file.finish(item.stat.mode).await?;
        self.progress.finished_file();
        Ok(())
    }

    async fn source(&self, item: &Item<'_>) -> Result<Source> {
        if bulk::is_large(item.stat.size)
            && let Some(file) = self.sandbox.get_large(self.agent, &item.from).await?
        {
            return Ok(Source::Engine(file));
        }
        let part = ReadPart { path: item.from.clone(), from: 0, length: None };
        self.agent.read_part(part).map(Source::Agent)
    }
}

/// Where a file's content comes from.
enum Source {
    Agent(FileReader),
    Engine(bulk::Arriving),
}

impl Source {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::Agent(reader) => reader.next().await,
            Self::Engine(file) => file.next().await,
        }
    }
}

/// Where a node goes; `None`: it can have no such name here.
fn place(to: &Path, node: &Node) -> Option<PathBuf> {
    let names = node.path.split(|byte| *byte == b'/').map(local::name);
    names.collect::<Option<Vec<_>>>().map(|names| to.join(names.iter().collect::<PathBuf>()))
}

/// With parents, through links: it was named by the caller. False when it is there already.
fn make_top(path: &Path) -> Result<bool> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(false),
        Ok(_) => Err(no_folder(path)),
        Err(_) => std::fs::create_dir_all(path)
            .map(|()| true)
            .map_err(|error| local::refused(&error, "mkdir", path)),
    }
}

fn make_folder(path: &Path) -> Result<bool> {
    match std::fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_folder = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
            if is_folder { Ok(false) } else { Err(no_folder(path)) }
        }
        Err(error) => Err(local::refused(&error, "mkdir", path)),
    }
}

fn no_folder(path: &Path) -> Error {
    refused_as("ENOTDIR", "mkdir", &path.to_string_lossy())
}
