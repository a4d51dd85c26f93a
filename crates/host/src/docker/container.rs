//! Containers: create, start, look at, stop, remove, fill with files. Bodies and answers are Docker's own JSON.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use super::engine::Engine;
use super::failure::Failure;
use super::names::is_name;
use super::raw::{Method, RawBody, RawRequest};
use super::wire::Wait;
use crate::error::{Error, Result};

/// A removal waits this long for one that is already in progress.
const REMOVAL: Duration = Duration::from_secs(60);
/// After which the engine is asked again to remove one that it could not yet.
const AGAIN: Duration = Duration::from_millis(200);
/// An upload may take longer by this for each MiB.
const PER_MIB: Duration = Duration::from_secs(1);

impl Engine {
    /// `body` as in `POST /containers/create`; answers the full id.
    pub async fn create_container(
        &self,
        name: Option<&str>,
        platform: Option<&str>,
        body: &Value,
    ) -> Result<String> {
        #[derive(serde::Deserialize)]
        struct Created {
            #[serde(rename = "Id")]
            id: String,
        }
        let mut request = RawRequest::post("/containers/create").json(body.clone());
        for (key, value) in [("name", name), ("platform", platform)] {
            if let Some(value) = value {
                request = request.query(key, value);
            }
        }
        match self.wire().json::<Created>(request).await {
            Ok(created) => Ok(created.id),
            Err(failure) => Err(not_created(failure, body)),
        }
    }

    /// `options` as in the query of `POST /containers/{id}/start`. A running container is fine.
    pub async fn start_container(&self, id: &str, options: &Value) -> Result<()> {
        let mut request = RawRequest::post(path(id, "/start")?);
        for (key, value) in options.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            request = request.query(key, text);
        }
        match self.wire().call(request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.status() == Some(404) && is_gone(&failure) => Err(not_found(id)),
            Err(failure) => Err(failure.during(format!("start container {id}"))),
        }
    }

    /// Docker's own JSON; `None` when there is no such container.
    pub async fn inspect_container(&self, id: &str) -> Result<Option<Value>> {
        let Ok(path) = path(id, "/json") else { return Ok(None) };
        match self.wire().json(RawRequest::get(path)).await {
            Ok(container) => Ok(Some(container)),
            // Podman has other statuses for one that goes while it is looked at.
            Err(failure) if failure.status() == Some(404) || is_gone(&failure) => Ok(None),
            Err(failure) => Err(failure.during(format!("inspect container {id}"))),
        }
    }

    /// In a word: `running`, `paused`, `exited`, …; `None` when there is no such container. The list tells it at once,
    /// where an inspect would wait for an archive of the container that is on its way.
    pub async fn container_state(&self, id: &str) -> Result<Option<String>> {
        let filters = json!({ "id": [id] }).to_string();
        let request = RawRequest::get("/containers/json").query("all", "1").query("filters", filters);
        let found: Vec<Value> =
            self.wire().json(request).await.map_err(|failure| failure.during("list containers"))?;
        Ok(found.first().map(|container| container["State"].as_str().unwrap_or_default().to_owned()))
    }

    /// All that carry every one of the labels (`key` or `key=value`), running or not.
    pub async fn list_containers(&self, label_filters: &[&str]) -> Result<Vec<Value>> {
        let filters = json!({ "label": label_filters }).to_string();
        let request = RawRequest::get("/containers/json").query("all", "1").query("filters", filters);
        self.wire().json(request).await.map_err(|failure| failure.during("list containers"))
    }

    /// Forced, with its anonymous volumes; answers when the container is gone. A missing one is fine.
    pub async fn remove_container(&self, id: &str) -> Result<()> {
        let Ok(path) = path(id, "") else { return Ok(()) };
        let until = Instant::now() + REMOVAL;
        loop {
            let request = RawRequest::delete(path.clone()).query("force", "1").query("v", "1");
            match self.wire().call(request).await {
                Ok(_) => return Ok(()),
                Err(failure) if failure.status() == Some(404) => return Ok(()),
                Err(failure) if failure.status() == Some(409) => return self.removed(id, failure).await,
                Err(failure) if is_dying(&failure) && Instant::now() < until => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(failure) => return Err(failure.during(format!("remove container {id}"))),
            }
        }
    }

    /// A name that is in use is refused.
    pub async fn rename_container(&self, id: &str, name: &str) -> Result<()> {
        let request = RawRequest::post(path(id, "/rename")?).query("name", name);
        match self.wire().call(request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.status() == Some(404) && is_gone(&failure) => Err(not_found(id)),
            Err(failure) => Err(with_dockers_status(failure).during(format!("name a container {name:?}"))),
        }
    }

    /// By number; goes to the container's first process.
    pub async fn signal_container(&self, id: &str, signal: i32) -> Result<()> {
        let request = RawRequest::post(path(id, "/kill")?).query("signal", signal.to_string());
        match self.wire().call(request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.status() == Some(404) && is_gone(&failure) => Err(not_found(id)),
            Err(failure) => Err(failure.during(format!("signal container {id}"))),
        }
    }

    /// TERM, then KILL after `grace_secs`. A container that is stopped or missing is fine.
    pub async fn stop_container(&self, id: &str, grace_secs: u32) -> Result<()> {
        let Ok(path) = path(id, "/stop") else { return Ok(()) };
        let wait = Wait::OrdinaryPlus(Duration::from_secs(grace_secs.into()));
        let request = RawRequest::post(path).query("t", grace_secs.to_string()).waiting(wait);
        match self.wire().call(request).await {
            Err(failure) if failure.status() != Some(404) => {
                Err(failure.during(format!("stop container {id}")))
            }
            _ => Ok(()),
        }
    }

    /// Unpacks a tar archive into the folder `folder` of the container, which need not run.
    pub async fn put_archive(&self, id: &str, folder: &str, tar: Bytes) -> Result<()> {
        let mib = u32::try_from(tar.len() >> 20).unwrap_or(u32::MAX);
        let request = RawRequest::new(Method::Put, path(id, "/archive")?)
            .query("path", folder)
            .body(RawBody::Bytes("application/x-tar", tar))
            .waiting(Wait::OrdinaryPlus(PER_MIB.saturating_mul(mib)));
        match self.wire().call(request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.status() == Some(404) && is_gone(&failure) => Err(not_found(id)),
            Err(failure) => Err(failure.during(format!("write files to {folder} of container {id}"))),
        }
    }

    /// After a conflict: somebody else, or `AutoRemove`, is at it. `conflict` is told where that is not so.
    async fn removed(&self, id: &str, conflict: Failure) -> Result<()> {
        let request =
            RawRequest::post(path(id, "/wait")?).query("condition", "removed").waiting(Wait::Forever);
        let gone = self.wire().within(Some(REMOVAL), self.wire().call(request)).await;
        match gone {
            Ok(Err(failure)) if failure.status() == Some(404) => Ok(()),
            Ok(Ok(_)) if self.inspect_container(id).await?.is_none() => Ok(()),
            Ok(Err(failure @ Failure::Unreachable { .. })) => {
                Err(failure.during(format!("remove container {id}")))
            }
            _ => Err(conflict.during(format!("remove container {id}"))),
        }
    }
}

