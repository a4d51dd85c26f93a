//! The file calls that answer once. A relative path starts at the sandbox's workdir.

use bytes::Bytes;

use super::{Sandbox, bulk, trees};
use crate::error::{Error, Result};
use crate::session::{Entry, EntryKind, FileKind, FileStat, Links, Session};

/// An entry of a folder or of one below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Below the folder that was listed. Non-UTF-8 bytes are replaced.
    pub path: String,
    pub entry: Entry,
}

impl Sandbox {
    pub async fn read_file(&self, path: &str) -> Result<Bytes> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.read_file(path).await }).await
    }

    pub async fn write_file(&self, path: &str, content: Bytes) -> Result<()> {
        self.on_path(path)?;
        self.watched(async {
            let session = self.0.sessions.get(None).await?;
            let (size, pieces) = (content.len() as u64, || bulk::pieces(content.clone()));
            if self.put_large(&session, path.as_bytes(), size, pieces).await? {
                return Ok(());
            }
            session.write_file(path, content).await
        })
        .await
    }

    pub async fn mkdir(&self, path: &str) -> Result<()> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.mkdir(path).await }).await
    }

    pub async fn read_dir(&self, path: &str) -> Result<Vec<Entry>> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.read_dir(path).await }).await
    }

    pub async fn exists(&self, path: &str) -> Result<bool> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.exists(path).await }).await
    }

    pub async fn remove(&self, path: &str) -> Result<()> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.remove(path).await }).await
    }

    /// All that is below a folder, sorted by path; links count as what they lead to, and are not followed.
    pub async fn read_tree(&self, path: &str) -> Result<Vec<Listed>> {
        self.on_path(path)?;
        self.watched(async {
            let session = self.0.sessions.get(None).await?;
            self.needs_agent(&session, "readdir with recursive")?;
            let Some(agent) = session.agent() else { return Ok(Vec::new()) };
            Ok(trees::walk(agent, path.as_bytes()).await?.into_iter().map(listed).collect())
        })
        .await
    }

    pub async fn stat(&self, path: &str, links: Links) -> Result<FileStat> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.stat(path, links).await }).await
    }

    pub async fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.chmod(path, mode).await }).await
    }

    /// As rename(2), and by copying where that cannot: between file systems, and for the image's own folders.
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.on_path(from)?;
        self.on_path(to)?;
        self.watched(async {
            match &*self.0.sessions.get(None).await? {
                Session::Exec(session) => session.rename(from, to).await,
                Session::Agent(agent) => match agent.rename(from.as_bytes(), to.as_bytes()).await {
                    Err(error) if error.code() == "EXDEV" => {
                        trees::copy(agent, from, to).await?;
                        agent.remove(from).await
                    }
                    other => other,
                },
            }
        })
        .await
    }

    /// A file, a link, or a folder with all that is in it, permission bits included. Missing parents are made.
    pub async fn copy(&self, from: &str, to: &str) -> Result<()> {
        self.on_path(from)?;
        self.on_path(to)?;
        self.watched(async {
            match &*self.0.sessions.get(None).await? {
                Session::Exec(session) => session.copy(from, to).await,
                Session::Agent(agent) => trees::copy(agent, from, to).await,
            }
        })
        .await
    }

    pub(super) fn on_path(&self, path: &str) -> Result<()> {
        self.usable()?;
        let problem = match path {
            "" => "expected a path, got an empty string",
            _ if path.contains('\0') => "a path must not hold a NUL byte",
            _ => return Ok(()),
        };
        Err(Error::InvalidConfig { path: "path".to_owned(), problem: problem.to_owned() })
    }
}

fn listed(node: trees::Node) -> Listed {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = text(&node.detail.name);
    let stat = node.detail.behind.unwrap_or(node.detail.stat);
    let kind = if stat.kind == FileKind::Directory { EntryKind::Directory } else { EntryKind::File };
    let entry = Entry { name, kind, size: stat.size, modified_ms: stat.modified_ms };
    Listed { path: text(&node.path), entry }
}
