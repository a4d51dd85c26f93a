//! Files over the agent beyond the first six calls: what they are, changes of place and mode, content in pieces, watches.
//! Paths are bytes, as the system has them.

use bytes::Bytes;
use computesdk_docker_protocol::{
    Depth, FileDetail, FileReply, FileRequest, FileStat, Links, Placed, ReadPart, ToAgent, ToHost,
    WatchEvent, WriteTo,
};
use futures_util::FutureExt as _;

use super::AgentSession;
use super::call::{Call, Feed, Portion};
use super::kind::Kind;
use crate::error::{Error, Result};
use crate::session::system;

/// The content of a file as it arrives. Dropped early, it stops.
#[derive(Debug)]
pub struct FileReader {
    call: Call,
}

/// The content of a file as it is sent. Dropped before [`FileWriter::finish`], the file keeps what was written.
#[derive(Debug)]
pub struct FileWriter {
    call: Call,
    feed: Feed,
}

/// Where another writer may put new content of a file. Dropped, that content is removed.
#[derive(Debug)]
pub struct Placement {
    call: Call,
    pub placed: Placed,
}

/// What happens to files, as it happens. Dropped, it ends.
#[derive(Debug)]
pub struct Watching {
    call: Call,
    arrived: Vec<u8>,
}

impl AgentSession {
    pub async fn stat(&self, path: &[u8], links: Links) -> Result<FileStat> {
        let mut call = self.file(Kind::Stat, FileRequest::Stat { path: path.to_vec(), links })?;
        let mut stat = None;
        loop {
            match call.next().await? {
                ToHost::File(FileReply::Stat(answer)) => stat = Some(answer),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return stat.ok_or_else(|| self.requests.nonsense(Kind::Stat)),
            }
        }
    }

    /// The entries of one folder, in the system's order.
    pub async fn details(&self, path: &[u8]) -> Result<Vec<FileDetail>> {
        let mut call = self.file(Kind::Details, FileRequest::List { path: path.to_vec() })?;
        let mut all = Vec::new();
        loop {
            match call.next().await? {
                ToHost::File(FileReply::Details(more)) => all.extend(more),
                ToHost::Failed(failed) => return Err(system::refused(&failed)),
                _ => return Ok(all),
            }
        }
    }

    /// As rename(2).
    pub async fn rename(&self, from: &[u8], to: &[u8]) -> Result<()> {
        self.change_file(Kind::Rename, FileRequest::Rename { from: from.to_vec(), to: to.to_vec() }).await
    }

    /// One regular file.
    pub async fn copy_file(&self, from: &[u8], to: &[u8]) -> Result<()> {
        self.change_file(Kind::Copy, FileRequest::Copy { from: from.to_vec(), to: to.to_vec() }).await
    }

    pub async fn chmod(&self, path: &[u8], mode: u32) -> Result<()> {
        self.change_file(Kind::Chmod, FileRequest::Chmod { path: path.to_vec(), mode }).await
    }

    /// A symbolic link.
    pub async fn link(&self, target: &[u8], path: &[u8]) -> Result<()> {
        self.change_file(Kind::Link, FileRequest::Link { target: target.to_vec(), path: path.to_vec() }).await
    }

    /// One folder, as mkdir(2).
    pub async fn make_folder(&self, path: &[u8]) -> Result<()> {
        self.change_file(Kind::Mkdir, FileRequest::MakeFolder { path: path.to_vec() }).await
    }

    pub fn read_part(&self, part: ReadPart) -> Result<FileReader> {
        Ok(FileReader { call: self.file(Kind::Read, FileRequest::Read(part))? })
    }

    /// Makes missing parent folders.
    pub fn write_to(&self, to: WriteTo) -> Result<FileWriter> {
        Ok(FileWriter { call: self.file(Kind::Write, FileRequest::Write(to))?, feed: Feed::open() })
    }

    /// `None`: nobody but the agent can write there.
    pub async fn place(&self, path: &[u8]) -> Result<Option<Placement>> {
        let mut call = self.file(Kind::Place, FileRequest::Place { path: path.to_vec() })?;
        match call.next().await? {
            ToHost::File(FileReply::Placed(placed)) => Ok(Some(Placement { call, placed })),
            ToHost::Failed(failed) => Err(system::refused(&failed)),
            _ => Ok(None),
        }
    }

