//! The way to the agent. While it is free, the sender's own task writes: no other one has to wake up for that. What
//! the way does not take at once is kept, and a task writes it as room comes. Bounded by the windows of the calls.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use computesdk_docker_protocol::ProtocolError;
use tokio::io::AsyncWrite;
use tokio::sync::Notify;

type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Kept from one message to the next; what a large one took beyond it is given back.
const SPARE: usize = 64 * 1024;

pub(super) struct Outgoing {
    state: Mutex<State>,
    /// Something is left for the task to do.
    left: Notify,
}

struct State {
    /// `None`: the way is closed.
    writer: Option<Writer>,
    kept: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// The task is on it: nobody else touches the writer, whose waker is the task's.
    busy: bool,
    /// The task, while it waits for the writer.
    task: Option<Waker>,
}

impl Outgoing {
    pub(super) fn new(writer: Writer) -> Self {
        let state = State {
            writer: Some(writer),
            kept: Vec::new(),
            written: 0,
            unflushed: false,
            busy: false,
            task: None,
        };
        Self { state: Mutex::new(state), left: Notify::new() }
    }

    /// Sends what `encode` appends, whole or, when that fails, not at all. That the way is closed or breaks is told
    /// to the calls by the session's end, not here.
    pub(super) fn send(
        &self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        let mut state = self.state();
        if state.writer.is_none() {
            return Ok(());
        }
        state.forget_written();
        let before = state.kept.len();
        if let Err(error) = encode(&mut state.kept) {
            state.kept.truncate(before);
            return Err(error);
        }
        if !state.busy {
            // The waker is of no use here: what is not done now, the task takes over and asks again.
            let done = state.poll_write(&mut Context::from_waker(Waker::noop()));
            if !matches!(done, Poll::Ready(Ok(()))) {
                state.busy = true;
                self.left.notify_one();
            }
        }
        Ok(())
    }

    /// The task: writes what senders left, until the way is closed or breaks.
    pub(super) async fn work(&self) -> io::Result<()> {
        loop {
            self.left.notified().await;
            let open = poll_fn(|cx| {
                let mut state = self.state();
                state.task = Some(cx.waker().clone());
                let outcome = ready!(state.poll_write(cx));
                state.task = None;
                state.busy = false;
                Poll::Ready(outcome.map(|()| state.writer.is_some()))
            });
            if !open.await? {
                return Ok(());
            }
        }
    }

    /// The agent sees the end of its stream.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.writer = None;
        state.kept = Vec::new();
        state.written = 0;
        let task = state.task.take();
        drop(state);
        self.left.notify_one();
        if let Some(task) = task {
            task.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// While senders keep up with the way, it is never all written.
    fn forget_written(&mut self) {
        if self.written >= SPARE {
            self.kept.drain(..self.written);
            self.written = 0;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writer) = &mut self.writer else { return Poll::Ready(Ok(())) };
        let mut writer = Pin::new(writer);
        while self.written < self.kept.len() {
            let count = ready!(writer.as_mut().poll_write(cx, &self.kept[self.written..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
            self.unflushed = true;
        }
        self.kept.clear();
        self.kept.shrink_to(SPARE);
        self.written = 0;
        if self.unflushed {
            ready!(writer.as_mut().poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn put(bytes: &[u8]) -> impl FnOnce(&mut Vec<u8>) -> Result<(), ProtocolError> {
        move |out| {
            out.extend_from_slice(bytes);
            Ok(())
        }
    }

    #[tokio::test]
    async fn bytes_arrive_in_order_however_little_room_there_is() {
        let (ours, mut theirs) = tokio::io::duplex(7);
        let outgoing = Arc::new(Outgoing::new(Box::new(ours)));
        let task = tokio::spawn({
            let outgoing = Arc::clone(&outgoing);
            async move { outgoing.work().await }
        });
        for round in 0..100_u8 {
            assert_eq!(outgoing.send(put(&[round; 5])), Ok(()));
        }
        let mut all = vec![0; 500];
        theirs.read_exact(&mut all).await.expect("all of it");
        assert_eq!(all, (0..100_u8).flat_map(|round| [round; 5]).collect::<Vec<_>>());
        outgoing.close();
        assert_eq!(theirs.read(&mut all).await.expect("an end"), 0);
        task.await.expect("no panic").expect("a clean end");
    }

    #[tokio::test]
    async fn what_is_written_is_not_kept_though_something_always_waits() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let outgoing = Arc::new(Outgoing::new(Box::new(ours)));
        let task = tokio::spawn({
            let outgoing = Arc::clone(&outgoing);
            async move { outgoing.work().await }
        });
        let mut taken = vec![0; 4096];
        assert_eq!(outgoing.send(put(&[1; 8192])), Ok(()));
        for _ in 0..100 {
            assert_eq!(outgoing.send(put(&[1; 4096])), Ok(()));
            theirs.read_exact(&mut taken).await.expect("bytes");
            let kept = outgoing.state().kept.len();
            assert!(kept > 0 && kept < 2 * SPARE, "{kept}");
        }
        // The task waits for room; it ends all the same.
        outgoing.close();
        task.await.expect("no panic").expect("a clean end");
    }

    #[tokio::test]
    async fn what_cannot_be_encoded_leaves_nothing_behind() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let outgoing = Outgoing::new(Box::new(ours));
        let torn = outgoing.send(|out| {
            out.push(1);
            Err(ProtocolError::TooLong { length: 9 })
        });
        assert_eq!(torn, Err(ProtocolError::TooLong { length: 9 }));
        assert_eq!(outgoing.send(put(&[2])), Ok(()));
        assert_eq!(theirs.read_u8().await.expect("a byte"), 2);
    }

    #[tokio::test]
    async fn a_broken_way_ends_the_task() {
        let (ours, theirs) = tokio::io::duplex(64);
        drop(theirs);
        let outgoing = Outgoing::new(Box::new(ours));
        assert_eq!(outgoing.send(put(&[1])), Ok(()));
        assert!(outgoing.work().await.is_err());
    }
}
