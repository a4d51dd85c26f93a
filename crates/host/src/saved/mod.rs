//! Snapshots and templates: images of ours, known by their labels and their repository, so that any process finds them
//! and nobody else's image can be listed or deleted.

mod context;
mod ignore;
mod snapshot;
mod template;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{Runtime, Whole, parse};
use crate::docker::{Engine, ImageInfo, ImageRemoval};
use crate::error::{Error, Result};
use crate::labels::{self, Labels};
use crate::provider::Provider;

pub use snapshot::SnapshotOptions;
pub use template::TemplateOptions;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A committed image of a sandbox.
    Snapshot,
    /// A named image that sandboxes start from.
    Template,
}

/// What is known of one.
#[derive(Debug, Clone)]
pub struct Saved {
    /// An image reference, such as `computesdk-snapshot:0a1b…`.
    pub id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Bytes, with the layers that it shares.
    pub size: u64,
    pub runtime: Option<Runtime>,
    /// Of a snapshot: where it came from.
    pub sandbox_id: Option<String>,
    pub metadata: Map<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListOptions {
    pub sandbox_id: Option<String>,
    pub limit: Option<Whole>,
}

impl ListOptions {
    /// Reads the options from any serde source.
    pub fn from_source<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Self> {
        parse(source)
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Template => "template",
        }
    }

    fn repository(self) -> &'static str {
        match self {
            Self::Snapshot => "computesdk-snapshot",
            Self::Template => "computesdk-template",
        }
    }

    fn reference(self, tag: &str) -> String {
        format!("{}:{tag}", self.repository())
    }

    /// Which kind a reference is of, judged by its repository.
    pub(crate) fn of_reference(image: &str) -> Option<Self> {
        let (repository, tag) = image.split_once(':')?;
        let kinds = [Self::Snapshot, Self::Template];
        kinds.into_iter().find(|kind| kind.repository() == repository && !tag.contains('/'))
    }

    pub(crate) fn not_found(self, id: &str) -> Error {
        Error::SavedNotFound { what: self.name(), id: id.to_owned() }
    }

    fn is_kind_of(self, labels: &Labels) -> bool {
        labels::text(labels, labels::SAVED) == Some(self.name())
    }

    /// The labels of an image of this kind, over those that it inherits.
    fn labels(self, metadata: &Map<String, Value>) -> Labels {
        let at = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let metadata = Value::Object(metadata.clone()).to_string();
        let texts = [
            (labels::SAVED, self.name().to_owned()),
            (labels::SAVED_AT, at.to_string()),
            (labels::SAVED_METADATA, metadata),
            (labels::SAVED_NAME, String::new()),
            (labels::SAVED_DESCRIPTION, String::new()),
            (labels::SAVED_FROM, String::new()),
        ];
        texts.into_iter().map(|(label, text)| (label.to_owned(), text.into())).collect()
    }
}

impl Saved {
    fn read(id: &str, labels: &Labels, size: u64) -> Self {
        let text = |label| labels::text(labels, label).map(str::to_owned);
        let metadata = text(labels::SAVED_METADATA).and_then(|text| serde_json::from_str(&text).ok());
        Self {
            id: id.to_owned(),
            name: text(labels::SAVED_NAME),
            description: text(labels::SAVED_DESCRIPTION),
            created_ms: text(labels::SAVED_AT).and_then(|ms| ms.parse().ok()).unwrap_or_default(),
            size,
            runtime: labels::runtime(labels),
            sandbox_id: text(labels::SAVED_FROM),
            metadata: metadata.unwrap_or_default(),
        }
    }

    /// From an item of `GET /images/json`; `None` where it has lost our name for it.
    fn of_listed(kind: Kind, image: &Value) -> Option<Self> {
        let tags = image["RepoTags"].as_array()?;
        // Podman names images with a registry, those of its own making too.
        let local = |tag: &Value| {
            let tag = tag.as_str()?;
            let registries = ["localhost/", "docker.io/library/"];
            let short = registries.iter().find_map(|registry| tag.strip_prefix(registry));
            Some(short.unwrap_or(tag).to_owned())
        };
        let id = tags.iter().filter_map(local).find(|tag| Kind::of_reference(tag) == Some(kind))?;
        Some(Self::read(&id, image["Labels"].as_object()?, image["Size"].as_u64().unwrap_or_default()))
    }
}

