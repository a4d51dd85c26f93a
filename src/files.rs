//! A sandbox's calls on files.

use bytes::Bytes;
use computesdk_docker_host::session::{Entry, EntryKind};
use napi::Env;
use napi::bindgen_prelude::{Buffer, Either, PromiseRaw, Uint8ArraySlice};
use napi_derive::napi;

use crate::call::promise;
use crate::outcome::Outcome;
use crate::sandbox::NativeSandbox;
use crate::text::Text;

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsEntry {
    pub name: String,
    pub is_directory: bool,
    pub size: f64,
    pub modified_ms: f64,
}

impl From<Entry> for JsEntry {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            is_directory: entry.kind == EntryKind::Directory,
            size: entry.size as f64,
            modified_ms: entry.modified_ms as f64,
        }
    }
}

#[napi]
impl NativeSandbox {
    #[napi(catch_unwind)]
    pub fn read_text<'env>(
        &self,
        env: &'env Env,
        path: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Text>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { Text::decode(sandbox.read_file(&path).await?).await })
    }

    #[napi(catch_unwind)]
    pub fn read_bytes<'env>(
        &self,
        env: &'env Env,
        path: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Buffer>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { Ok(Buffer::from(Vec::from(sandbox.read_file(&path).await?))) })
    }

    /// Copies `content` before it returns: the caller may change it afterwards.
    #[napi(catch_unwind)]
    pub fn write_file<'env>(
        &self,
        env: &'env Env,
        path: String,
        content: Either<String, Uint8ArraySlice<'_>>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        let content = match content {
            Either::A(text) => Bytes::from(text),
            Either::B(bytes) => Bytes::copy_from_slice(&bytes),
        };
        promise(env, async move { sandbox.write_file(&path, content).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn mkdir<'env>(&self, env: &'env Env, path: String) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.mkdir(&path).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn readdir<'env>(
        &self,
        env: &'env Env,
        path: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Vec<JsEntry>>>> {
        let sandbox = self.sandbox.clone();
        promise(
            env,
            async move { Ok(sandbox.read_dir(&path).await?.into_iter().map(JsEntry::from).collect()) },
        )
    }

    #[napi(catch_unwind)]
    pub fn exists<'env>(
        &self,
        env: &'env Env,
        path: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<bool>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.exists(&path).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn remove<'env>(&self, env: &'env Env, path: String) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.remove(&path).await.map_err(Into::into) })
    }
}
