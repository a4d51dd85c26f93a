//! Images as the engine has them. Getting them there is `pull`'s.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::engine::Engine;
use super::names::Reference;
use super::raw::RawRequest;
use crate::error::Result;

/// What a sandbox needs to know of its image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageInfo {
    pub id: String,
    /// As Docker names it: `amd64`, `arm64`, …
    pub architecture: String,
    pub os: String,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    /// Empty where the image names none.
    pub workdir: String,
    pub user: String,
    pub labels: Map<String, Value>,
    /// Bytes, with the layers that it shares.
    pub size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    id: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    size: u64,
    config: Option<Config>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
    labels: Option<Map<String, Value>>,
}

impl Engine {
    /// By name or id; `None` when the engine does not have it.
    pub async fn inspect_image(&self, name: &str) -> Result<Option<ImageInfo>> {
        if Reference::parse(name).is_none() {
            return Ok(None);
        }
        match self.wire().json::<Answer>(RawRequest::get(format!("/images/{name}/json"))).await {
            Ok(answer) => Ok(Some(answer.into())),
            Err(failure) if failure.status() == Some(404) => Ok(None),
            Err(failure) => Err(failure.during(format!("inspect image {name:?}"))),
        }
    }
}

impl From<Answer> for ImageInfo {
    fn from(answer: Answer) -> Self {
        let config = answer.config.unwrap_or_default();
        Self {
            id: answer.id,
            architecture: answer.architecture,
            os: answer.os,
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
            workdir: config.working_dir.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            labels: config.labels.unwrap_or_default(),
            size: answer.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ImageInfo {
        serde_json::from_str::<Answer>(json).unwrap().into()
    }

    #[test]
    fn nulls_and_missing_fields_of_any_engine_are_read() {
        let info = read(r#"{"Id":"sha256:1","Architecture":"arm64","Os":"linux","Config":null}"#);
        assert_eq!((info.id.as_str(), info.architecture.as_str()), ("sha256:1", "arm64"));
        let info =
            read(r#"{"Id":"a","Config":{"Entrypoint":null,"Cmd":["sh"],"WorkingDir":"/w","User":"u"}}"#);
        assert_eq!((info.entrypoint, info.cmd), (vec![], vec!["sh".to_owned()]));
        assert_eq!((info.workdir.as_str(), info.user.as_str()), ("/w", "u"));
    }
}