/// The runtime that an image of ours was made for.
pub(crate) fn runtime(image: &ImageInfo) -> Option<Runtime> {
    is_ours(image).then(|| labels::runtime(&image.labels)).flatten()
}

/// The workdir of an image of ours.
pub(crate) fn workdir(image: &ImageInfo) -> Option<&str> {
    Some(image.workdir.as_str()).filter(|workdir| is_ours(image) && !workdir.is_empty())
}

fn is_ours(image: &ImageInfo) -> bool {
    labels::text(&image.labels, labels::SAVED).is_some()
}

/// The template that a bare name means, if there is one.
pub(crate) async fn template_named(engine: &Engine, name: &str) -> Result<Option<String>> {
    if name.contains([':', '/', '@']) {
        return Ok(None);
    }
    let reference = Kind::Template.reference(name);
    Ok(engine.inspect_image(&reference).await?.map(|_| reference))
}

impl Provider {
    /// Newest first.
    pub async fn list_saved(&self, kind: Kind, options: ListOptions) -> Result<Vec<Saved>> {
        let limit = match options.limit {
            Some(Whole(limit)) => usize::try_from(limit).map_err(|_| Error::InvalidConfig {
                path: "limit".to_owned(),
                problem: format!("expected 0 or more, got {limit}"),
            })?,
            None => usize::MAX,
        };
        let mut labels = vec![format!("{}={}", labels::SAVED, kind.name())];
        labels.extend(options.sandbox_id.map(|id| format!("{}={id}", labels::SAVED_FROM)));
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let images = self.engine().list_images(&labels).await?;
        let mut saved: Vec<Saved> = images.iter().filter_map(|image| Saved::of_listed(kind, image)).collect();
        saved.sort_by_key(|it| std::cmp::Reverse(it.created_ms));
        saved.truncate(limit);
        Ok(saved)
    }

    /// One that sandboxes still use is refused.
    pub async fn delete_saved(&self, kind: Kind, id: &str) -> Result<()> {
        let reference = match kind {
            Kind::Template if !id.contains([':', '/', '@']) => kind.reference(id),
            _ => id.to_owned(),
        };
        if Kind::of_reference(&reference) != Some(kind) {
            return Err(kind.not_found(id));
        }
        let image = self.engine().inspect_image(&reference).await?;
        if !image.is_some_and(|image| kind.is_kind_of(&image.labels)) {
            return Err(kind.not_found(id));
        }
        match self.engine().remove_image(&reference).await? {
            ImageRemoval::Removed => Ok(()),
            ImageRemoval::Missing => Err(kind.not_found(id)),
            ImageRemoval::InUse { containers, message } => {
                let by = match containers.as_slice() {
                    [] => message,
                    ids => format!("sandbox {}", ids.join(", ")),
                };
                Err(Error::SavedInUse { what: kind.name(), id: id.to_owned(), by })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_references_of_ours_are_of_a_kind() {
        assert_eq!(Kind::of_reference("computesdk-snapshot:0a"), Some(Kind::Snapshot));
        assert_eq!(Kind::of_reference("computesdk-template:web"), Some(Kind::Template));
        for image in [
            "computesdk-snapshot",
            "python:3.11-slim",
            "evil.example/computesdk-snapshot:1",
            "computesdk-snapshot:5000/x",
        ] {
            assert_eq!(Kind::of_reference(image), None, "{image}");
        }
    }

    #[test]
    fn an_item_without_our_name_is_none_of_ours() {
        let labels = Kind::Snapshot.labels(&Map::new());
        let listed = |tags: Value| {
            Saved::of_listed(Kind::Snapshot, &json!({ "RepoTags": tags, "Labels": labels, "Size": 7 }))
        };
        let saved = listed(json!(["mine:1", "computesdk-snapshot:0a"])).unwrap();
        assert_eq!((saved.id.as_str(), saved.size), ("computesdk-snapshot:0a", 7));
        assert!(saved.name.is_none() && saved.sandbox_id.is_none() && saved.created_ms > 0);
        assert!(listed(json!(["mine:1"])).is_none());
        assert!(listed(Value::Null).is_none());
    }
}
