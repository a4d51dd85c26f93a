//! The steps of `create()` in their order, and what undoes them: whatever fails, and whenever the caller aborts,
//! no container stays behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::image;
use super::lost::create_container;
use super::options::CreateOptions;
use super::spec::{AGENT, AgentPlan, Spec, check_security};
use super::strict::Writable;
use super::sweep::remove_never_started;
use super::workdir;
use crate::config::{DEFAULT_WORKDIR, Lifetime, Platform, Runtime, Security, SessionChoice};
use crate::docker::ImageInfo;
use crate::error::{Error, Result};
use crate::provider::Shared;
use crate::sandbox::{Facts, Sandbox};
use crate::saved;

/// How long an aborted create waits for its own tidying before it answers.
const TIDY_UP: Duration = Duration::from_secs(5);

/// Creates and starts a sandbox. The steps run in a task of their own, because a request to create a container
/// must not be dropped half-way: its answer is the only way to the container's id.
pub(crate) async fn create(
    shared: Arc<Shared>,
    options: CreateOptions,
    cancel: CancellationToken,
) -> Result<Sandbox> {
    let (answer, mut waiting) = oneshot::channel();
    let token = cancel.clone();
    tokio::spawn(async move {
        let result = boot(&shared, &options, &token).await;
        // Nobody waits any more: an environment that is gone, or an abort that came last.
        if let Err(Ok(unwanted)) = answer.send(result) {
            _ = unwanted.discard().await;
        }
    });
    let lost = |_| Err(Error::Aborted);
    tokio::select! {
        result = &mut waiting => result.unwrap_or_else(lost),
        () = cancel.cancelled() => {
            let late = tokio::time::timeout(TIDY_UP, waiting).await;
            if let Ok(Ok(Ok(unwanted))) = late {
                unwanted.discard().await?;
            }
            Err(Error::Aborted)
        }
    }
}

async fn boot(shared: &Arc<Shared>, options: &CreateOptions, cancel: &CancellationToken) -> Result<Sandbox> {
    let config = &shared.config;
    let asked = options.runtime.as_deref().map(Runtime::from_name).transpose()?;
    let usual = asked.or(config.runtime).unwrap_or(Runtime::Python);
    if let Some(sandbox) = reattach(shared, options).await? {
        return Ok(sandbox);
    }
    let ready = unless(cancel, async {
        let name = image::choose(&shared.engine, config, options, usual).await?;
        let image = image::provide(shared, options, &name).await?;
        let agent = shared.delivery.plan(&shared.engine, config.session, &image).await?;
        shared.check_oci_runtime().await?;
        Ok((name, image, agent, shared.engine.proxy_variables().await))
    });
    let (name, image, agent, proxies) = ready.await?;
    let runtime = asked.or_else(|| saved::runtime(&image)).unwrap_or(usual);
    let boot = Boot { shared, options, runtime, name: &name, image: &image, proxies: &proxies, cancel };
    let sandbox = boot.start(agent).await?;
    boot.insist_on_agent(sandbox).await
}

/// A running sandbox by the id that the caller asked for.
async fn reattach(shared: &Arc<Shared>, options: &CreateOptions) -> Result<Option<Sandbox>> {
    let Some(id) = &options.sandbox_id else { return Ok(None) };
    let found = shared.find(id).await?;
    Ok(found.filter(|(_, container)| container["State"]["Running"] == true).map(|(sandbox, _)| sandbox))
}

/// Runs a step that may be dropped at any point.
async fn unless<T>(cancel: &CancellationToken, step: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::Aborted),
        result = step => result,
    }
}

struct Boot<'a> {
    shared: &'a Arc<Shared>,
    options: &'a CreateOptions,
    runtime: Runtime,
    name: &'a str,
    image: &'a ImageInfo,
    /// Environment below all other.
    proxies: &'a BTreeMap<String, String>,
    cancel: &'a CancellationToken,
}

