//! What a container uses at this moment, and which OCI runtimes could run one.

use serde_json::Value;

use super::container::path;
use super::engine::Engine;
use super::raw::RawRequest;
use crate::error::Result;

impl Engine {
    /// Docker's own JSON, of one reading; `None` when there is no such container.
    pub async fn container_stats(&self, id: &str) -> Result<Option<Value>> {
        let Ok(path) = path(id, "/stats") else { return Ok(None) };
        // Without `one-shot` the engine waits a second for another reading.
        let request = RawRequest::get(path).query("stream", "0").query("one-shot", "1");
        match self.wire().json(request).await {
            Ok(stats) => Ok(Some(stats)),
            Err(failure) if failure.status() == Some(404) => Ok(None),
            Err(failure) => Err(failure.during(format!("measure container {id}"))),
        }
    }

    /// By name, in their order.
    pub async fn oci_runtimes(&self) -> Result<Vec<String>> {
        let info: Value = self
            .wire()
            .json(RawRequest::get("/info"))
            .await
            .map_err(|failure| failure.during("tell its OCI runtimes"))?;
        Ok(info["Runtimes"].as_object().into_iter().flat_map(|runtimes| runtimes.keys().cloned()).collect())
    }
}
