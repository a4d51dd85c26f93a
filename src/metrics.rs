//! What a sandbox uses, holding it still, and putting off its end.

use computesdk_docker_host::sandbox::Metrics;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::call::promise;
use crate::outcome::Outcome;
use crate::sandbox::NativeSandbox;

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsMetrics {
    pub cpu_percent: f64,
    pub cpu_ms: f64,
    pub cpu_limit: f64,
    pub memory_used: f64,
    pub memory_limit: f64,
    pub received: f64,
    pub sent: f64,
    pub pids: f64,
    pub pids_limit: Option<f64>,
}

impl From<Metrics> for JsMetrics {
    fn from(metrics: Metrics) -> Self {
        Self {
            cpu_percent: metrics.cpu_percent,
            cpu_ms: metrics.cpu_ms,
            cpu_limit: metrics.cpu_limit,
            memory_used: metrics.memory_used as f64,
            memory_limit: metrics.memory_limit as f64,
            received: metrics.received as f64,
            sent: metrics.sent as f64,
            pids: metrics.pids as f64,
            pids_limit: metrics.pids_limit.map(|limit| limit as f64),
        }
    }
}

#[napi]
impl NativeSandbox {
    #[napi(catch_unwind)]
    pub fn metrics<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<JsMetrics>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { Ok(sandbox.metrics().await?.into()) })
    }

    #[napi(catch_unwind)]
    pub fn pause<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.pause().await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn resume<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { sandbox.resume().await.map_err(Into::into) })
    }

    /// Answers the new end, milliseconds since 1970.
    #[napi(catch_unwind)]
    pub fn extend_lifetime<'env>(
        &self,
        env: &'env Env,
        ms: f64,
    ) -> napi::Result<PromiseRaw<'env, Outcome<f64>>> {
        let sandbox = self.sandbox.clone();
        // `as` saturates, and the host refuses what is too much or too little.
        promise(env, async move { Ok(sandbox.extend_lifetime(ms.ceil() as u64).await? as f64) })
    }
}