impl Boot<'_> {
    /// Starts a container; where the agent is not found in it, once more with the volume filled anew, then
    /// without the agent.
    async fn start(&self, agent: AgentPlan) -> Result<Sandbox> {
        if let AgentPlan::Missing(reason) = &agent {
            self.refuse_without_agent(reason)?;
        }
        if !self.lifetime().is_endless() {
            self.check_keeper(&agent)?;
        }
        let first = self.attempt(&agent).await;
        let Some(reason) = agent_not_found(&agent, &first) else { return first };
        self.shared.delivery.refill(&self.shared.engine, self.image).await?;
        let second = self.attempt(&agent).await;
        if agent_not_found(&agent, &second).is_none() {
            return second;
        }
        self.refuse_without_agent(&reason)?;
        self.attempt(&AgentPlan::Missing(reason)).await
    }

    fn lifetime(&self) -> Lifetime {
        self.options.lifetime.or(self.shared.config.lifetime)
    }

    /// A lifetime that nobody would keep is refused.
    fn check_keeper(&self, agent: &AgentPlan) -> Result<()> {
        let theirs = &self.shared.config.create_options;
        let problem = if *agent == AgentPlan::Unwanted {
            "the agent keeps it, and session 'exec' goes without"
        } else if theirs.contains_key("Entrypoint") || theirs.contains_key("Cmd") {
            "the agent keeps it as the first process, which createOptions replaces (Entrypoint, Cmd)"
        } else {
            return Ok(());
        };
        Err(Error::InvalidConfig { path: "lifetime".to_owned(), problem: problem.to_owned() })
    }

    fn refuse_without_agent(&self, reason: &str) -> Result<()> {
        // PID 1, which is the agent, keeps the lifetime.
        let needed = self.shared.config.session == SessionChoice::Agent
            || !self.lifetime().is_endless()
            || self.options.pooled;
        if !needed {
            return Ok(());
        }
        Err(Error::AgentUnavailable { id: format!("of image {}", self.name), reason: reason.to_owned() })
    }

    async fn attempt(&self, agent: &AgentPlan) -> Result<Sandbox> {
        let engine = &self.shared.engine;
        let spec = Spec {
            config: &self.shared.config,
            options: self.options,
            runtime: self.runtime,
            image: self.name,
            workdir: self.workdir(),
            agent,
            proxies: self.proxies,
            writable: self.writable().await?,
        };
        let body = spec.body();
        check_security(&self.shared.config, &body)?;
        let platform = self.shared.config.image.platform.as_ref().map(Platform::as_str);
        let name = self.options.container_name();
        let id = create_container(engine, name.as_deref(), platform, &body).await?;
        let started = self.started(&id, &body).await;
        if let Err(error) = started {
            // The first error is the one to tell; a container that cannot be removed now is labelled.
            _ = engine.remove_container(&id).await;
            return Err(error);
        }
        self.sweep(&id);
        let sandbox = self.shared.adopt(self.facts(id, agent));
        sandbox.warm_up();
        Ok(sandbox)
    }

    /// Beside the work: nobody waits for it, and the next provider tries again where it fails.
    fn sweep(&self, id: &str) {
        if !self.shared.swept.swap(true, Ordering::Relaxed) {
            let (engine, id) = (self.shared.engine.clone(), id.to_owned());
            tokio::spawn(async move { remove_never_started(&engine, &id).await });
        }
    }

    /// Asked of the engine only where it matters.
    async fn writable(&self) -> Result<Writable> {
        let strict = self.shared.config.security == Security::Strict;
        let by_mode = strict && self.shared.engine.is_podman().await?;
        Ok(if by_mode { Writable::ByMode } else { Writable::ByOwner })
    }

    /// A snapshot and a template have their own.
    fn workdir(&self) -> &str {
        let configured = self.shared.config.container.workdir.as_deref();
        configured.or_else(|| saved::workdir(self.image)).unwrap_or(DEFAULT_WORKDIR)
    }

    async fn started(&self, id: &str, body: &Value) -> Result<()> {
        self.go_on()?;
        workdir::give_to_user(&self.shared.engine, id, body).await;
        let options = Value::Object(self.shared.config.start_options.clone());
        self.shared.engine.start_container(id, &options).await?;
        self.go_on()
    }

    fn go_on(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::Aborted) } else { Ok(()) }
    }

    fn facts(&self, id: String, agent: &AgentPlan) -> Facts {
        let no_agent = match agent {
            AgentPlan::Volume(_) => None,
            AgentPlan::Missing(reason) => Some(reason.clone()),
            AgentPlan::Unwanted => Some("session is 'exec'".to_owned()),
        };
        Facts {
            id,
            runtime: Some(self.runtime),
            image: self.name.to_owned(),
            created_ms: time::OffsetDateTime::now_utc().unix_timestamp() * 1000,
            timeout_ms: self.options.timeout.map_or(self.shared.config.timeout_ms(), |t| t.0.unsigned_abs()),
            no_agent,
            lifetime: self.lifetime(),
        }
    }

    /// `session: 'agent'` fails at create, not at the first command.
    async fn insist_on_agent(&self, sandbox: Sandbox) -> Result<Sandbox> {
        if self.shared.config.session != SessionChoice::Agent {
            return Ok(sandbox);
        }
        match unless(self.cancel, sandbox.open_session()).await {
            Ok(()) => Ok(sandbox),
            Err(error) => {
                _ = sandbox.discard().await;
                Err(error)
            }
        }
    }
}

/// Why a start failed, when it is that the entrypoint, our agent, was not there or could not be executed.
fn agent_not_found(agent: &AgentPlan, started: &Result<Sandbox>) -> Option<String> {
    match (agent, started) {
        (AgentPlan::Volume(_), Err(Error::Api { message, .. })) if message.contains(AGENT) => {
            Some(message.clone())
        }
        _ => None,
    }
}
