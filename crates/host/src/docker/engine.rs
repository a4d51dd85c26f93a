//! The engine as the rest of the host sees it: one value, cheap to clone, that connects when it is first asked.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::bridge;
use super::connect::{self, Connection};
use super::failure::Failure;
use super::wire::{Wait, Wire};
use crate::error::Result;

/// A Docker engine, reached or not.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    wire: Arc<Wire>,
    bollard: bollard::Docker,
    info: OnceCell<EngineInfo>,
}

/// What an engine says of itself, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// `Docker Engine - Community`, `Podman Engine`, …
    pub name: String,
    pub version: String,
    /// The API version in use with it.
    pub api_version: String,
    /// Address, and what named it.
    pub found: String,
}

impl Engine {
    /// Checks the connection and reads the environment; talks to nobody.
    pub fn new(connection: Connection) -> Result<Self> {
        let wire = Arc::new(Wire::new(connect::find(connection)?)?);
        let bollard = bridge::bollard_over(Arc::clone(&wire))?;
        Ok(Self { inner: Arc::new(Inner { wire, bollard, info: OnceCell::new() }) })
    }

    /// Whether containers' own addresses can be reached from here.
    pub fn is_local(&self) -> bool {
        self.wire().target().endpoint().is_local
    }

    /// The host under which published ports answer.
    pub fn host(&self) -> String {
        self.wire().target().endpoint().address.host().to_owned()
    }

    /// Asked once, then remembered.
    pub async fn describe(&self) -> Result<EngineInfo> {
        let info = self.inner.info.get_or_try_init(|| self.ask()).await;
        info.cloned().map_err(|failure| failure.during("tell its version"))
    }

    /// Where Podman's answer to Docker's API is another one.
    pub(crate) async fn is_podman(&self) -> Result<bool> {
        Ok(self.describe().await?.name.starts_with("Podman"))
    }

    async fn ask(&self) -> Result<EngineInfo, Failure> {
        let answer = self.bollard_within(Wait::Ordinary, self.bollard().version()).await?;
        let component = answer.components.and_then(|parts| parts.into_iter().next()).map(|part| part.name);
        let platform = answer.platform.map(|platform| platform.name).filter(|name| !name.is_empty());
        // Podman's platform is the operating system, its component the product.
        let name = match component {
            Some(component) if component != "Engine" => component,
            _ => platform.unwrap_or_else(|| "Docker Engine".to_owned()),
        };
        Ok(EngineInfo {
            name,
            version: answer.version.unwrap_or_default(),
            api_version: self.wire().version().await?.to_string(),
            found: self.wire().target().endpoint().to_string(),
        })
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.inner.wire
    }

    pub(super) fn bollard(&self) -> &bollard::Docker {
        &self.inner.bollard
    }

    /// An operation of bollard's, under our limits and with our failures.
    pub(super) async fn bollard_within<T>(
        &self,
        wait: Wait,
        operation: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, Failure> {
        let _turn = self.wire().turn(wait).await?;
        let limit = self.wire().limit(wait);
        self.wire().within(limit, operation).await?.map_err(bridge::unwrap)
    }
}
