//! What goes on after the call that began it: files in pieces, transfers, watches. `lib/` makes streams of them, and asks
//! for one piece after another.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use computesdk_docker_host::sandbox::{FileWatch, ReadStream, Sandbox, Transfer, Transferred, WriteStream};
use computesdk_docker_host::session::{Depth, Links, ReadPart, WatchEvent, WatchKind, WriteStart, WriteTo};
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw, Uint8ArraySlice};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::call::{self, promise, unless_cancelled};
use crate::cancel::Cancel;
use crate::outcome::{Answer, Outcome};
use crate::sandbox::NativeSandbox;

/// Something that one call at a time works with, until it is closed.
#[derive(Debug)]
struct Slot<T> {
    /// Taken out while a call is under way.
    held: Arc<Mutex<Option<T>>>,
    closed: CancellationToken,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), closed: self.closed.clone() }
    }
}

impl<T> Slot<T> {
    fn new(env: &Env, value: T) -> napi::Result<Self> {
        Ok(Self { held: Arc::new(Mutex::new(Some(value))), closed: call::scope(env)? })
    }

    fn take(&self) -> Option<T> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put_back(&self, value: T) {
        if !self.closed.is_cancelled() {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
    }

    fn close(&self) {
        self.closed.cancel();
        drop(self.take());
    }

    /// `work`, unless it is closed meanwhile. Boxed: each layer around it would hold it twice, and what is large on the
    /// stack leaves V8 none.
    async fn during<A>(&self, work: Pin<Box<dyn Future<Output = Answer<A>> + Send + '_>>) -> Answer<A> {
        unless_cancelled(self.closed.clone(), work).await
    }
}

/// Opened when it is first read.
#[derive(Debug)]
enum Reading {
    Wanted(Sandbox, ReadPart),
    Open(ReadStream),
}

#[napi]
#[derive(Debug)]
pub struct NativeReader {
    slot: Slot<Reading>,
}

#[napi]
impl NativeReader {
    /// The next bytes; null at the end.
    #[napi(catch_unwind)]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<Option<Buffer>>>> {
        let slot = self.slot.clone();
        promise(env, async move {
            let Some(reading) = slot.take() else { return Ok(None) };
            let next = async {
                let mut stream = match reading {
                    Reading::Wanted(sandbox, part) => sandbox.open_reader(part).await?,
                    Reading::Open(stream) => stream,
                };
                let bytes = stream.next().await?;
                Ok((stream, bytes))
            };
            let (stream, bytes) = slot.during(Box::pin(next)).await?;
            if bytes.is_some() {
                slot.put_back(Reading::Open(stream));
            }
            Ok(bytes.map(|bytes| Buffer::from(Vec::from(bytes))))
        })
    }

    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.slot.close();
    }
}

#[derive(Debug)]
enum Writing {
    Wanted(Sandbox, WriteTo),
    Open(WriteStream),
}

impl Writing {
    async fn opened(self) -> Answer<WriteStream> {
        Ok(match self {
            Self::Wanted(sandbox, to) => sandbox.open_writer(to).await?,
            Self::Open(stream) => stream,
        })
    }
}

#[napi]
#[derive(Debug)]
pub struct NativeWriter {
    slot: Slot<Writing>,
}

#[napi]
impl NativeWriter {
    #[napi(catch_unwind)]
    pub fn open<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        self.go_on(env, Bytes::new())
    }

    /// Copies `content` before it returns. Answers when there is room for more.
    #[napi(catch_unwind)]
    pub fn write<'env>(
        &self,
        env: &'env Env,
        content: Uint8ArraySlice<'_>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        self.go_on(env, Bytes::copy_from_slice(&content))
    }

    /// Answers when everything is in the file.
    #[napi(catch_unwind)]
    pub fn finish<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let slot = self.slot.clone();
        promise(env, async move {
            let Some(writing) = slot.take() else { return Ok(()) };
            slot.during(Box::pin(async { writing.opened().await?.finish().await.map_err(Into::into) })).await
        })
    }

    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.slot.close();
    }

    fn go_on<'env>(&self, env: &'env Env, content: Bytes) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let slot = self.slot.clone();
        promise(env, async move {
            let Some(writing) = slot.take() else { return Ok(()) };
            let written = async {
                let mut stream = writing.opened().await?;
                stream.write(content).await?;
                Ok(stream)
            };
            let stream = slot.during(Box::pin(written)).await?;
            slot.put_back(Writing::Open(stream));
            Ok(())
        })
    }
}

/// How far a transfer is.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsTransferred {
    pub done: bool,
    pub bytes: f64,
    pub total_bytes: Option<f64>,
    pub files: f64,
    pub skipped: Vec<String>,
}

impl From<Transferred> for JsTransferred {
    fn from(transferred: Transferred) -> Self {
        Self {
            done: transferred.done,
            bytes: transferred.bytes as f64,
            total_bytes: transferred.total_bytes.map(|bytes| bytes as f64),
            files: transferred.files as f64,
            skipped: transferred.skipped,
        }
    }
}

