//! Files over the agent.

use bytes::{Bytes, BytesMut};
use computesdk_docker_protocol::{EntryKind as WireKind, FileEntry, ReadDir, ToAgent, ToHost, WriteFile};

use super::AgentSession;
use super::call::Feed;
use crate::error::Result;
use crate::session::{Entry, EntryKind, system};

/// A folder listing is kept in memory whole: this bounds what a hostile agent can make of that.
const MAX_ENTRIES: usize = 4_000_000;

impl AgentSession {
    pub async fn read_file(&self, path: &str) -> Result<Bytes> {
        let mut call = self.requests.begin("readFile", &ToAgent::ReadFile(path.to_owned()))?;
        let mut content = BytesMut::new();
        loop {
            match call.next().await? {
                ToHost::Data(data) => {
                    content.extend_from_slice(&data);
                    call.took(data.len());
                }
                ToHost::Done => return Ok(content.freeze()),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Err(call.broken()),
            }
        }
    }

    pub async fn write_file(&self, path: &str, content: Bytes) -> Result<()> {
        let mut call =
            self.requests.begin("writeFile", &ToAgent::WriteFile(WriteFile { path: path.to_owned() }))?;
        let mut feed = Feed::file(content);
        loop {
            feed.pump(&call);
            match call.next().await? {
                ToHost::Credit(bytes) => feed.credited(bytes),
                ToHost::Done => return Ok(()),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Err(call.broken()),
            }
        }
    }

    pub async fn read_dir(&self, path: &str) -> Result<Vec<Entry>> {
        let mut call =
            self.requests.begin("readdir", &ToAgent::ReadDir(ReadDir { path: path.to_owned() }))?;
        let mut entries = Vec::new();
        loop {
            match call.next().await? {
                ToHost::Entries(more) if entries.len() < MAX_ENTRIES => {
                    entries.extend(more.iter().map(entry));
                }
                ToHost::Done => break,
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Err(call.broken()),
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    pub async fn exists(&self, path: &str) -> Result<bool> {
        let mut call = self.requests.begin("exists", &ToAgent::Exists(path.to_owned()))?;
        let mut found = false;
        loop {
            match call.next().await? {
                ToHost::Found(answer) => found = answer,
                ToHost::Done => return Ok(found),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Err(call.broken()),
            }
        }
    }

    pub async fn mkdir(&self, path: &str) -> Result<()> {
        self.done("mkdir", &ToAgent::Mkdir(path.to_owned())).await
    }

    pub async fn remove(&self, path: &str) -> Result<()> {
        self.done("remove", &ToAgent::Remove(path.to_owned())).await
    }

    /// A request whose only answer is that it is done.
    async fn done(&self, during: &'static str, request: &ToAgent) -> Result<()> {
        let mut call = self.requests.begin(during, request)?;
        match call.next().await? {
            ToHost::Done => Ok(()),
            ToHost::Failed(failed) => Err(system::refused(&failed)),
            _ => Err(call.broken()),
        }
    }
}

fn entry(wire: &FileEntry) -> Entry {
    let kind = match wire.kind {
        WireKind::File => EntryKind::File,
        WireKind::Directory => EntryKind::Directory,
    };
    let name = String::from_utf8_lossy(&wire.name).into_owned();
    Entry { name, kind, size: wire.size, modified_ms: wire.modified_ms }
}
