//! Files over the agent.

use bytes::Bytes;
use computesdk_docker_protocol::{EntryKind as WireKind, FileEntry, ReadDir, ToAgent, ToHost, WriteFile};

use super::AgentSession;
use super::call::{Feed, Portion};
use super::kind::Kind;
use crate::error::Result;
use crate::session::{Entry, EntryKind, system};

impl AgentSession {
    pub async fn read_file(&self, path: &str) -> Result<Bytes> {
        let mut call =
            self.requests.begin(Kind::Read, &ToAgent::ReadFile(path.to_owned()), &Portion::none())?;
        let mut content = Vec::new();
        loop {
            match call.next().await? {
                ToHost::Data(data) => {
                    let size = data.len();
                    // Most files are one chunk, which then is the content as it came.
                    if content.is_empty() {
                        content = data;
                    } else {
                        content.extend_from_slice(&data);
                    }
                    call.took(size);
                }
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Ok(Bytes::from(content)),
            }
        }
    }

    /// Makes missing parent folders. What of a file has been written when the system refuses the rest stays.
    pub async fn write_file(&self, path: &str, content: Bytes) -> Result<()> {
        let mut feed = Feed::file(content);
        let request = ToAgent::WriteFile(WriteFile { path: path.to_owned() });
        let mut call = self.requests.begin(Kind::Write, &request, &feed.portion())?;
        loop {
            match call.next().await? {
                ToHost::Credit(bytes) => call.go_on(&mut feed, bytes),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Ok(()),
            }
        }
    }

    /// Sorted by name.
    pub async fn read_dir(&self, path: &str) -> Result<Vec<Entry>> {
        let request = ToAgent::ReadDir(ReadDir { path: path.to_owned() });
        let mut call = self.requests.begin(Kind::List, &request, &Portion::none())?;
        let mut entries = Vec::new();
        loop {
            match call.next().await? {
                ToHost::Entries(more) => entries.extend(more.into_iter().map(entry)),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => break,
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    pub async fn exists(&self, path: &str) -> Result<bool> {
        let mut call =
            self.requests.begin(Kind::Exists, &ToAgent::Exists(path.to_owned()), &Portion::none())?;
        let mut found = false;
        loop {
            match call.next().await? {
                ToHost::Found(answer) => found = answer,
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Ok(found),
            }
        }
    }

    pub async fn mkdir(&self, path: &str) -> Result<()> {
        self.change(Kind::Mkdir, &ToAgent::Mkdir(path.to_owned())).await
    }

    pub async fn remove(&self, path: &str) -> Result<()> {
        self.change(Kind::Remove, &ToAgent::Remove(path.to_owned())).await
    }

    /// A request whose only answer is its end.
    pub(super) async fn change(&self, kind: Kind, request: &ToAgent) -> Result<()> {
        match self.requests.begin(kind, request, &Portion::none())?.next().await? {
            ToHost::Failed(failed) => Err(system::refused(&failed)),
            _ => Ok(()),
        }
    }
}

fn entry(wire: FileEntry) -> Entry {
    let kind = match wire.kind {
        WireKind::File => EntryKind::File,
        WireKind::Directory => EntryKind::Directory,
    };
    let name = String::from_utf8(wire.name)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Entry { name, kind, size: wire.size, modified_ms: wire.modified_ms }
}
