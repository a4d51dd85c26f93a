//! One file at a time into and out of a container by the archive API, its content as it comes: the engine works on the
//! container's file system itself.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper::header::CONTENT_TYPE;

use super::container::{is_gone, not_found, path};
use super::engine::Engine;
use super::failure::{Cause, Failure};
use super::names::encode;
use super::raw::{RawRequest, RawStream};
use super::wire::{Reading, Wait};
use crate::error::{Error, Result};

const BLOCK: usize = 512;
/// Of what comes before a file's own header.
const LONGEST_HEADER: u64 = 64 * 1024;
/// An upload may take longer by this for each MiB.
const PER_MIB: Duration = Duration::from_secs(1);

/// A regular file to be made.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// In its folder.
    pub name: String,
    pub size: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970.
    pub modified: u64,
}

impl Engine {
    /// Makes a file in a folder of the container. Content that ends before `size` leaves a part of the file behind, and
    /// is an error of the engine's; it answers once it has stopped writing.
    pub async fn put_file<S>(&self, id: &str, folder: &str, file: &NewFile, content: S) -> Result<()>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let action = || format!("write files to {folder} of container {id}");
        let tar = tar_of(file, content).map_err(|error| Failure::unreadable("no archive", error));
        let tar = tar.map_err(|failure| failure.during(action()))?;
        let body = StreamBody::new(tar.map(|bytes| Ok::<_, Cause>(Frame::data(bytes)))).boxed_unsync();
        let uri = format!("{}?path={}", path(id, "/archive")?, encode(folder));
        let request = Request::put(uri).header(CONTENT_TYPE, "application/x-tar").body(body);
        let request = request.map_err(|error| Failure::unreadable("no request", error).during(action()))?;
        let mib = u32::try_from(file.size >> 20).unwrap_or(u32::MAX);
        let wait = Wait::OrdinaryPlus(PER_MIB.saturating_mul(mib));
        match self.upload(request, wait).await {
            Ok(()) => Ok(()),
            Err(failure) if failure.status() == Some(404) && is_gone(&failure) => Err(not_found(id)),
            Err(failure) => Err(failure.during(action())),
        }
    }

    async fn upload(&self, request: Request<super::wire::Body>, wait: Wait) -> Result<(), Failure> {
        let response = self.wire().forward(request, self.wire().limit(wait)).await?;
        let status = response.status();
        let mut answer: Reading = self.wire().reading(response, Wait::Ordinary);
        let body = answer.all().await?;
        if status.is_success() { Ok(()) } else { Err(Failure::refused(status.as_u16(), &body)) }
    }
}

/// A file of a container on its way out.
#[derive(Debug)]
pub struct ArchivedFile {
    pub size: u64,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// Seconds since 1970.
    pub modified: u64,
    arriving: RawStream,
    kept: BytesMut,
    left: u64,
}

impl ArchivedFile {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.kept.is_empty() && self.left > 0 {
            match self.arriving.next().await.transpose()? {
                Some(more) if self.left >= more.len() as u64 => {
                    self.left -= more.len() as u64;
                    return Ok(Some(more));
                }
                Some(more) => self.kept.extend_from_slice(&more),
                None => return Err(broken("it ended in the middle of a file")),
            }
        }
        let piece = self.kept.split_to(self.kept.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)));
        self.left -= piece.len() as u64;
        Ok((!piece.is_empty()).then(|| piece.freeze()))
    }
}

fn broken(what: &str) -> Error {
    Failure::Unreadable { message: format!("the archive is not Docker's: {what}"), source: None }
        .during("read a file of a container")
}

