//! Runs processes and touches files in one sandbox, for one user. Two kinds: over the agent, and over plain Docker
//! execs. Knows no JavaScript, no config and no result shape; the sandbox above owns it, its clock and its output.

pub mod agent;
pub mod exec;
pub mod live;
pub mod processes;
pub mod signals;
mod system;

use bytes::Bytes;
pub use computesdk_docker_protocol::{
    Depth, FileDetail, FileKind, FileStat, Links, ReadPart, WatchEvent, WatchKind, WriteStart, WriteTo,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use crate::chunk::{Chunk, Stream};
use crate::error::Result;
use live::{Live, Pump, Screen};
use processes::ProcessInfo;
pub(crate) use system::refused_as;

/// A process to start.
#[derive(Debug, Clone, Default)]
pub struct Process {
    pub argv: Vec<String>,
    /// Set over the container's own environment.
    pub env: Vec<(String, String)>,
    /// Relative paths start at the sandbox's workdir; `None` is the workdir.
    pub cwd: Option<String>,
    /// `None`: stdin is empty.
    pub stdin: Option<Bytes>,
}

/// Where a session puts output as it arrives. Bounded: a slow taker slows the process.
pub type Output = mpsc::Sender<Chunk>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; 128 + n after signal n.
    pub code: i32,
}

/// How far a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogReading {
    WhatIsThere,
    Follow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Directory,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Non-UTF-8 bytes are replaced.
    pub name: String,
    pub kind: EntryKind,
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
}

/// One live channel into a sandbox.
#[derive(Debug)]
pub enum Session {
    Agent(agent::AgentSession),
    Exec(exec::ExecSession),
}

macro_rules! either {
    ($self:ident, $session:ident => $call:expr) => {
        match $self {
            Session::Agent($session) => $call,
            Session::Exec($session) => $call,
        }
    };
}

impl Session {
    /// Runs to the end. When `stop` is cancelled, the whole process tree is killed and the call still answers with
    /// the exit that followed; the caller knows why it cancelled. Every chunk has been sent before it returns.
    pub async fn run(&self, process: Process, stop: &CancellationToken, output: &Output) -> Result<Exit> {
        either!(self, s => s.run(process, stop, output).await)
    }

    /// Starts a process that outlives the session, stdio on `/dev/null`; answers its pid in the container.
    pub async fn start(&self, process: Process) -> Result<u32> {
        either!(self, s => s.start(process).await)
    }

    /// Starts a process whose streams the caller holds. Both ends are to be kept: the pump moves the streams, tells the
    /// exit, and dropped kills the process.
    pub async fn spawn(&self, process: Process, screen: Option<Screen>) -> Result<(Live, Pump)> {
        match (self, screen) {
            (Self::Agent(session), screen) => session.spawn(process, screen).await,
            (Self::Exec(session), None) => session.spawn(process).await,
            (Self::Exec(session), Some(_)) => session.without_agent("a terminal"),
        }
    }

    pub async fn list_processes(&self) -> Result<Vec<ProcessInfo>> {
        either!(self, s => s.list_processes().await)
    }

    /// Sends a signal to a process and all that descends from it.
    pub async fn kill_process(&self, pid: u32, signal: i32) -> Result<()> {
        either!(self, s => s.kill_process(pid, signal).await)
    }

    /// The end of a background command, whoever started it.
    pub async fn wait_process(&self, pid: u32) -> Result<Exit> {
        match self {
            Self::Agent(session) => session.wait_process(pid).await,
            Self::Exec(session) => session.without_agent("waiting for a background command"),
        }
    }

    /// What a background command has printed, as far as it is kept, and what comes when following.
    pub async fn read_log(&self, pid: u32, reading: LogReading, output: &Output) -> Result<()> {
        match self {
            Self::Agent(session) => session.read_log(pid, reading == LogReading::Follow, output).await,
            Self::Exec(session) => session.without_agent("the log of a background command"),
        }
    }

    pub async fn read_file(&self, path: &str) -> Result<Bytes> {
        either!(self, s => s.read_file(path).await)
    }

    /// Makes missing parent folders; replaces what the file held.
    pub async fn write_file(&self, path: &str, content: Bytes) -> Result<()> {
        either!(self, s => s.write_file(path, content).await)
    }

    /// With parents; an existing folder is fine.
    pub async fn mkdir(&self, path: &str) -> Result<()> {
        either!(self, s => s.mkdir(path).await)
    }

    /// Sorted by name.
    pub async fn read_dir(&self, path: &str) -> Result<Vec<Entry>> {
        either!(self, s => s.read_dir(path).await)
    }

    /// Follows links; false when any part of the path is missing.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        either!(self, s => s.exists(path).await)
    }

    /// Recursive, never through a link; a missing path is fine.
    pub async fn remove(&self, path: &str) -> Result<()> {
        either!(self, s => s.remove(path).await)
    }

    pub async fn stat(&self, path: &str, links: Links) -> Result<FileStat> {
        match self {
            Self::Agent(session) => session.stat(path.as_bytes(), links).await,
            Self::Exec(session) => session.stat(path, links).await,
        }
    }

    /// Permission bits; follows links.
    pub async fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        match self {
            Self::Agent(session) => session.chmod(path.as_bytes(), mode).await,
            Self::Exec(session) => session.chmod(path, mode).await,
        }
    }

    /// The agent, for what only that can do.
    pub fn agent(&self) -> Option<&agent::AgentSession> {
        match self {
            Self::Agent(session) => Some(session),
            Self::Exec(_) => None,
        }
    }

    /// False once the channel is gone: the sandbox then opens a new session.
    pub fn is_open(&self) -> bool {
        either!(self, s => s.is_open())
    }
}
