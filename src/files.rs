//! A sandbox's calls on files.

use bytes::Bytes;
use computesdk_docker_host::sandbox::Listed;
use computesdk_docker_host::session::{Entry, EntryKind, FileKind, FileStat, Links};
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
    /// Below the folder that was listed with all that is in it.
    pub path: Option<String>,
    pub is_directory: bool,
    pub size: f64,
    pub modified_ms: f64,
}

impl From<Entry> for JsEntry {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            path: None,
            is_directory: entry.kind == EntryKind::Directory,
            size: entry.size as f64,
            modified_ms: entry.modified_ms as f64,
        }
    }
}

impl From<Listed> for JsEntry {
    fn from(listed: Listed) -> Self {
        Self { path: Some(listed.path), ..Self::from(listed.entry) }
    }
}

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsFileStat {
    pub kind: &'static str,
    pub size: f64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub modified_ms: f64,
    pub accessed_ms: f64,
    pub changed_ms: f64,
    /// What a link holds.
    pub target: Option<String>,
}

impl From<FileStat> for JsFileStat {
    fn from(stat: FileStat) -> Self {
        Self {
            kind: match stat.kind {
                FileKind::File => "file",
                FileKind::Directory => "directory",
                FileKind::Link => "link",
                FileKind::Other => "other",
            },
            size: stat.size as f64,
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            modified_ms: stat.modified_ms as f64,
            accessed_ms: stat.accessed_ms as f64,
            changed_ms: stat.changed_ms as f64,
            target: stat.target.map(|target| String::from_utf8_lossy(&target).into_owned()),
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

    /// All that is below a folder.
    #[napi(catch_unwind)]
    pub fn read_tree<'env>(
        &self,
        env: &'env Env,
        path: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Vec<JsEntry>>>> {
        let sandbox = self.sandbox.clone();
        promise(
            env,
            async move { Ok(sandbox.read_tree(&path).await?.into_iter().map(JsEntry::from).collect()) },
        )
    }

    #[napi(catch_unwind)]
    pub fn stat<'env>(
        &self,
        env: &'env Env,
        path: String,
        follow_links: bool,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsFileStat>>> {
        let sandbox = self.sandbox.clone();
        let links = if follow_links { Links::Follow } else { Links::Keep };
        promise(env, async move { Ok(sandbox.stat(&path, links).await?.into()) })
    }

    #[napi(catch_unwind)]
    pub fn chmod<'env>(
        &self,
        env: &'env Env,
        path: String,
        mode: u32,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.chmod(&path, mode).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn rename<'env>(
        &self,
        env: &'env Env,
        from: String,
        to: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.rename(&from, &to).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn copy<'env>(
        &self,
        env: &'env Env,
        from: String,
        to: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.copy(&from, &to).await.map_err(Into::into) })
    }
}