    /// Where another reader finds a file, without links, and what it is; `None`: only the agent reaches it.
    pub async fn locate(&self, path: &[u8]) -> Result<Option<(Vec<u8>, FileStat)>> {
        let mut call = self.file(Kind::Locate, FileRequest::Locate { path: path.to_vec() })?;
        let mut located = None;
        loop {
            match call.next().await? {
                ToHost::File(FileReply::Located { path, stat }) => located = Some((path, stat)),
                answer => return end(answer).map(|()| located),
            }
        }
    }

    /// Answers once the watch has begun.
    pub async fn watch(&self, path: &[u8], depth: Depth) -> Result<Watching> {
        let mut call = self.file(Kind::Watch, FileRequest::Watch { path: path.to_vec(), depth })?;
        match call.next().await? {
            ToHost::File(FileReply::Watching) => Ok(Watching { call, arrived: Vec::new() }),
            ToHost::Failed(failed) => Err(system::refused(&failed)),
            _ => Err(self.requests.nonsense(Kind::Watch)),
        }
    }

    fn file(&self, kind: Kind, request: FileRequest) -> Result<Call> {
        self.requests.begin(kind, &ToAgent::File(request), &Portion::none())
    }

    async fn change_file(&self, kind: Kind, request: FileRequest) -> Result<()> {
        end(self.file(kind, request)?.next().await?)
    }
}

/// What a request came to whose answer is its end.
fn end(answer: ToHost) -> Result<()> {
    match answer {
        ToHost::Failed(failed) => Err(system::refused(&failed)),
        _ => Ok(()),
    }
}

impl FileReader {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match self.call.next().await? {
            ToHost::Data(data) => {
                self.call.took(data.len());
                Ok(Some(Bytes::from(data)))
            }
            answer => end(answer).map(|()| None),
        }
    }
}

impl FileWriter {
    /// Answers when the agent has room for more. After an error nothing more can be written.
    pub async fn write(&mut self, content: Bytes) -> Result<()> {
        self.feed.add(content);
        self.call.go_on(&mut self.feed, 0);
        while !self.feed.is_empty() {
            match self.call.next().await? {
                ToHost::Credit(bytes) => self.call.go_on(&mut self.feed, bytes),
                answer => return self.stopped(answer),
            }
        }
        // What has been refused meanwhile is told now rather than when there is no more room.
        match self.call.next().now_or_never().transpose()? {
            None => Ok(()),
            Some(ToHost::Credit(bytes)) => {
                self.call.go_on(&mut self.feed, bytes);
                Ok(())
            }
            Some(answer) => self.stopped(answer),
        }
    }

    fn stopped(&self, answer: ToHost) -> Result<()> {
        end(answer).and_then(|()| Err(self.call.nonsense()))
    }

    /// The content is complete; answers when it is in the file.
    pub async fn finish(mut self) -> Result<()> {
        self.feed.end();
        self.call.go_on(&mut self.feed, 0);
        loop {
            match self.call.next().await? {
                ToHost::Credit(bytes) => self.call.go_on(&mut self.feed, bytes),
                answer => return end(answer),
            }
        }
    }
}

impl Placement {
    /// The new content is there: makes it the file's.
    pub async fn adopt(mut self) -> Result<()> {
        self.call.end_input();
        end(self.call.next().await?)
    }
}

impl Watching {
    /// What has happened since; never empty.
    pub async fn next(&mut self) -> Result<Vec<WatchEvent>> {
        loop {
            match self.call.next().await? {
                ToHost::Data(data) => {
                    self.call.took(data.len());
                    self.arrived.extend_from_slice(&data);
                }
                answer => {
                    end(answer)?;
                    return Err(self.call.nonsense());
                }
            }
            let mut events = Vec::new();
            while let Some(event) = WatchEvent::decode(&mut self.arrived).map_err(|error| {
                Error::CannotRun { what: format!("the agent broke the protocol: {error}") }
            })? {
                events.push(event);
            }
            if !events.is_empty() {
                return Ok(events);
            }
        }
    }
}
