//! The six file calls. A relative path starts at the sandbox's workdir.

use bytes::Bytes;

use super::Sandbox;
use crate::error::{Error, Result};
use crate::session::Entry;

impl Sandbox {
    pub async fn read_file(&self, path: &str) -> Result<Bytes> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.read_file(path).await }).await
    }

    pub async fn write_file(&self, path: &str, content: Bytes) -> Result<()> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.write_file(path, content).await }).await
    }

    pub async fn mkdir(&self, path: &str) -> Result<()> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.mkdir(path).await }).await
    }

    pub async fn read_dir(&self, path: &str) -> Result<Vec<Entry>> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.read_dir(path).await }).await
    }

    pub async fn exists(&self, path: &str) -> Result<bool> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.exists(path).await }).await
    }

    pub async fn remove(&self, path: &str) -> Result<()> {
        self.on_path(path)?;
        self.watched(async { self.0.sessions.get(None).await?.remove(path).await }).await
    }

    fn on_path(&self, path: &str) -> Result<()> {
        self.usable()?;
        let problem = match path {
            "" => "expected a path, got an empty string",
            _ if path.contains('\0') => "a path must not hold a NUL byte",
            _ => return Ok(()),
        };
        Err(Error::InvalidConfig { path: "path".to_owned(), problem: problem.to_owned() })
    }
}
