//! Output of a run on its way to JavaScript. One dispatcher carries both streams in order; what has queued up since
//! the last delivery goes in one, and each is awaited, so a slow callback slows the process and none is left when the
//! promise settles.

use bytes::{Bytes, BytesMut};
use computesdk_docker_host::session::{Chunk, Stream};
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::ThreadsafeFunction;
use napi_derive::napi;
use tokio::sync::mpsc::Receiver;

use crate::text::Text;

/// Bytes of one delivery, give or take a chunk: small enough to leave the event loop its turns, and for V8 to put the
/// string among its small objects (up to 128 KiB), which cost no mapping of memory each.
const DELIVERY: usize = 64 * 1024;

/// Some text of one stream.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct Piece {
    pub stderr: bool,
    pub text: Text,
    /// False from the piece on with which the stream passes `maxOutputBytes`.
    pub kept: bool,
}

pub(crate) type ListenerFunction<'env> = Function<'env, FnArgs<(Vec<Piece>,)>, ()>;
type Dispatcher = ThreadsafeFunction<Vec<Piece>, (), FnArgs<(Vec<Piece>,)>, Status, false, true>;

/// The callback of a run, and how much it was given.
pub(crate) struct Listener {
    dispatcher: Dispatcher,
    keep: u64,
    stdout: u64,
    stderr: u64,
}

impl Listener {
    /// `keep`: how much of each stream the result keeps, bytes.
    pub(crate) fn new(function: &ListenerFunction<'_>, keep: u64) -> napi::Result<Self> {
        let dispatcher = function
            .build_threadsafe_function::<Vec<Piece>>()
            .weak::<true>()
            .build_callback(|context| Ok(FnArgs::from((context.value,))))?;
        Ok(Self { dispatcher, keep, stdout: 0, stderr: 0 })
    }

    /// Delivers until the sender is gone. Returns early, which stops the run, when JavaScript can take no more.
    pub(crate) async fn forward(&mut self, mut chunks: Receiver<Chunk>) {
        while let Some(first) = chunks.recv().await {
            let mut pieces = Vec::new();
            for (stream, data) in gather(first, &mut chunks) {
                let kept = self.count(stream, data.len());
                let Ok(text) = Text::decode(data).await else { return };
                pieces.push(Piece { stderr: stream == Stream::Stderr, text, kept });
            }
            if self.dispatcher.call_async_catch(pieces).await.is_err() {
                return;
            }
        }
    }

    fn count(&mut self, stream: Stream, bytes: usize) -> bool {
        let total = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        *total += bytes as u64;
        *total <= self.keep
    }

    /// Whether the pieces of the stream make up all that its result keeps.
    pub(crate) fn has_whole(&self, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => self.stdout <= self.keep,
            Stream::Stderr => self.stderr <= self.keep,
        }
    }
}

/// What has queued up, neighbours of one stream joined. Chunks end where characters do, so joints are safe.
fn gather(first: Chunk, chunks: &mut Receiver<Chunk>) -> Vec<(Stream, Bytes)> {
    let mut size = first.data.len();
    let mut runs = vec![(first.stream, vec![first.data])];
    while size < DELIVERY {
        let Ok(Chunk { stream, data }) = chunks.try_recv() else { break };
        size += data.len();
        match runs.last_mut() {
            Some((last, parts)) if *last == stream => parts.push(data),
            _ => runs.push((stream, vec![data])),
        }
    }
    runs.into_iter().map(|(stream, parts)| (stream, joined(parts))).collect()
}

fn joined(mut parts: Vec<Bytes>) -> Bytes {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut all = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| all.extend_from_slice(part));
    all.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn chunk(stream: Stream, data: &'static str) -> Chunk {
        Chunk { stream, data: Bytes::from_static(data.as_bytes()) }
    }

    #[test]
    fn what_queued_up_is_joined_in_order() {
        let (sender, mut receiver) = mpsc::channel(8);
        for (stream, text) in [(Stream::Stdout, "b"), (Stream::Stderr, "c"), (Stream::Stdout, "d")] {
            sender.try_send(chunk(stream, text)).unwrap();
        }
        let runs = gather(chunk(Stream::Stdout, "a"), &mut receiver);
        let texts: Vec<_> = runs.iter().map(|(stream, data)| (*stream, &data[..])).collect();
        assert_eq!(
            texts,
            [(Stream::Stdout, &b"ab"[..]), (Stream::Stderr, &b"c"[..]), (Stream::Stdout, &b"d"[..])]
        );
    }

    #[test]
    fn a_delivery_has_a_limit() {
        let (sender, mut receiver) = mpsc::channel(8);
        let large = Bytes::from(vec![b'x'; DELIVERY]);
        sender.try_send(Chunk { stream: Stream::Stdout, data: large.clone() }).unwrap();
        let runs = gather(Chunk { stream: Stream::Stdout, data: large }, &mut receiver);
        assert_eq!(runs[0].1.len(), DELIVERY);
        assert!(receiver.try_recv().is_ok());
    }
}
