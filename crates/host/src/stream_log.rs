//! `streamLogs`: pull progress and everything that runs, live on the host's stderr, each line led by the short
//! sandbox id.

use bytes::BytesMut;
use tokio::io::AsyncWriteExt as _;

use crate::session::Stream;

/// A line without an end is written when it gets this long.
const LONGEST: usize = 64 * 1024;

/// Output of one run.
#[derive(Debug)]
pub(crate) struct RunLog {
    prefix: String,
    pending: [BytesMut; 2],
}

impl RunLog {
    pub(crate) fn new(id: &str) -> Self {
        Self { prefix: format!("[{}] ", id.get(..12).unwrap_or(id)), pending: Default::default() }
    }

    pub(crate) fn of_build(template: &str) -> Self {
        Self { prefix: format!("[build {template}] "), pending: Default::default() }
    }

    pub(crate) async fn write(&mut self, stream: Stream, data: &[u8]) {
        let pending = &mut self.pending[usize::from(stream == Stream::Stderr)];
        pending.extend_from_slice(data);
        let mut lines = Vec::new();
        while let Some(end) = line_end(pending) {
            push_line(&mut lines, &self.prefix, &pending.split_to(end));
        }
        put(&lines).await;
    }

    /// Writes the last line of each stream where it had no end.
    pub(crate) async fn finish(&mut self) {
        let mut lines = Vec::new();
        for pending in &mut self.pending {
            if !pending.is_empty() {
                push_line(&mut lines, &self.prefix, &pending.split());
            }
        }
        put(&lines).await;
    }
}

fn line_end(pending: &[u8]) -> Option<usize> {
    let end = pending.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    end.or((pending.len() >= LONGEST).then_some(LONGEST))
}

fn push_line(lines: &mut Vec<u8>, prefix: &str, line: &[u8]) {
    lines.extend_from_slice(prefix.as_bytes());
    lines.extend_from_slice(line);
    if line.last() != Some(&b'\n') {
        lines.push(b'\n');
    }
}

async fn put(lines: &[u8]) {
    if !lines.is_empty() {
        let mut stderr = tokio::io::stderr();
        // A host whose stderr is closed goes without the log.
        _ = stderr.write_all(lines).await;
        _ = stderr.flush().await;
    }
}