impl Engine {
    /// A regular file by its path, which must lead through no link; `None` when there is none.
    pub async fn get_file(&self, id: &str, file: &str) -> Result<Option<ArchivedFile>> {
        let request = RawRequest::get(path(id, "/archive")?).query("path", file);
        let mut arriving = self.request_stream(request).await?;
        if arriving.status != 200 {
            return Ok(None);
        }
        let mut kept = BytesMut::new();
        loop {
            fill(&mut arriving, &mut kept, BLOCK).await?;
            let block = kept.split_to(BLOCK);
            let header = tar::Header::from_byte_slice(&block);
            let size = number(header.entry_size())?;
            match header.entry_type() {
                tar::EntryType::Regular | tar::EntryType::Continuous => {
                    return Ok(Some(ArchivedFile {
                        size,
                        mode: number(header.mode())?,
                        uid: number(header.uid())?,
                        gid: number(header.gid())?,
                        modified: number(header.mtime())?,
                        arriving,
                        kept,
                        left: size,
                    }));
                }
                // What comes before a file with a long name.
                tar::EntryType::XHeader | tar::EntryType::XGlobalHeader | tar::EntryType::GNULongName
                    if size <= LONGEST_HEADER =>
                {
                    let length = (size as usize).next_multiple_of(BLOCK);
                    fill(&mut arriving, &mut kept, length).await?;
                    _ = kept.split_to(length);
                }
                _ => return Ok(None),
            }
        }
    }
}

fn number<T>(field: std::io::Result<T>) -> Result<T> {
    field.map_err(|error| broken(&error.to_string()))
}

async fn fill(arriving: &mut RawStream, kept: &mut BytesMut, length: usize) -> Result<()> {
    while kept.len() < length {
        match arriving.next().await.transpose()? {
            Some(more) => kept.extend_from_slice(&more),
            None => return Err(broken("it ended too early")),
        }
    }
    Ok(())
}

/// The archive in pieces; the content is passed on as it is.
fn tar_of<S>(file: &NewFile, content: S) -> std::io::Result<impl Stream<Item = Bytes> + Send + 'static>
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let mut header = tar::Header::new_gnu();
    header.set_path(&file.name)?;
    header.set_size(file.size);
    header.set_mode(file.mode);
    header.set_uid(file.uid.into());
    header.set_gid(file.gid.into());
    header.set_mtime(file.modified);
    header.set_cksum();
    let head = Bytes::copy_from_slice(header.as_bytes());
    let padding = (BLOCK - (file.size % BLOCK as u64) as usize) % BLOCK;
    let tail = Bytes::from(vec![0; padding + 2 * BLOCK]);
    // Without all of the content there is no tail: nobody is to take the archive for whole.
    let pieces = content.map(Some).chain(stream::once(async { None }));
    let rest = pieces.scan(file.size, move |missing, piece| {
        let next = match piece {
            Some(piece) => missing.checked_sub(piece.len() as u64).map(|left| {
                *missing = left;
                piece
            }),
            None => (*missing == 0).then(|| tail.clone()),
        };
        std::future::ready(next)
    });
    Ok(stream::once(async move { head }).chain(rest))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    async fn archive(size: u64, pieces: &[&'static [u8]]) -> Vec<u8> {
        let file = NewFile { name: "f".to_owned(), size, mode: 0o640, uid: 7, gid: 8, modified: 9 };
        let content = stream::iter(pieces.iter().map(|piece| Bytes::from_static(piece)).collect::<Vec<_>>());
        tar_of(&file, content).unwrap().collect::<Vec<_>>().await.concat()
    }

    #[tokio::test]
    async fn the_archive_holds_the_file() {
        let bytes = archive(5, &[b"he", b"", b"llo"]).await;
        assert_eq!(bytes.len() % BLOCK, 0);
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        let header = entry.header();
        let facts =
            (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
        assert_eq!((content.as_str(), facts), ("hello", (0o640, 7, 8, 9)));
    }

    #[tokio::test]
    async fn content_of_another_size_makes_no_whole_archive() {
        assert_eq!(archive(5, &[b"hell"]).await.len(), BLOCK + 4);
        assert_eq!(archive(5, &[b"hello", b"!"]).await.len(), BLOCK + 5);
    }
}
