//! A piece of a process's output, as it travels up from the engine or the agent to the caller. A leaf.

use bytes::Bytes;

/// Where it was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Some bytes, cut anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub stream: Stream,
    pub data: Bytes,
}
