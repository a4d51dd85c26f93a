//! The pool of a provider.

use computesdk_docker_host::pool::PoolStats;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::call::promise;
use crate::outcome::Outcome;
use crate::provider::NativeProvider;

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsPoolStats {
    pub waiting: u32,
    pub starting: u32,
    pub handed_out: u32,
    pub hits: f64,
    pub misses: f64,
}

impl From<PoolStats> for JsPoolStats {
    fn from(stats: PoolStats) -> Self {
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            waiting: count(stats.waiting),
            starting: count(stats.starting),
            handed_out: count(stats.handed_out),
            hits: stats.hits as f64,
            misses: stats.misses as f64,
        }
    }
}

#[napi]
impl NativeProvider {
    #[napi(catch_unwind)]
    pub fn pool_stats(&self) -> Option<JsPoolStats> {
        self.provider.pool_stats().map(Into::into)
    }

    #[napi(catch_unwind)]
    pub fn drain_pool<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let provider = self.provider.clone();
        promise(env, async move { provider.drain_pool().await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn close_pool<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let provider = self.provider.clone();
        promise(env, async move { provider.close_pool().await.map_err(Into::into) })
    }
}
