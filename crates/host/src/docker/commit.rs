//! Images that we made: committed from a container, listed by their labels, removed.

use std::time::Duration;

use serde_json::{Value, json};

use super::container::{is_gone, not_found};
use super::engine::Engine;
use super::names::{Reference, is_name};
use super::raw::RawRequest;
use super::wire::Wait;
use crate::error::{Error, Result};

/// A commit and a removal may take longer by this: they read and write whole layers.
const LAYERS: Duration = Duration::from_secs(600);

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRemoval {
    Removed,
    Missing,
    /// The containers that use it, and what the engine said.
    InUse {
        containers: Vec<String>,
        message: String,
    },
}

impl Engine {
    /// Saves a container's file system as `repository:tag`; it is frozen meanwhile, so that its files fit together.
    /// `config` as in the body of `POST /commit`, over the container's own. Answers the image's id.
    pub async fn commit(&self, container: &str, reference: &str, config: &Value) -> Result<String> {
        #[derive(serde::Deserialize)]
        struct Committed {
            #[serde(rename = "Id")]
            id: String,
        }
        let image = Reference::parse(reference).filter(|_| is_name(container));
        let Reference { name, tag } = image.ok_or_else(|| not_found(container))?;
        let request = RawRequest::post("/commit")
            .query("container", container)
            .query("repo", name)
            .query("tag", tag)
            .query("pause", "1")
            .json(config.clone())
            .waiting(Wait::OrdinaryPlus(LAYERS));
        let commit = async {
            match self.wire().json::<Committed>(request).await {
                Ok(committed) => Ok(committed.id),
                Err(failure) if failure.status() == Some(404) && is_gone(&failure) => {
                    Err(not_found(container))
                }
                Err(failure) => Err(failure.during(format!("save container {container} as an image"))),
            }
        };
        self.while_no_exec_starts(container, commit).await
    }

    /// Tagged images that carry every one of the labels (`key` or `key=value`).
    pub async fn list_images(&self, labels: &[&str]) -> Result<Vec<Value>> {
        let filters = json!({ "label": labels, "dangling": ["false"] }).to_string();
        let request = RawRequest::get("/images/json").query("filters", filters);
        self.wire().json(request).await.map_err(|failure| failure.during("list images"))
    }

    /// By reference or id; layers that other images need stay.
    pub async fn remove_image(&self, image: &str) -> Result<ImageRemoval> {
        if Reference::parse(image).is_none() {
            return Ok(ImageRemoval::Missing);
        }
        let request = RawRequest::delete(format!("/images/{image}")).waiting(Wait::OrdinaryPlus(LAYERS));
        match self.wire().call(request).await {
            Ok(_) => Ok(ImageRemoval::Removed),
            Err(failure) if failure.status() == Some(404) => Ok(ImageRemoval::Missing),
            Err(failure) if failure.status() == Some(409) => {
                let message = failure.to_string();
                Ok(ImageRemoval::InUse { containers: self.containers_of(image).await?, message })
            }
            Err(failure) => Err(failure.during(format!("remove image {image:?}"))),
        }
    }

    async fn containers_of(&self, image: &str) -> Result<Vec<String>> {
        let filters = json!({ "ancestor": [image] }).to_string();
        let request = RawRequest::get("/containers/json").query("all", "1").query("filters", filters);
        let found: Vec<Value> =
            self.wire().json(request).await.map_err(|failure| failure.during("list containers"))?;
        Ok(found.iter().filter_map(|it| it["Id"].as_str().map(str::to_owned)).collect())
    }

    /// Gives an error the words of an engine's complaint.
    pub(super) fn complaint(action: impl Into<String>, message: impl Into<String>) -> Error {
        Error::Api { action: action.into(), message: message.into(), status: None, source: None }
    }
}
