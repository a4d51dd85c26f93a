//! What host and agent say to each other over the agent's stdin and stdout: frames and the messages in them.
//!
//! Pure encode and decode: no I/O, no clock, no process. The host allots request ids; every request has exactly
//! one end (`Exited`, `Done` or `Failed`). Changing anything here changes [`VERSION`].

mod file;
mod frame;
mod message;
mod watch;

pub use file::{
    Depth, FileDetail, FileKind, FileReply, FileRequest, FileStat, Links, Placed, ReadPart, WriteStart,
    WriteTo,
};
pub use frame::{Decoder, Frame, HEADER_LEN, MAX_PAYLOAD};
pub use message::{
    Bulk, EntryKind, Exited, Failed, FileEntry, Hello, Input, KillProcess, Op, ProcessEntry, ReadDir,
    ReadLog, Run, Spawn, Started, Terminal, TerminalSize, ToAgent, ToHost, WriteFile,
};
pub use watch::{WatchEvent, WatchKind};

/// Version of the wire. The first frame each way carries it; a difference ends the session.
pub const VERSION: u16 = 1;

/// Bytes of input (host to agent) that a request may have under way before the other side grants more with `Credit`.
pub const INPUT_WINDOW: usize = 8 * CHUNK;

/// The same of output (agent to host). Larger: the engine's hops are slower to bring the credit back than the bytes.
pub const OUTPUT_WINDOW: usize = 32 * CHUNK;

/// The largest `Stdout`, `Stderr`, `Stdin` or `Data` payload that either side sends: with its header 32 KiB, which is
/// what the engine and containerd copy at a time, so that a flood costs them no odd pieces.
pub const CHUNK: usize = 32 * 1024 - HEADER_LEN;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProtocolError {
    #[error("frame of {length} bytes is over the limit of {MAX_PAYLOAD}")]
    TooLong { length: usize },
    #[error("unknown frame kind {kind}")]
    UnknownKind { kind: u8 },
    #[error("malformed {kind} message")]
    Malformed { kind: &'static str },
}
