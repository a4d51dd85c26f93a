//! The provider's calls.

use computesdk_docker_host::CreateOptions;
use computesdk_docker_host::config::Config;
use computesdk_docker_host::docker::EngineInfo;
use computesdk_docker_host::provider::Provider;
use computesdk_docker_host::prune::{PruneOptions, Pruned};
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, within_runtime_if_available};
use napi_derive::napi;

use crate::call::{self, promise, promise_to_the_end};
use crate::cancel::Cancel;
use crate::outcome::Outcome;
use crate::pulls::{Listener, ListenerFunction};
use crate::sandbox::NativeSandbox;

/// What an engine says of itself, and where it was found.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct Engine {
    pub name: String,
    pub version: String,
    pub api_version: String,
    pub found: String,
}

impl From<EngineInfo> for Engine {
    fn from(EngineInfo { name, version, api_version, found }: EngineInfo) -> Self {
        Self { name, version, api_version, found }
    }
}

#[napi]
#[derive(Debug)]
pub struct NativeProvider {
    pub(crate) provider: Provider,
}

/// Checks the config, which is JSON text; asks nothing of Docker, unless there is a pool to fill.
#[napi(catch_unwind)]
pub fn open_provider(config: String) -> Outcome<NativeProvider> {
    let mut source = serde_json::Deserializer::from_str(&config);
    let provider = Config::from_source(&mut source).and_then(Provider::new);
    if let Ok(provider) = &provider {
        within_runtime_if_available(|| provider.fill_pool());
    }
    Outcome(provider.map(|provider| NativeProvider { provider }).map_err(Into::into))
}

/// What a prune removed.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsPruned {
    pub sandboxes: Vec<String>,
    pub pool_members: Vec<String>,
    pub helpers: Vec<String>,
    pub volumes: Vec<String>,
}

#[napi]
impl NativeProvider {
    /// `options` is JSON text.
    #[napi(catch_unwind)]
    pub fn create<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
        pull_listener: Option<ListenerFunction<'env>>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<NativeSandbox>>> {
        let provider = self.provider.clone();
        let cancel = match cancel {
            Some(cancel) => cancel.token(),
            None => call::scope(env)?,
        };
        let listener = pull_listener.map(|function| Listener::new(&function)).transpose()?;
        promise_to_the_end(env, async move {
            let mut options = CreateOptions::from_source(&mut serde_json::Deserializer::from_str(&options))?;
            let create = |pull_listener| {
                options.pull_listener = pull_listener;
                provider.create(options, cancel)
            };
            let sandbox = match listener {
                Some(listener) => listener.during(|sender| create(Some(sender))).await?,
                None => create(None).await?,
            };
            Ok(NativeSandbox { sandbox })
        })
    }

    #[napi(catch_unwind)]
    pub fn engine<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<Engine>>> {
        let provider = self.provider.clone();
        promise(env, async move { Ok(provider.engine().describe().await?.into()) })
    }

    #[napi(catch_unwind)]
    pub fn get_by_id<'env>(
        &self,
        env: &'env Env,
        id: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Option<NativeSandbox>>>> {
        let provider = self.provider.clone();
        promise(
            env,
            async move { Ok(provider.get_by_id(&id).await?.map(|sandbox| NativeSandbox { sandbox })) },
        )
    }

    #[napi(catch_unwind)]
    pub fn list<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<Vec<NativeSandbox>>>> {
        let provider = self.provider.clone();
        promise(env, async move {
            Ok(provider.list().await?.into_iter().map(|sandbox| NativeSandbox { sandbox }).collect())
        })
    }

    #[napi(catch_unwind)]
    pub fn destroy<'env>(&self, env: &'env Env, id: String) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let provider = self.provider.clone();
        promise(env, async move { provider.destroy(&id).await.map_err(Into::into) })
    }

    /// `options` is JSON text.
    #[napi(catch_unwind)]
    pub fn prune<'env>(
        &self,
        env: &'env Env,
        options: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsPruned>>> {
        let provider = self.provider.clone();
        promise(env, async move {
            let options = PruneOptions::from_source(&mut serde_json::Deserializer::from_str(&options))?;
            let Pruned { sandboxes, pool_members, helpers, volumes } = provider.prune(options).await?;
            Ok(JsPruned { sandboxes, pool_members, helpers, volumes })
        })
    }
}
