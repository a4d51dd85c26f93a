//! What becomes of a run's output: the head is kept for the result, all of it goes to the callbacks and the live
//! log, cut where characters end.

use bytes::Bytes;

use super::run::Sink;
use super::text::{Cutter, torn};
use crate::session::{Chunk, Stream};
use crate::stream_log::RunLog;

/// Who gets a run's output.
#[derive(Debug)]
pub(super) struct Takers {
    /// Bytes of each stream that the result keeps.
    pub(super) keep: u64,
    /// Keep both streams also in the order of arrival.
    pub(super) in_order: bool,
    pub(super) sink: Option<Sink>,
    pub(super) log: Option<RunLog>,
}

#[derive(Debug)]
pub(super) struct Collector {
    takers: Takers,
    stdout: Kept,
    stderr: Kept,
    both: Option<Kept>,
    complaint: Tail,
    cutters: [Cutter; 2],
}

/// The callbacks want no more: one of them threw.
#[derive(Debug)]
pub(super) struct SinkClosed;

impl Collector {
    pub(super) fn new(takers: Takers) -> Self {
        let both = takers.in_order.then(Kept::default);
        Self {
            takers,
            stdout: Kept::default(),
            stderr: Kept::default(),
            both,
            complaint: Tail::default(),
            cutters: Default::default(),
        }
    }

    pub(super) async fn take(&mut self, chunk: Chunk) -> Result<(), SinkClosed> {
        let keep = self.takers.keep;
        self.kept(chunk.stream).take(&chunk.data, keep);
        if self.takers.in_order && chunk.stream == Stream::Stderr {
            self.complaint.take(&chunk.data);
        }
        if self.both.is_none() && self.takers.sink.is_none() && self.takers.log.is_none() {
            return Ok(());
        }
        let data = self.cutters[index(chunk.stream)].cut(chunk.data);
        self.pass_on(chunk.stream, data).await
    }

    /// After the last chunk: passes on what was held back for the rest of a character.
    pub(super) async fn finish(mut self) -> Collected {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = self.cutters[index(stream)].rest();
            // The process is over: there is nothing left to stop when nobody wants this.
            _ = self.pass_on(stream, rest).await;
        }
        if let Some(log) = &mut self.takers.log {
            log.finish().await;
        }
        Collected {
            stdout: self.stdout,
            stderr: self.stderr,
            both: self.both,
            complaint: self.complaint.into_bytes(),
        }
    }

    async fn pass_on(&mut self, stream: Stream, data: Bytes) -> Result<(), SinkClosed> {
        if data.is_empty() {
            return Ok(());
        }
        let keep = self.takers.keep;
        if let Some(both) = &mut self.both {
            // Cut pieces, so that one stream's character is never torn by the other's.
            both.take(&data, keep.saturating_mul(2));
        }
        if let Some(log) = &mut self.takers.log {
            log.write(stream, &data).await;
        }
        match &self.takers.sink {
            Some(sink) => sink.send(Chunk { stream, data }).await.map_err(|_| SinkClosed),
            None => Ok(()),
        }
    }

    fn kept(&mut self, stream: Stream) -> &mut Kept {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

fn index(stream: Stream) -> usize {
    usize::from(stream == Stream::Stderr)
}

#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) stdout: Kept,
    pub(super) stderr: Kept,
    pub(super) both: Option<Kept>,
    /// The end of stderr, whatever was kept; of runs that keep both in order.
    pub(super) complaint: Bytes,
}

/// The end of a stream, where an interpreter says why it gave up.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    const KEPT: usize = 16 * 1024;

    fn take(&mut self, data: &[u8]) {
        self.0.extend_from_slice(&data[data.len().saturating_sub(Self::KEPT)..]);
        if self.0.len() > 2 * Self::KEPT {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.0.drain(..self.0.len().saturating_sub(Self::KEPT));
    }

    fn into_bytes(mut self) -> Bytes {
        self.cut();
        self.0.into()
    }
}

/// The head of one stream, and how much there was.
#[derive(Debug, Default)]
pub(super) struct Kept {
    head: Vec<u8>,
    pub(super) total: u64,
}

impl Kept {
    /// Keeps what still fits.
    fn take(&mut self, data: &[u8], keep: u64) {
        self.total += data.len() as u64;
        let room = keep.saturating_sub(self.head.len() as u64);
        let fits = data.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        self.head.extend_from_slice(&data[..fits]);
    }

    pub(super) fn is_truncated(&self) -> bool {
        self.total > self.head.len() as u64
    }

    /// The head; where it was cut, not in the middle of a character.
    pub(super) fn into_bytes(mut self) -> Bytes {
        if self.is_truncated() {
            self.head.truncate(self.head.len() - torn(&self.head));
        }
        self.head.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(stream: Stream, data: &'static [u8]) -> Chunk {
        Chunk { stream, data: Bytes::from_static(data) }
    }

    #[tokio::test]
    async fn one_streams_character_is_not_torn_by_the_other() {
        let takers = Takers { keep: 100, in_order: true, sink: None, log: None };
        let mut collector = Collector::new(takers);
        for part in [
            chunk(Stream::Stdout, b"a\xe2\x82"),
            chunk(Stream::Stderr, b"!"),
            chunk(Stream::Stdout, b"\xacb"),
        ] {
            collector.take(part).await.unwrap();
        }
        let Collected { stdout, both, .. } = collector.finish().await;
        assert_eq!(stdout.into_bytes(), "a€b");
        assert_eq!(both.map(Kept::into_bytes).unwrap(), "a!€b");
    }

    #[test]
    fn the_tail_is_the_end_of_what_came() {
        let mut tail = Tail::default();
        let all: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        all.chunks(777).for_each(|part| tail.take(part));
        assert_eq!(tail.into_bytes(), all[all.len() - Tail::KEPT..]);
    }

    #[tokio::test]
    async fn the_head_is_kept_and_all_is_counted() {
        let mut collector = Collector::new(Takers { keep: 4, in_order: false, sink: None, log: None });
        collector.take(chunk(Stream::Stdout, "ab€cd".as_bytes())).await.unwrap();
        let kept = collector.finish().await.stdout;
        assert!(kept.is_truncated());
        assert_eq!((kept.total, kept.into_bytes()), (7, Bytes::from_static(b"ab")));
    }
}
