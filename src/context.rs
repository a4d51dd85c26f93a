//! Code contexts: interpreters that stay between runs.

use computesdk_docker_host::sandbox::{CellValue, CodeContext};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::call::{self, promise, promise_to_the_end};
use crate::live::LiveExtras;
use crate::outcome::Outcome;
use crate::run::{JsRunResult, Run, RunExtras, host_options};
use crate::sandbox::NativeSandbox;

/// What the last expression came to.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsCellValue {
    pub text: String,
    pub html: Option<String>,
    pub png: Option<String>,
}

impl From<CellValue> for JsCellValue {
    fn from(value: CellValue) -> Self {
        Self { text: value.text, html: value.html, png: value.png }
    }
}

/// Collected by JavaScript, its interpreter ends.
#[napi]
#[derive(Debug)]
pub struct NativeContext {
    context: CodeContext,
}

#[napi]
impl NativeSandbox {
    #[napi(catch_unwind)]
    pub fn create_context<'env>(
        &self,
        env: &'env Env,
        runtime: Option<String>,
        extras: LiveExtras<'_>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<NativeContext>>> {
        let (sandbox, hold) = (self.sandbox.clone(), call::scope(env)?);
        let options = host_options(extras.options, hold);
        promise(env, async move {
            let context = sandbox.create_context(runtime.as_deref(), options?).await?;
            Ok(NativeContext { context })
        })
    }
}

#[napi]
impl NativeContext {
    #[napi(catch_unwind)]
    pub fn runtime(&self) -> &'static str {
        self.context.runtime().name()
    }

    #[napi(catch_unwind)]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        code: String,
        extras: RunExtras<'_>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsRunResult>>> {
        let (context, run) = (self.context.clone(), Run::new(env, extras)?);
        let turn = context.queue_up();
        promise_to_the_end(env, async move {
            run.perform(|options, sink| async move { context.run(turn, &code, options, sink).await }).await
        })
    }

    #[napi(catch_unwind)]
    pub fn restart<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let context = self.context.clone();
        promise(env, async move { context.restart().await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn remove<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let context = self.context.clone();
        promise(env, async move {
            context.remove().await;
            Ok(())
        })
    }
}
