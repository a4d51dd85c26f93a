//! The typed meaning of a frame. Small messages are postcard, bulk bytes are raw.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{FileReply, FileRequest, Frame, ProtocolError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub version: u16,
}

/// Start a process. `argv[0]` is looked up in the PATH of the command's environment when it has no slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub argv: Vec<String>,
    /// Set over the agent's own environment.
    pub env: Vec<(String, String)>,
    /// Relative paths start at the sandbox's workdir; `None` is the workdir.
    pub cwd: Option<String>,
    /// Without: stdin is empty. With: `Stdin` frames and `StdinEnd` follow.
    pub stdin: bool,
    /// Background: stdin is empty, output is kept by the agent (`ReadLog`), the request ends with `Started` and `Done`,
    /// and the process outlives the session.
    pub background: bool,
}

/// Start a process that is watched over: `Started` comes first, then all goes on as for `Run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// Never in the background.
    pub run: Run,
    /// Its stdio is a terminal of its own; all it prints is `Stdout`.
    pub terminal: Option<Terminal>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    pub size: TerminalSize,
    /// Environment for what neither the agent's own nor the command's has.
    pub defaults: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    pub cols: u16,
    pub rows: u16,
}

/// Send a signal to a process and all that descends from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillProcess {
    pub pid: u32,
    pub signal: i32,
}

/// What a background command has printed, as far as it is kept: `Stdout` and `Stderr`, then `Done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadLog {
    pub pid: u32,
    /// Goes on until the command has ended.
    pub follow: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEntry {
    pub pid: u32,
    pub parent: u32,
    /// The kernel's letter: `R`, `S`, `D`, `T`, `t`, `Z`, `I` …
    pub state: u8,
    /// The command line, its words divided by spaces.
    pub command: Vec<u8>,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    /// Processor time used, user and system.
    pub cpu_ms: u64,
    /// Bytes of resident memory.
    pub memory: u64,
    /// It is the first process of a background command.
    pub background: bool,
}

/// Create or truncate a file, with missing parent folders; `Data` frames and `DataEnd` follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFile {
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadDir {
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub pid: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exited {
    Code(i32),
    Signal(i32),
}

/// What the system refused: the system call, its error number and the path it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    pub errno: i32,
    pub op: Op,
    pub path: String,
}

/// The step that failed; [`Op::syscall`] is the name Node.js would give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    Open,
    Read,
    Write,
    Close,
    Mkdir,
    ReadDir,
    Stat,
    Remove,
    Chdir,
    Fork,
    Exec,
    Kill,
    Wait,
    Terminal,
    Rename,
    Copy,
    Chmod,
    Link,
    Watch,
}

impl Op {
    pub fn syscall(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Close => "close",
            Self::Mkdir => "mkdir",
            Self::ReadDir => "scandir",
            Self::Stat => "stat",
            Self::Remove => "rm",
            Self::Chdir => "chdir",
            Self::Fork => "fork",
            Self::Exec => "execve",
            Self::Kill => "kill",
            Self::Wait => "waitpid",
            Self::Terminal => "openpty",
            Self::Rename => "rename",
            Self::Copy => "copyfile",
            Self::Chmod => "chmod",
            Self::Link => "symlink",
            Self::Watch => "watch",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// As it is in the folder, whatever its encoding.
    pub name: Vec<u8>,
    pub kind: EntryKind,
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
}

/// A link is what it points to; a broken one, a device, a socket or a FIFO counts as `File`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    File,
    Directory,
}

