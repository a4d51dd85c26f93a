//! Large files into a sandbox and out of it: the engine's archive API moves them about twice as fast as the agent.
//! The agent names a place beside the file and makes what arrives there the file's content; it knows what the engine
//! cannot see (mounts inside the container), and what its user may not touch.
//!
//! While an archive of a container is on its way, the engine lets other calls about that container wait: execs, inspects,
//! its end. So archives are of a bounded size, and wait for each other here, where no clock runs.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use computesdk_docker_protocol::Placed;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::Sandbox;
use crate::docker::{ArchivedFile, Engine, NewFile};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::session::agent::{AgentSession, Placement};

/// Where it is faster (each archive costs as much as 10 to 15 MB through the agent) and over within seconds.
const ARCHIVED: RangeInclusive<u64> = 16 * 1024 * 1024..=1024 * 1024 * 1024;
/// Bytes that are handed over at once.
const PIECE: usize = 1024 * 1024;

/// Whose turn it is.
pub(super) type Turns = Arc<Mutex<()>>;

pub(super) fn is_large(size: u64) -> bool {
    ARCHIVED.contains(&size)
}

/// A large file on its way out.
pub(super) struct Arriving {
    file: ArchivedFile,
    _turn: OwnedMutexGuard<()>,
}

impl Arriving {
    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        self.file.next().await
    }
}

impl Sandbox {
    /// False: nothing has happened, and the content has to go through the agent, which also tells what is wrong.
    pub(super) async fn put_large<S>(
        &self,
        session: &Arc<Session>,
        path: &[u8],
        size: u64,
        content: impl FnOnce() -> S,
    ) -> Result<bool>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let Some(agent) = session.agent().filter(|_| is_large(size)) else { return Ok(false) };
        let Some(placement) = agent.place(path).await? else { return Ok(false) };
        let Some((folder, file)) = target(&placement.placed, size) else { return Ok(false) };
        let stop = CancellationToken::new();
        let content = content().take_until(stop.clone().cancelled_owned());
        let upload = Upload {
            engine: self.engine().clone(),
            id: self.id().to_owned(),
            folder,
            file,
            placement,
            session: Arc::clone(session),
            turns: Arc::clone(&self.0.archives),
        };
        // In a task of its own: a caller that goes away ends the content, and the rest is cleaned up in its order.
        let upload = tokio::spawn(upload.perform(content));
        let _stop = stop.drop_guard();
        Ok(matches!(upload.await, Ok(Ok(()))))
    }

    /// A large file's content from the engine; `None`: it has to come through the agent, which also tells what is wrong.
    pub(super) async fn get_large(&self, agent: &AgentSession, path: &[u8]) -> Result<Option<Arriving>> {
        let Some((path, stat)) = agent.locate(path).await? else { return Ok(None) };
        let Ok(path) = String::from_utf8(path) else { return Ok(None) };
        let turn = Arc::clone(&self.0.archives).lock_owned().await;
        let file = self.engine().get_file(self.id(), &path).await?;
        // The engine may read everything: what it found must be what this user may read.
        let file = file.filter(|file| {
            file.size == stat.size
                && file.mode & 0o777 == stat.mode & 0o777
                && (file.uid, file.gid) == (stat.uid.into(), stat.gid.into())
                && i64::try_from(file.modified)
                    .is_ok_and(|seconds| seconds == stat.modified_ms.div_euclid(1000))
        });
        Ok(file.map(|file| Arriving { file, _turn: turn }))
    }

    /// For what only the agent can do.
    pub(super) fn needs_agent(&self, session: &Session, what: &str) -> Result<()> {
        match session.agent() {
            Some(_) => Ok(()),
            None => Err(Error::NeedsAgent { id: self.id().to_owned(), what: what.to_owned() }),
        }
    }
}

struct Upload {
    engine: Engine,
    id: String,
    folder: String,
    file: NewFile,
    placement: Placement,
    /// Open for as long as the placement is.
    session: Arc<Session>,
    turns: Turns,
}

impl Upload {
    async fn perform<S: Stream<Item = Bytes> + Send + 'static>(self, content: S) -> Result<()> {
        let Self { engine, id, folder, file, placement, session, turns } = self;
        let turn = turns.lock_owned().await;
        // The engine has stopped writing when this answers: only then may the agent remove what is there.
        engine.put_file(&id, &folder, &file, content).await?;
        drop(turn);
        let adopted = placement.adopt().await;
        drop(session);
        adopted
    }
}

/// `None`: the archive API cannot name that place.
fn target(placed: &Placed, size: u64) -> Option<(String, NewFile)> {
    let folder = String::from_utf8(placed.folder.clone()).ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let is_plain = placed.name.len() < 64 && placed.name.bytes().all(plain) && placed.name.starts_with(".c");
    is_plain.then(|| {
        let file = NewFile {
            name: placed.name.clone(),
            size,
            mode: placed.mode,
            uid: placed.uid,
            gid: placed.gid,
            modified: placed.stamp.into(),
        };
        (folder, file)
    })
}

/// Content that is in memory, without a copy of it.
pub(super) fn pieces(content: Bytes) -> impl Stream<Item = Bytes> + Send + 'static {
    stream::unfold(content, |mut rest| async move {
        (!rest.is_empty()).then(|| (rest.split_to(rest.len().min(PIECE)), rest))
    })
}

#[cfg(test)]
mod tests {
    use super::is_large;

    #[test]
    fn archives_are_worth_their_price_and_soon_over() {
        const MIB: u64 = 1024 * 1024;
        let sizes = [0, 16 * MIB - 1, 16 * MIB, 1024 * MIB, 1024 * MIB + 1];
        assert_eq!(sizes.map(is_large), [false, false, true, true, false]);
    }
}
