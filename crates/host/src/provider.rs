//! What `docker(config)` stands on: creates sandboxes, finds them again by their labels, destroys them.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::create::{self, CreateOptions, Delivery, Pulls};
use crate::docker::Engine;
use crate::error::{Error, Result};
use crate::labels;
use crate::pool::{self, Pool, PoolStats};
use crate::sandbox::{Facts, Sandbox, WeakSandbox};

/// Cheap to clone; connects at the first call, so it may be made while the engine is down.
#[derive(Debug, Clone)]
pub struct Provider {
    pub(crate) shared: Arc<Shared>,
}

/// What all sandboxes of a provider share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    pub(crate) delivery: Delivery,
    pub(crate) pool: Option<Pool>,
    /// The engine has the configured one.
    oci_runtime: OnceCell<()>,
    pub(crate) pulls: Pulls,
    /// Left-overs are looked for once.
    pub(crate) swept: AtomicBool,
    /// Sandboxes that somebody holds, so that finding one again shares its session and its state.
    known: Mutex<HashMap<String, WeakSandbox>>,
}

impl Provider {
    pub fn new(config: Config) -> Result<Self> {
        create::check_security(&config, &create::preview(&config))?;
        let engine = Engine::new(config.connection.clone())?;
        let pool = config.pool.map(Pool::new);
        let shared = Shared {
            config,
            engine,
            pool,
            oci_runtime: OnceCell::new(),
            delivery: Delivery::default(),
            pulls: Pulls::default(),
            swept: AtomicBool::new(false),
            known: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// Creates and starts a sandbox. Cancelled: [`Error::Aborted`], and no container stays.
    pub async fn create(&self, options: CreateOptions, cancel: CancellationToken) -> Result<Sandbox> {
        if cancel.is_cancelled() {
            return Err(Error::Aborted);
        }
        if let Some(pool) = &self.shared.pool
            && let Some(sandbox) = pool.take(&self.shared, &options).await?
        {
            if cancel.is_cancelled() {
                sandbox.discard().await?;
                return Err(Error::Aborted);
            }
            return Ok(sandbox);
        }
        create::create(Arc::clone(&self.shared), options, cancel).await
    }

    /// Starts what the pool is to hold, if there is one. Needs a tokio runtime.
    pub fn fill_pool(&self) {
        pool::keep_full(&self.shared, Duration::ZERO);
    }

    pub fn pool_stats(&self) -> Option<PoolStats> {
        self.shared.pool.as_ref().map(Pool::stats)
    }

    /// Ends the sandboxes that wait; the next create fills the pool again.
    pub async fn drain_pool(&self) -> Result<()> {
        match &self.shared.pool {
            Some(pool) => pool.drain().await,
            None => Ok(()),
        }
    }

    /// Ends the sandboxes that wait, for good.
    pub async fn close_pool(&self) -> Result<()> {
        match &self.shared.pool {
            Some(pool) => pool.close().await,
            None => Ok(()),
        }
    }

    /// `None` for an id that is unknown, or of a container that is no sandbox.
    pub async fn get_by_id(&self, id: &str) -> Result<Option<Sandbox>> {
        Ok(self.shared.find(id).await?.map(|(sandbox, _)| sandbox))
    }

    pub async fn list(&self) -> Result<Vec<Sandbox>> {
        let label = format!("{}=true", labels::SANDBOX);
        let containers = self.shared.engine.list_containers(&[&label]).await?;
        Ok(containers
            .iter()
            .filter(|listed| !is_waiting(&listed["Labels"], &listed["Names"][0], &listed["Id"]))
            .filter_map(|listed| Some(self.shared.adopt(Facts::of_listed(listed)?)))
            .collect())
    }

    /// An unknown id is fine; a container that is no sandbox is refused.
    pub async fn destroy(&self, id: &str) -> Result<()> {
        match self.shared.inspect(id).await? {
            Inspected::Nothing => Ok(()),
            Inspected::Foreign => Err(Error::SandboxNotFound { id: id.to_owned() }),
            Inspected::Sandbox(container) => match Facts::of_inspected(&container) {
                Some(facts) => self.shared.adopt(facts).destroy().await,
                None => Ok(()),
            },
        }
    }
}

/// What waits in a pool, whoever's, is nobody's sandbox yet. One that was just handed out may still be named so.
fn is_waiting(labels: &Value, name: &Value, id: &Value) -> bool {
    labels.as_object().is_some_and(|found| labels::is_waiting(found, name))
        && id.as_str().and_then(pool::handed_out).is_none()
}

enum Inspected {
    Nothing,
    /// A container without our label.
    Foreign,
    Sandbox(Value),
}

impl Shared {
    /// The sandbox of that id with what `inspect` said of it.
    pub(crate) async fn find(self: &Arc<Self>, id: &str) -> Result<Option<(Sandbox, Value)>> {
        let Inspected::Sandbox(container) = self.inspect(id).await? else { return Ok(None) };
        Ok(Facts::of_inspected(&container).map(|facts| (self.adopt(facts), container)))
    }

    async fn inspect(&self, id: &str) -> Result<Inspected> {
        let Some(container) = self.engine.inspect_container(id).await? else { return Ok(Inspected::Nothing) };
        let none = Map::new();
        let found = container["Config"]["Labels"].as_object().unwrap_or(&none);
        let waits = is_waiting(&container["Config"]["Labels"], &container["Name"], &container["Id"]);
        Ok(if labels::is_sandbox(found) && !waits {
            Inspected::Sandbox(container)
        } else {
            Inspected::Foreign
        })
    }

    /// Docker would refuse an unknown one late and obscurely. Asked once.
    pub(crate) async fn check_oci_runtime(&self) -> Result<()> {
        let Some(wanted) = &self.config.oci_runtime else { return Ok(()) };
        let check = async {
            let known = self.engine.oci_runtimes().await?;
            if known.contains(wanted) {
                return Ok(());
            }
            let problem = format!("the engine has no OCI runtime {wanted:?}, but {}", known.join(", "));
            Err(Error::InvalidConfig { path: "ociRuntime".to_owned(), problem })
        };
        self.oci_runtime.get_or_try_init(|| check).await.copied()
    }

    /// The sandbox object of a container: the one that is held already, or a new one.
    pub(crate) fn adopt(self: &Arc<Self>, facts: Facts) -> Sandbox {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sandbox) = known.get(&facts.id).and_then(WeakSandbox::upgrade).filter(Sandbox::is_usable)
        {
            return sandbox;
        }
        known.retain(|_, sandbox| sandbox.upgrade().is_some());
        let sandbox = Sandbox::new(Arc::clone(self), facts);
        if let Some(handed_out) = pool::handed_out(sandbox.id()) {
            sandbox.hand_out(handed_out);
        }
        known.insert(sandbox.id().to_owned(), sandbox.downgrade());
        sandbox
    }
}
