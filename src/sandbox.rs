//! A sandbox's calls other than those on files.

use computesdk_docker_host::config::Runtime;
use computesdk_docker_host::sandbox::{Sandbox, SandboxInfo};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::call::{promise, promise_to_the_end};
use crate::outcome::Outcome;
use crate::run::{JsRunResult, Run, RunExtras};

#[napi]
#[derive(Debug)]
pub struct NativeSandbox {
    pub(crate) sandbox: Sandbox,
}

/// What never changes about a sandbox.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct Facts {
    pub id: String,
    pub image: String,
    pub runtime: Option<&'static str>,
    pub created_ms: f64,
}

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct Info {
    pub id: String,
    pub runtime: Option<&'static str>,
    pub status: &'static str,
    pub created_ms: f64,
    pub timeout_ms: f64,
    pub expires_ms: Option<f64>,
    /// JSON text.
    pub metadata: String,
}

impl From<SandboxInfo> for Info {
    fn from(info: SandboxInfo) -> Self {
        Self {
            id: info.id,
            runtime: info.runtime.map(Runtime::name),
            status: info.status.name(),
            created_ms: info.created_ms as f64,
            timeout_ms: info.timeout_ms as f64,
            expires_ms: info.expires_ms.map(|ms| ms as f64),
            metadata: serde_json::Value::Object(info.metadata).to_string(),
        }
    }
}

#[napi]
impl NativeSandbox {
    #[napi(catch_unwind)]
    pub fn facts(&self) -> Facts {
        Facts {
            id: self.sandbox.id().to_owned(),
            image: self.sandbox.image().to_owned(),
            runtime: self.sandbox.runtime().map(Runtime::name),
            created_ms: self.sandbox.created_ms() as f64,
        }
    }

    #[napi(catch_unwind)]
    pub fn run_command<'env>(
        &self,
        env: &'env Env,
        command: String,
        args: Vec<String>,
        extras: RunExtras<'_>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsRunResult>>> {
        let (sandbox, run) = (self.sandbox.clone(), Run::new(env, extras)?);
        promise_to_the_end(env, async move {
            run.perform(|options, sink| sandbox.run_command(&command, &args, options, sink)).await
        })
    }

    #[napi(catch_unwind)]
    pub fn run_code<'env>(
        &self,
        env: &'env Env,
        code: String,
        runtime: Option<String>,
        extras: RunExtras<'_>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsRunResult>>> {
        let (sandbox, run) = (self.sandbox.clone(), Run::new(env, extras)?);
        promise_to_the_end(env, async move {
            run.perform(|options, sink| sandbox.run_code(&code, runtime.as_deref(), options, sink)).await
        })
    }

    #[napi(catch_unwind)]
    pub fn info<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<Info>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { Ok(sandbox.info().await?.into()) })
    }

    #[napi(catch_unwind)]
    pub fn url<'env>(
        &self,
        env: &'env Env,
        port: u16,
        protocol: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<String>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.url(port, protocol.as_deref()).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn destroy<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.destroy().await.map_err(Into::into) })
    }
}
