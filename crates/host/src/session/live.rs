//! A started process with its streams, as both kinds of session give it: the caller's end here, and the pump's, which a
//! session moves until the process has ended. What the caller does not take holds the process up; nothing grows.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use super::{Chunk, Exit, Stream};
use crate::error::{Error, Result};

/// Bytes that one read hands over at most, when more are waiting.
const READ: usize = 128 * 1024;

pub const SIGINT: i32 = 2;
pub const SIGKILL: i32 = 9;

/// A terminal in the place of pipes.
#[derive(Debug, Clone)]
pub struct Screen {
    pub cols: u16,
    pub rows: u16,
    /// Environment for what nobody has set.
    pub defaults: Vec<(String, String)>,
}

/// What the caller wants of a running process.
#[derive(Debug)]
pub(crate) enum Order {
    /// So many bytes of output were taken.
    Took(usize),
    /// Input; the sender hears when all of it is on its way.
    Input(Bytes, oneshot::Sender<()>),
    EndInput,
    Signal(i32),
    Resize(u16, u16),
}

/// The caller's end. Dropping it leaves the process running, and its output is let go.
#[derive(Debug)]
pub struct Live {
    pub pid: u32,
    outputs: [Mutex<Output>; 2],
    orders: UnboundedSender<Order>,
}

#[derive(Debug)]
struct Output {
    arriving: UnboundedReceiver<Bytes>,
    /// What did not fit into the read before.
    left: Bytes,
}

/// The pump's end.
#[derive(Debug)]
pub(crate) struct PumpEnd {
    outputs: [UnboundedSender<Bytes>; 2],
    pub(crate) orders: UnboundedReceiver<Order>,
    /// Bytes that were handed up and not taken yet.
    untaken: usize,
    /// The caller wants no more output: what comes counts as taken.
    draining: bool,
}

/// Moves a process's streams until it has ended.
pub type Pump = std::pin::Pin<Box<dyn Future<Output = Result<Exit>> + Send>>;

pub(crate) fn pair(pid: u32) -> (Live, PumpEnd) {
    let (orders, ordered) = mpsc::unbounded_channel();
    let [(stdout, from_stdout), (stderr, from_stderr)] =
        [mpsc::unbounded_channel(), mpsc::unbounded_channel()];
    let output = |arriving| Mutex::new(Output { arriving, left: Bytes::new() });
    let live = Live { pid, outputs: [output(from_stdout), output(from_stderr)], orders };
    let pump = PumpEnd { outputs: [stdout, stderr], orders: ordered, untaken: 0, draining: false };
    (live, pump)
}

fn index(stream: Stream) -> usize {
    usize::from(stream == Stream::Stderr)
}

impl Live {
    /// The next bytes of a stream, as many as wait there; `None` at its end.
    pub async fn read(&self, stream: Stream) -> Option<Bytes> {
        let bytes = poll_fn(|cx| self.output(stream).poll(cx)).await?;
        self.order(Order::Took(bytes.len()));
        Some(bytes)
    }

    fn output(&self, stream: Stream) -> std::sync::MutexGuard<'_, Output> {
        self.outputs[index(stream)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers when all of it is on its way to the process.
    pub async fn write(&self, bytes: Bytes) -> Result<()> {
        let (done, sent) = oneshot::channel();
        self.order(Order::Input(bytes, done));
        sent.await.map_err(|_| Error::System {
            code: "EPIPE",
            message: "broken pipe",
            syscall: "write",
            path: "stdin".to_owned(),
        })
    }

    pub fn end_input(&self) {
        self.order(Order::EndInput);
    }

    /// To the whole process tree; false when the process has ended.
    pub fn signal(&self, signal: i32) -> bool {
        self.order(Order::Signal(signal))
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        self.order(Order::Resize(cols, rows));
    }

    /// Nobody wants the rest of a stream: it no longer holds the process up.
    pub fn discard(&self, stream: Stream) {
        let mut output = self.output(stream);
        let mut size = std::mem::take(&mut output.left).len();
        output.arriving.close();
        while let Ok(bytes) = output.arriving.try_recv() {
            size += bytes.len();
        }
        drop(output);
        self.order(Order::Took(size));
    }

    fn order(&self, order: Order) -> bool {
        self.orders.send(order).is_ok()
    }
}

impl Output {
    /// What waits is joined: a process that prints line by line costs no call for each.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut parts = VecDeque::new();
        let mut size = 0;
        if !self.left.is_empty() {
            size = self.left.len();
            parts.push_back(std::mem::take(&mut self.left));
        }
        while size < READ {
            match self.arriving.poll_recv(cx) {
                Poll::Ready(Some(bytes)) => {
                    size += bytes.len();
                    parts.push_back(bytes);
                }
                Poll::Ready(None) if parts.is_empty() => return Poll::Ready(None),
                Poll::Pending if parts.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        let mut all = joined(parts, size);
        self.left = all.split_off(all.len().min(READ));
        Poll::Ready(Some(all))
    }
}

fn joined(mut parts: VecDeque<Bytes>, size: usize) -> Bytes {
    if parts.len() == 1 {
        return parts.pop_front().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(size);
    parts.iter().for_each(|part| all.extend_from_slice(part));
    all.freeze()
}

impl PumpEnd {
    /// Hands output up; how much of it counts as taken already.
    pub(crate) fn put(&mut self, chunk: Chunk) -> usize {
        let size = chunk.data.len();
        let wanted = self.outputs[index(chunk.stream)].send(chunk.data).is_ok();
        if !wanted || self.draining {
            return size;
        }
        self.untaken += size;
        0
    }

    /// The caller took so much; how much of that is news.
    pub(crate) fn took(&mut self, bytes: usize) -> usize {
        let bytes = bytes.min(self.untaken);
        self.untaken -= bytes;
        bytes
    }

    /// From now on nothing waits for a taker: the process is being killed, so little is to come, or the caller has gone.
    /// What had waited.
    pub(crate) fn drain(&mut self) -> usize {
        self.draining = true;
        std::mem::take(&mut self.untaken)
    }

    pub(crate) fn untaken(&self) -> usize {
        self.untaken
    }
}