/// From host to agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToAgent {
    Hello(Hello),
    Run(Run),
    Stdin(Vec<u8>),
    StdinEnd,
    /// Kill the command's whole process tree with SIGKILL; its `Exited` still follows.
    Kill,
    /// The host took so many bytes of the request's output: that many more may be sent.
    Credit(u32),
    ReadFile(String),
    WriteFile(WriteFile),
    Data(Vec<u8>),
    DataEnd,
    Mkdir(String),
    ReadDir(ReadDir),
    Exists(String),
    Remove(String),
    Ping,
    /// The host no longer wants the answer of a file request: it ends with `Done` at once. A command is killed.
    Cancel,
    Spawn(Spawn),
    /// Send a signal to the request's whole process tree.
    Signal(i32),
    /// The request's terminal has another size.
    Resize(TerminalSize),
    ListProcesses,
    KillProcess(KillProcess),
    /// Answers `Exited` when the background command of this pid has ended, or did before.
    WaitProcess(u32),
    ReadLog(ReadLog),
    File(FileRequest),
    /// The sandbox has left its pool: PID 1 is to be told.
    HandOut,
}

/// From agent to host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToHost {
    Hello(Hello),
    Started(Started),
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    Exited(Exited),
    /// The agent took so many bytes of the request's input: that many more may be sent.
    Credit(u32),
    Data(Vec<u8>),
    Entries(Vec<FileEntry>),
    Found(bool),
    Done,
    Failed(Failed),
    Processes(Vec<ProcessEntry>),
    File(FileReply),
}

/// The messages to the host that are nothing but bytes, to be encoded from where the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    Stdout,
    Stderr,
    Data,
}

impl Bulk {
    /// Appends the message's frame to `out`.
    pub fn encode(self, id: u32, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let kind = match self {
            Self::Stdout => 2,
            Self::Stderr => 3,
            Self::Data => 6,
        };
        Frame::encode(id, kind, bytes, out)
    }
}

/// The messages to the agent that are nothing but bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    Stdin,
    Data,
}

impl Input {
    /// Appends the message's frame to `out`.
    pub fn encode(self, id: u32, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        let kind = match self {
            Self::Stdin => 2,
            Self::Data => 8,
        };
        Frame::encode(id, kind, bytes, out)
    }
}

impl ToAgent {
    /// Appends the message's frame to `out`.
    pub fn encode(&self, id: u32, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        match self {
            Self::Hello(m) => put(id, 0, m, out),
            Self::Run(m) => put(id, 1, m, out),
            Self::Stdin(bytes) => Input::Stdin.encode(id, bytes, out),
            Self::StdinEnd => Frame::encode(id, 3, &[], out),
            Self::Kill => Frame::encode(id, 4, &[], out),
            Self::Credit(bytes) => put(id, 5, bytes, out),
            Self::ReadFile(path) => put(id, 6, path, out),
            Self::WriteFile(m) => put(id, 7, m, out),
            Self::Data(bytes) => Input::Data.encode(id, bytes, out),
            Self::DataEnd => Frame::encode(id, 9, &[], out),
            Self::Mkdir(path) => put(id, 10, path, out),
            Self::ReadDir(m) => put(id, 11, m, out),
            Self::Exists(path) => put(id, 12, path, out),
            Self::Remove(path) => put(id, 13, path, out),
            Self::Ping => Frame::encode(id, 14, &[], out),
            Self::Cancel => Frame::encode(id, 15, &[], out),
            Self::Spawn(m) => put(id, 16, m, out),
            Self::Signal(signal) => put(id, 17, signal, out),
            Self::Resize(m) => put(id, 18, m, out),
            Self::ListProcesses => Frame::encode(id, 19, &[], out),
            Self::KillProcess(m) => put(id, 20, m, out),
            Self::WaitProcess(pid) => put(id, 21, pid, out),
            Self::ReadLog(m) => put(id, 22, m, out),
            Self::File(m) => put(id, 23, m, out),
            Self::HandOut => Frame::encode(id, 24, &[], out),
        }
    }