#[napi]
#[derive(Debug)]
pub struct NativeTransfer {
    slot: Slot<Transfer>,
}

#[napi]
impl NativeTransfer {
    /// Goes on with it, until there is something to tell; `done` is the end.
    #[napi(catch_unwind)]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsTransferred>>> {
        let (slot, cancel) = (self.slot.clone(), cancel.map_or_else(|| call::scope(env), |c| Ok(c.token()))?);
        promise(env, async move {
            let Some(mut transfer) = slot.take() else {
                return Ok(Transferred { done: true, ..Transferred::default() }.into());
            };
            let next = async {
                let transferred = transfer.next().await?;
                Ok((transfer, transferred))
            };
            let (transfer, transferred) = slot.during(Box::pin(unless_cancelled(cancel, next))).await?;
            if !transferred.done {
                slot.put_back(transfer);
            }
            Ok(transferred.into())
        })
    }

    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.slot.close();
    }
}

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsWatchEvent {
    #[napi(js_name = "type")]
    pub kind: &'static str,
    /// Below the watched folder.
    pub path: String,
}

impl From<WatchEvent> for JsWatchEvent {
    fn from(event: WatchEvent) -> Self {
        let kind = match event.kind {
            WatchKind::Create => "create",
            WatchKind::Write => "write",
            WatchKind::Remove => "remove",
            WatchKind::Rename => "rename",
            WatchKind::Chmod => "chmod",
            WatchKind::Overflow => "overflow",
        };
        Self { kind, path: String::from_utf8_lossy(&event.path).into_owned() }
    }
}

#[napi]
#[derive(Debug)]
pub struct NativeWatch {
    slot: Slot<FileWatch>,
}

#[napi]
impl NativeWatch {
    /// What has happened since; null once it is closed.
    #[napi(catch_unwind)]
    pub fn next<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Option<Vec<JsWatchEvent>>>>> {
        let slot = self.slot.clone();
        promise(env, async move {
            let Some(mut watch) = slot.take() else { return Ok(None) };
            let events = tokio::select! {
                biased;
                () = slot.closed.cancelled() => return Ok(None),
                events = watch.next() => events?,
            };
            slot.put_back(watch);
            Ok(Some(events.into_iter().map(JsWatchEvent::from).collect()))
        })
    }

    #[napi(catch_unwind)]
    pub fn is_closed(&self) -> bool {
        self.slot.closed.is_cancelled()
    }

    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.slot.close();
    }
}

#[napi]
impl NativeSandbox {
    /// `length`: how many bytes; without it, to the end.
    #[napi(catch_unwind)]
    pub fn read_stream(
        &self,
        env: Env,
        path: String,
        from: f64,
        length: Option<f64>,
    ) -> napi::Result<NativeReader> {
        let part =
            ReadPart { path: path.into(), from: from as u64, length: length.map(|length| length as u64) };
        Ok(NativeReader { slot: Slot::new(&env, Reading::Wanted(self.sandbox.clone(), part))? })
    }

    #[napi(catch_unwind)]
    pub fn write_stream(
        &self,
        env: Env,
        path: String,
        append: bool,
        mode: Option<u32>,
    ) -> napi::Result<NativeWriter> {
        let start = if append { WriteStart::Append } else { WriteStart::Replace };
        let to = WriteTo { path: path.into(), mode, start, links: Links::Follow };
        Ok(NativeWriter { slot: Slot::new(&env, Writing::Wanted(self.sandbox.clone(), to))? })
    }

    #[napi(catch_unwind)]
    pub fn upload(&self, env: Env, host_path: String, path: String) -> napi::Result<NativeTransfer> {
        Ok(NativeTransfer { slot: Slot::new(&env, self.sandbox.upload(PathBuf::from(host_path), path))? })
    }

    #[napi(catch_unwind)]
    pub fn download(&self, env: Env, path: String, host_path: String) -> napi::Result<NativeTransfer> {
        Ok(NativeTransfer { slot: Slot::new(&env, self.sandbox.download(path, PathBuf::from(host_path)))? })
    }

    #[napi(catch_unwind)]
    pub fn watch<'env>(
        &self,
        env: &'env Env,
        path: String,
        recursive: bool,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<NativeWatch>>> {
        let (sandbox, closed) = (self.sandbox.clone(), call::scope(env)?);
        let cancel = cancel.map_or_else(|| call::scope(env), |cancel| Ok(cancel.token()))?;
        let depth = if recursive { Depth::Tree } else { Depth::Folder };
        promise(env, async move {
            let watch = unless_cancelled(cancel, async { Ok(sandbox.watch(&path, depth).await?) }).await?;
            let held = Arc::new(Mutex::new(Some(watch)));
            Ok(NativeWatch { slot: Slot { held, closed } })
        })
    }
}
