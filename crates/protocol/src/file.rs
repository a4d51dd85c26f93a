//! Requests on files beyond the first six, and what answers them. One frame kind each way holds them all. Paths are
//! bytes, as the system has them; relative ones start at the sandbox's workdir.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileRequest {
    /// Answered by `Stat` and `Done`.
    Stat { path: Vec<u8>, links: Links },
    /// Answered by `Details` and `Done`: the entries of one folder, links as what they are.
    List { path: Vec<u8> },
    /// As rename(2).
    Rename { from: Vec<u8>, to: Vec<u8> },
    /// One regular file with its permission bits; what the other one held is replaced.
    Copy { from: Vec<u8>, to: Vec<u8> },
    /// Permission bits; follows links.
    Chmod { path: Vec<u8>, mode: u32 },
    /// A symbolic link that holds `target`.
    Link { target: Vec<u8>, path: Vec<u8> },
    /// One folder, as mkdir(2).
    MakeFolder { path: Vec<u8> },
    /// `Data`s, then `Done`.
    Read(ReadPart),
    /// `Data` frames and `DataEnd` follow.
    Write(WriteTo),
    /// Where another writer can put new content of a file. Answered by `Placed`: the request then stays under way until
    /// `DataEnd` (the content is there) or `Cancel`; or by `Done` alone: there is no such place, send the content here.
    Place { path: Vec<u8> },
    /// `Watching` once it has begun, then `Data`s of [`crate::WatchEvent`]s as they happen, until `Cancel`.
    Watch { path: Vec<u8>, depth: Depth },
    /// Where another reader finds a file that this user may read. Answered by `Located` and `Done`, or by `Done` alone: only
    /// the agent reaches it.
    Locate { path: Vec<u8> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Links {
    Follow,
    Keep,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPart {
    pub path: Vec<u8>,
    pub from: u64,
    /// `None`: to the end.
    pub length: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteTo {
    pub path: Vec<u8>,
    /// Permission bits that the file has in the end; `None`: as it has them, or as the umask gives them.
    pub mode: Option<u32>,
    pub start: WriteStart,
    /// `Keep`: a link in the place of the file is `ELOOP`.
    pub links: Links,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteStart {
    /// What the file held is replaced.
    Replace,
    Append,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Depth {
    Folder,
    Tree,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileReply {
    Stat(FileStat),
    Details(Vec<FileDetail>),
    Placed(Placed),
    Watching,
    /// The path without links.
    Located {
        path: Vec<u8>,
        stat: FileStat,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    File,
    Directory,
    Link,
    /// A FIFO, a socket, a device.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    pub kind: FileKind,
    pub size: u64,
    /// Permission bits, with set-id and sticky.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Milliseconds since 1970: content changed, read, anything changed.
    pub modified_ms: i64,
    pub accessed_ms: i64,
    pub changed_ms: i64,
    /// What a link holds.
    pub target: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDetail {
    pub name: Vec<u8>,
    pub stat: FileStat,
    /// What a link leads to, if anywhere.
    pub behind: Option<FileStat>,
}

/// The folder and name for the new content, and what the file that the writer makes there is to be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    pub folder: Vec<u8>,
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    /// Its time of change in seconds since 1970: by that the agent knows it again.
    pub stamp: u32,
}
