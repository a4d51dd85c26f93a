//! Files in pieces, and watches: what goes on after the call that began it.

use std::sync::Arc;

use bytes::Bytes;

use super::Sandbox;
use crate::error::Result;
use crate::session::agent::{FileReader, FileWriter, Watching};
use crate::session::{Depth, ReadPart, Session, WatchEvent, WriteTo};

/// A file's content as it is read. Dropped early, the sandbox stops reading.
#[derive(Debug)]
pub struct ReadStream {
    sandbox: Sandbox,
    /// Open for as long as the stream is.
    _session: Arc<Session>,
    reader: FileReader,
}

/// A file's content as it is written. Dropped before its end, the file keeps what was written.
#[derive(Debug)]
pub struct WriteStream {
    sandbox: Sandbox,
    _session: Arc<Session>,
    writer: FileWriter,
}

/// What happens to files. Dropped, it ends.
#[derive(Debug)]
pub struct FileWatch {
    sandbox: Sandbox,
    _session: Arc<Session>,
    watching: Watching,
}

impl Sandbox {
    pub async fn open_reader(&self, part: ReadPart) -> Result<ReadStream> {
        let session = self.agent_session(&String::from_utf8_lossy(&part.path), "createReadStream").await?;
        let Some(agent) = session.agent() else { return Err(self.not_found()) };
        let reader = agent.read_part(part)?;
        Ok(ReadStream { sandbox: self.clone(), _session: session, reader })
    }

    pub async fn open_writer(&self, to: WriteTo) -> Result<WriteStream> {
        let session = self.agent_session(&String::from_utf8_lossy(&to.path), "createWriteStream").await?;
        let Some(agent) = session.agent() else { return Err(self.not_found()) };
        let writer = agent.write_to(to)?;
        Ok(WriteStream { sandbox: self.clone(), _session: session, writer })
    }

    /// Answers once the watch has begun.
    pub async fn watch(&self, path: &str, depth: Depth) -> Result<FileWatch> {
        let session = self.agent_session(path, "watch").await?;
        let Some(agent) = session.agent() else { return Err(self.not_found()) };
        let watching = self.watched(agent.watch(path.as_bytes(), depth)).await?;
        Ok(FileWatch { sandbox: self.clone(), _session: session, watching })
    }

    async fn agent_session(&self, path: &str, what: &str) -> Result<Arc<Session>> {
        self.on_path(path)?;
        let session = self.watched(self.0.sessions.get(None)).await?;
        self.needs_agent(&session, what)?;
        Ok(session)
    }
}

impl ReadStream {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.sandbox.watched(self.reader.next()).await
    }
}

impl WriteStream {
    /// Answers when there is room for more.
    pub async fn write(&mut self, content: Bytes) -> Result<()> {
        self.sandbox.watched(self.writer.write(content)).await
    }

    /// Answers when everything is in the file.
    pub async fn finish(self) -> Result<()> {
        self.sandbox.watched(self.writer.finish()).await
    }
}

impl FileWatch {
    /// What has happened since; never empty. May take for ever.
    pub async fn next(&mut self) -> Result<Vec<WatchEvent>> {
        let events = self.watching.next().await;
        self.sandbox.explained(events).await
    }
}
