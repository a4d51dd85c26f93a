//! A sandbox's processes by their pid.

use std::time::Duration;

use computesdk_docker_host::session::processes::ProcessInfo;
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Either, PromiseRaw};
use napi_derive::napi;

use crate::call::{self, promise};
use crate::cancel::Cancel;
use crate::live::{JsEnd, signal_number};
use crate::outcome::Outcome;
use crate::run::timeout;
use crate::sandbox::NativeSandbox;
use crate::text::Text;

/// How long a port is waited for when the call does not say.
const PORT_PATIENCE: Duration = Duration::from_secs(30);

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsProcessInfo {
    pub pid: u32,
    pub parent_pid: u32,
    pub state: &'static str,
    pub command: String,
    pub started_ms: f64,
    pub cpu_ms: f64,
    pub memory: f64,
    pub is_background: bool,
}

impl From<ProcessInfo> for JsProcessInfo {
    fn from(info: ProcessInfo) -> Self {
        Self {
            pid: info.pid,
            parent_pid: info.parent,
            state: info.state_name(),
            command: info.command,
            started_ms: info.started_ms as f64,
            cpu_ms: info.cpu_ms as f64,
            memory: info.memory as f64,
            is_background: info.background,
        }
    }
}

/// What is kept of a background command's streams.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsLog {
    pub stdout: Text,
    pub stderr: Text,
}

#[napi]
impl NativeSandbox {
    #[napi(catch_unwind)]
    pub fn list_processes<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Vec<JsProcessInfo>>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { Ok(sandbox.list_processes().await?.into_iter().map(Into::into).collect()) })
    }

    #[napi(catch_unwind)]
    pub fn kill_process<'env>(
        &self,
        env: &'env Env,
        pid: u32,
        signal: Either<String, f64>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let (sandbox, signal) = (self.sandbox.clone(), signal_number(signal));
        promise(env, async move { sandbox.kill_process(pid, signal?).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn wait_process<'env>(
        &self,
        env: &'env Env,
        pid: u32,
    ) -> napi::Result<PromiseRaw<'env, Outcome<JsEnd>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move { Ok(sandbox.wait_process(pid).await?.into()) })
    }

    #[napi(catch_unwind)]
    pub fn read_log<'env>(&self, env: &'env Env, pid: u32) -> napi::Result<PromiseRaw<'env, Outcome<JsLog>>> {
        let sandbox = self.sandbox.clone();
        promise(env, async move {
            let (stdout, stderr) = sandbox.read_log(pid).await?;
            Ok(JsLog { stdout: Text::decode(stdout).await?, stderr: Text::decode(stderr).await? })
        })
    }

    #[napi(catch_unwind)]
    pub fn wait_for_port<'env>(
        &self,
        env: &'env Env,
        port: u16,
        patience: Option<f64>,
        cancel: Option<ClassInstance<'_, Cancel>>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let sandbox = self.sandbox.clone();
        let cancel = cancel.map_or_else(|| call::scope(env), |cancel| Ok(cancel.token()))?;
        promise(env, async move {
            let patience = patience.map(timeout).transpose()?.map_or(PORT_PATIENCE, Duration::from_millis);
            sandbox.wait_for_port(port, patience, cancel).await.map_err(Into::into)
        })
    }
}