    pub fn decode(frame: Frame) -> Result<Self, ProtocolError> {
        Ok(match frame.kind {
            0 => Self::Hello(take(&frame, "hello")?),
            1 => Self::Run(take(&frame, "run")?),
            2 => Self::Stdin(frame.payload),
            3 => empty(&frame, "stdin end", Self::StdinEnd)?,
            4 => empty(&frame, "kill", Self::Kill)?,
            5 => Self::Credit(take(&frame, "credit")?),
            6 => Self::ReadFile(take(&frame, "read file")?),
            7 => Self::WriteFile(take(&frame, "write file")?),
            8 => Self::Data(frame.payload),
            9 => empty(&frame, "data end", Self::DataEnd)?,
            10 => Self::Mkdir(take(&frame, "mkdir")?),
            11 => Self::ReadDir(take(&frame, "read dir")?),
            12 => Self::Exists(take(&frame, "exists")?),
            13 => Self::Remove(take(&frame, "remove")?),
            14 => empty(&frame, "ping", Self::Ping)?,
            15 => empty(&frame, "cancel", Self::Cancel)?,
            16 => Self::Spawn(take(&frame, "spawn")?),
            17 => Self::Signal(take(&frame, "signal")?),
            18 => Self::Resize(take(&frame, "resize")?),
            19 => empty(&frame, "list processes", Self::ListProcesses)?,
            20 => Self::KillProcess(take(&frame, "kill process")?),
            21 => Self::WaitProcess(take(&frame, "wait process")?),
            22 => Self::ReadLog(take(&frame, "read log")?),
            23 => Self::File(take(&frame, "file request")?),
            24 => empty(&frame, "hand out", Self::HandOut)?,
            kind => return Err(ProtocolError::UnknownKind { kind }),
        })
    }
}

impl ToHost {
    /// Appends the message's frame to `out`.
    pub fn encode(&self, id: u32, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
        match self {
            Self::Hello(m) => put(id, 0, m, out),
            Self::Started(m) => put(id, 1, m, out),
            Self::Stdout(bytes) => Bulk::Stdout.encode(id, bytes, out),
            Self::Stderr(bytes) => Bulk::Stderr.encode(id, bytes, out),
            Self::Exited(m) => put(id, 4, m, out),
            Self::Credit(bytes) => put(id, 5, bytes, out),
            Self::Data(bytes) => Bulk::Data.encode(id, bytes, out),
            Self::Entries(m) => put(id, 7, m, out),
            Self::Found(m) => put(id, 8, m, out),
            Self::Done => Frame::encode(id, 9, &[], out),
            Self::Failed(m) => put(id, 10, m, out),
            Self::Processes(m) => put(id, 11, m, out),
            Self::File(m) => put(id, 12, m, out),
        }
    }

    pub fn decode(frame: Frame) -> Result<Self, ProtocolError> {
        Ok(match frame.kind {
            0 => Self::Hello(take(&frame, "hello")?),
            1 => Self::Started(take(&frame, "started")?),
            2 => Self::Stdout(frame.payload),
            3 => Self::Stderr(frame.payload),
            4 => Self::Exited(take(&frame, "exited")?),
            5 => Self::Credit(take(&frame, "credit")?),
            6 => Self::Data(frame.payload),
            7 => Self::Entries(take(&frame, "entries")?),
            8 => Self::Found(take(&frame, "found")?),
            9 => empty(&frame, "done", Self::Done)?,
            10 => Self::Failed(take(&frame, "failed")?),
            11 => Self::Processes(take(&frame, "processes")?),
            12 => Self::File(take(&frame, "file reply")?),
            kind => return Err(ProtocolError::UnknownKind { kind }),
        })
    }
}

fn put<T: Serialize>(id: u32, kind: u8, message: &T, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
    let payload =
        postcard::to_allocvec(message).map_err(|_| ProtocolError::Malformed { kind: "outgoing" })?;
    Frame::encode(id, kind, &payload, out)
}

fn take<T: DeserializeOwned>(frame: &Frame, kind: &'static str) -> Result<T, ProtocolError> {
    match postcard::take_from_bytes(&frame.payload) {
        Ok((value, [])) => Ok(value),
        _ => Err(ProtocolError::Malformed { kind }),
    }
}

fn empty<T>(frame: &Frame, kind: &'static str, message: T) -> Result<T, ProtocolError> {
    if frame.payload.is_empty() { Ok(message) } else { Err(ProtocolError::Malformed { kind }) }
}
