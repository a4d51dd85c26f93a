//! Files and folders of the host into a sandbox: content, permission bits, links as links. In a folder that is there
//! already, links are replaced and never followed: nothing is written outside the target.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use computesdk_docker_protocol::{FileKind, Links, WriteStart, WriteTo};
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};

use super::local::{self, Source};
use super::transfer::{Progress, Transfer};
use super::trees::{AT_ONCE, join, make_folder, make_top, remove, replace_by_link, set_modes};
use super::{Sandbox, bulk};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::session::agent::AgentSession;

/// Something to send.
#[derive(Debug)]
struct Item {
    from: PathBuf,
    /// In the sandbox.
    to: Vec<u8>,
    what: What,
    mode: u32,
    /// What to make of a link in its place.
    links: Links,
}

#[derive(Debug)]
enum What {
    Folder,
    File { size: u64 },
    Link { target: Vec<u8> },
}

impl Sandbox {
    /// `path` becomes what `from` is; into a folder that is there, a folder's content.
    pub fn upload(&self, from: PathBuf, path: String) -> Transfer {
        let sandbox = self.clone();
        Transfer::new(move |progress| async move {
            sandbox.on_path(&path)?;
            let session = sandbox.0.sessions.get(None).await?;
            sandbox.needs_agent(&session, "upload")?;
            let upload = Upload { sandbox: &sandbox, session: &session, progress: &progress };
            sandbox.watched(upload.all(from, path)).await
        })
    }
}

struct Upload<'a> {
    sandbox: &'a Sandbox,
    session: &'a Arc<Session>,
    progress: &'a Arc<Progress>,
}

impl Upload<'_> {
    async fn all(&self, from: PathBuf, path: String) -> Result<()> {
        let Some(agent) = self.session.agent() else { return Ok(()) };
        let listed = Arc::clone(self.progress);
        let to = path.into_bytes();
        let listing = tokio::task::spawn_blocking(move || list(from, to, &listed)).await;
        let items =
            listing.unwrap_or_else(|stopped| Err(Error::CannotRun { what: format!("upload: {stopped}") }))?;
        self.progress.expect(items.iter().map(Item::size).sum());
        let mut made = Vec::new();
        for (at, item) in items.iter().enumerate().filter(|(_, item)| matches!(item.what, What::Folder)) {
            let new = match at {
                0 => make_top(agent, &item.to).await?,
                _ => make_folder(agent, &item.to).await?,
            };
            if new {
                made.push((item.to.clone(), item.mode));
            }
        }
        let mut sending = FuturesUnordered::new();
        for item in &items {
            if sending.len() == AT_ONCE {
                sending.try_next().await?;
            }
            sending.push(self.send(agent, item));
        }
        sending.try_collect::<()>().await?;
        set_modes(agent, made).await
    }

    async fn send(&self, agent: &AgentSession, item: &Item) -> Result<()> {
        match &item.what {
            What::Folder => Ok(()),
            What::Link { target } => replace_by_link(agent, target, &item.to).await,
            What::File { size } => {
                if item.links == Links::Keep {
                    self.clear_link(agent, &item.to).await?;
                }
                self.send_file(agent, item, *size).await?;
                self.progress.finished_file();
                Ok(())
            }
        }
    }

    async fn clear_link(&self, agent: &AgentSession, path: &[u8]) -> Result<()> {
        match agent.stat(path, Links::Keep).await {
            Ok(stat) if stat.kind == FileKind::Link => remove(agent, path).await,
            _ => Ok(()),
        }
    }

    async fn send_file(&self, agent: &AgentSession, item: &Item, size: u64) -> Result<()> {
        if bulk::is_large(size) && self.send_large(item, size).await? {
            return agent.chmod(&item.to, item.mode).await;
        }
        // As much as it had when it was listed, though it may grow.
        let mut file = Source::open(&item.from, size)?;
        let mut writer = agent.write_to(WriteTo {
            path: item.to.clone(),
            mode: Some(item.mode),
            start: WriteStart::Replace,
            links: item.links,
        })?;
        loop {
            let piece = file.read().await?;
            if piece.is_empty() {
                return writer.finish().await;
            }
            let length = piece.len();
            writer.write(Bytes::from(piece)).await?;
            self.progress.moved(length);
        }
    }

    async fn send_large(&self, item: &Item, size: u64) -> Result<bool> {
        let file = Source::open(&item.from, size)?;
        let (progress, counted) = (Arc::clone(self.progress), Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&counted);
        let pieces = move || {
            content(file).inspect(move |piece| {
                progress.moved(piece.len());
                counter.fetch_add(piece.len() as u64, Ordering::Relaxed);
            })
        };
        let sent = self.sandbox.put_large(self.session, &item.to, size, pieces).await?;
        if !sent {
            self.progress.take_back(counted.load(Ordering::Relaxed));
        }
        Ok(sent)
    }
}

impl Item {
    fn size(&self) -> u64 {
        match self.what {
            What::File { size } => size,
            _ => 0,
        }
    }
}

/// Ends early where the file does, or cannot be read.
fn content(file: Source) -> impl Stream<Item = Bytes> + Send + 'static {
    stream::unfold(file, |mut file| async move {
        let piece = file.read().await.unwrap_or_default();
        (!piece.is_empty()).then(|| (Bytes::from(piece), file))
    })
}

/// Something here, where it goes, what it is, and what to make of a link there.
type Found = (PathBuf, Vec<u8>, std::fs::Metadata, Links);

/// What there is to send, each folder before what is in it. A link at the top is followed, as it was named.
fn list(from: PathBuf, to: Vec<u8>, progress: &Progress) -> Result<Vec<Item>> {
    let metadata = std::fs::metadata(&from).map_err(|error| local::refused(&error, "stat", &from))?;
    let mut items = Vec::new();
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(crate::session::refused_as("EINVAL", "open", &from.to_string_lossy()));
    }
    let mut waiting = vec![(from, to, metadata, Links::Follow)];
    while let Some((from, to, metadata, links)) = waiting.pop() {
        let mode = local::mode(&metadata);
        let what = if metadata.is_dir() {
            waiting.extend(inside(&from, &to)?);
            What::Folder
        } else if metadata.is_file() {
            What::File { size: metadata.len() }
        } else if metadata.is_symlink() {
            let target =
                std::fs::read_link(&from).map_err(|error| local::refused(&error, "readlink", &from))?;
            What::Link { target: local::bytes(&target) }
        } else {
            progress.skip(from.to_string_lossy().into_owned());
            continue;
        };
        items.push(Item { from, to, what, mode, links });
    }
    Ok(items)
}

fn inside(folder: &Path, to: &[u8]) -> Result<Vec<Found>> {
    let refused = |error: std::io::Error| local::refused(&error, "scandir", folder);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let Some(name) = path.file_name() else { continue };
        let metadata =
            std::fs::symlink_metadata(&path).map_err(|error| local::refused(&error, "lstat", &path))?;
        let to = join(to, &local::bytes(Path::new(name)));
        found.push((path, to, metadata, Links::Keep));
    }
    Ok(found)
}
