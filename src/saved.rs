//! Snapshots and templates.

use computesdk_docker_host::config::Runtime;
use computesdk_docker_host::saved::{Kind, ListOptions, Saved, SnapshotOptions, TemplateOptions};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tokio::sync::mpsc;

use crate::call::{self, promise, promise_to_the_end};
use crate::cancel::Cancel;
use crate::outcome::{Answer, Failure, Outcome};
use crate::output::{Listener, ListenerFunction};
use crate::provider::NativeProvider;

/// Lines between the builder and the callback.
const QUEUE: usize = 16;

/// A snapshot or a template.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsSaved {
    pub id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub created_ms: f64,
    pub size: f64,
    pub runtime: Option<&'static str>,
    pub sandbox_id: Option<String>,
    /// JSON text.
    pub metadata: String,
}

impl From<Saved> for JsSaved {
    fn from(saved: Saved) -> Self {
        Self {
            id: saved.id,
            name: saved.name,
            description: saved.description,
            created_ms: saved.created_ms as f64,
            size: saved.size as f64,
            runtime: saved.runtime.map(Runtime::name),
            sandbox_id: saved.sandbox_id,
            metadata: serde_json::Value::Object(saved.metadata).to_string(),
        }
    }
}

fn kind(name: &str) -> Answer<Kind> {
    match name {
        "snapshot" => Ok(Kind::Snapshot),
        "template" => Ok(Kind::Template),
        other => Err(Failure::invalid("kind", &format!("there is no {other:?}"))),
    }
}

#[napi]
impl NativeProvider {
    /// `options` is JSON text, here and below.
    #[napi(catch_unwind)]
    pub fn create_snapshot<'env>(
        &self,
        env: &'env Env,
        sandbox_id: String,
        options: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsSaved>>> {
        let provider = self.provider.clone();
        promise(env, async move {
            let options = SnapshotOptions::from_source(&mut serde_json::Deserializer::from_str(&options))?;
            Ok(provider.create_snapshot(&sandbox_id, options).await?.into())
        })
    }

    /// The listener gets what the builder says.
    #[napi(catch_unwind)]
    pub fn create_template<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
        listener: Option<ListenerFunction<'_>>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsSaved>>> {
        let provider = self.provider.clone();
        let cancel = match cancel {
            Some(cancel) => cancel.token(),
            None => call::scope(env)?,
        };
        let listener = listener.map(|function| Listener::new(&function, 0)).transpose()?;
        promise_to_the_end(env, async move {
            let options = TemplateOptions::from_source(&mut serde_json::Deserializer::from_str(&options))?;
            let Some(mut listener) = listener else {
                return Ok(provider.create_template(options, None, cancel).await?.into());
            };
            let (sink, lines) = mpsc::channel(QUEUE);
            let building = provider.create_template(options, Some(sink), cancel);
            let (saved, ()) = tokio::join!(building, listener.forward(lines));
            Ok(saved?.into())
        })
    }

    #[napi(catch_unwind)]
    pub fn list_saved<'env>(
        &self,
        env: &'env Env,
        of: String,
        options: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Vec<JsSaved>>>> {
        let provider = self.provider.clone();
        promise(env, async move {
            let options = ListOptions::from_source(&mut serde_json::Deserializer::from_str(&options))?;
            let saved = provider.list_saved(kind(&of)?, options).await?;
            Ok(saved.into_iter().map(Into::into).collect())
        })
    }

    #[napi(catch_unwind)]
    pub fn delete_saved<'env>(
        &self,
        env: &'env Env,
        of: String,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let provider = self.provider.clone();
        promise(env, async move { provider.delete_saved(kind(&of)?, &id).await.map_err(Into::into) })
    }
}