/// `/containers/{id}{rest}`; what cannot be an id is simply not there.
pub(super) fn path(id: &str, rest: &str) -> Result<String> {
    match is_name(id) {
        true => Ok(format!("/containers/{id}{rest}")),
        false => Err(not_found(id)),
    }
}

pub(super) fn not_found(id: &str) -> Error {
    Error::SandboxNotFound { id: id.escape_debug().to_string() }
}

/// Whether a 404 is about the container; it may as well be about a path, an image or a network.
pub(super) fn is_gone(failure: &Failure) -> bool {
    let message = failure.to_string().to_lowercase();
    message.contains("no such container") || message.contains("no container with")
}

/// Whether a removal failed that will not, a moment later: a thousand killed processes take long to end, and a container
/// whose engine was about to write it down still has a file. Left like that, it stays for ever.
fn is_dying(failure: &Failure) -> bool {
    let message = failure.to_string().to_lowercase();
    failure.status() == Some(500)
        && ["did not receive an exit event", "directory not empty"].iter().any(|it| message.contains(it))
}

fn not_created(failure: Failure, body: &Value) -> Error {
    let image = body["Image"].as_str().unwrap_or_default();
    match failure {
        Failure::Refused { status: 404, message } if message.to_lowercase().contains("no such image") => {
            let hint = "pull it first, or use pullPolicy 'ifNotPresent'".to_owned();
            Error::ImageNotFound { image: image.to_owned(), hint }
        }
        failure => with_dockers_status(failure).during(format!("create a container from image {image:?}")),
    }
}

/// Podman answers 500 to a name that is in use, a rename in the words of its database. Docker's own status is what
/// callers look at.
fn with_dockers_status(failure: Failure) -> Failure {
    match failure {
        Failure::Refused { status: 500, message } if message.contains("already in use") => {
            Failure::Refused { status: 409, message }
        }
        Failure::Refused { status: 500, message } if message.contains("ContainerConfig.Name") => {
            Failure::Refused { status: 409, message: "the name is already in use".to_owned() }
        }
        failure => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_image_is_told_apart_from_anything_else_that_is_missing() {
        let body = json!({ "Image": "nope:1" });
        let error =
            |message: &str| not_created(Failure::Refused { status: 404, message: message.to_owned() }, &body);
        assert!(
            matches!(error("No such image: nope:1"), Error::ImageNotFound { image, .. } if image == "nope:1")
        );
        assert!(matches!(error("network nope not found"), Error::Api { status: Some(404), .. }));
        let taken = "creating container storage: the container name \"a\" is already in use by 0f".to_owned();
        let taken = not_created(Failure::Refused { status: 500, message: taken }, &body);
        assert!(matches!(taken, Error::Api { status: Some(409), .. }));
        let message =
            "updating container config table: UNIQUE constraint failed: ContainerConfig.Name".to_owned();
        let taken = with_dockers_status(Failure::Refused { status: 500, message }).during("name a container");
        assert_eq!(taken.to_string(), "Docker could not name a container: the name is already in use");
        assert!(matches!(taken, Error::Api { status: Some(409), .. }));
    }

    #[test]
    fn what_is_no_id_is_not_found_without_asking() {
        for id in ["", "../images/x", "a/b", "a?force=1", "a\0b"] {
            assert!(matches!(path(id, "/json"), Err(Error::SandboxNotFound { .. })), "{id:?}");
        }
        assert_eq!(path("0a1b", "/start").unwrap(), "/containers/0a1b/start");
    }
}
