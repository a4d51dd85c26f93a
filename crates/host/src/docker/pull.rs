//! Pulling images: progress while it lasts, and which kind of failure it was. Credentials go to the engine and
//! nowhere else.

use std::fmt;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt as _;

use super::bridge;
use super::engine::Engine;
use super::failure::Failure;
use super::names::Reference;
use crate::error::{Error, Result};

/// `image.auth`.
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryAuth {
    pub username: Option<String>,
    pub password: Option<String>,
    pub serveraddress: Option<String>,
    pub identitytoken: Option<String>,
    pub registrytoken: Option<String>,
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryAuth").field("serveraddress", &self.serveraddress).finish_non_exhaustive()
    }
}

/// One line of a pull's progress.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullProgress {
    pub status: String,
    /// The layer, or nothing for the image as a whole.
    pub id: Option<String>,
    /// Bytes, where known.
    pub current: Option<u64>,
    pub total: Option<u64>,
}

impl Engine {
    /// Without a tag or digest the image's `latest` is pulled. May take as long as it takes.
    pub async fn pull(
        &self,
        image: &str,
        auth: Option<&RegistryAuth>,
        progress: &mut (dyn FnMut(PullProgress) + Send),
    ) -> Result<()> {
        let Some(reference) = Reference::parse(image) else {
            let hint = "that is not how an image is named".to_owned();
            return Err(Error::ImageNotFound { image: image.to_owned(), hint });
        };
        let options = CreateImageOptionsBuilder::new().from_image(reference.name).tag(reference.tag).build();
        let mut lines =
            std::pin::pin!(self.bollard().create_image(Some(options), None, auth.map(credentials)));
        while let Some(line) = lines.try_next().await.map_err(|error| failed(image, bridge::unwrap(error)))? {
            let detail = line.progress_detail.unwrap_or_default();
            let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
            progress(PullProgress {
                status: line.status.unwrap_or_default(),
                id: line.id,
                current: bytes(detail.current),
                total: bytes(detail.total),
            });
        }
        Ok(())
    }
}

fn credentials(auth: &RegistryAuth) -> DockerCredentials {
    DockerCredentials {
        username: auth.username.clone(),
        password: auth.password.clone(),
        serveraddress: auth.serveraddress.clone(),
        identitytoken: auth.identitytoken.clone(),
        registrytoken: auth.registrytoken.clone(),
        ..DockerCredentials::default()
    }
}

/// Engines pass a registry's refusal on with various statuses, or none in the middle of the stream: its text is
/// what all of them have.
fn failed(image: &str, failure: Failure) -> Error {
    let image = image.to_owned();
    let (status, message) = match failure {
        Failure::Unreachable { tried, source } => return Error::Unreachable { tried, source },
        Failure::Unreadable { message, source } => return Error::ImagePull { image, message, source },
        Failure::Refused { status, message } => (Some(status), message),
        Failure::Reported(message) => (None, message),
    };
    match kind(status, &message) {
        Kind::Missing => {
            Error::ImageNotFound { image, hint: format!("no registry has it either: {message}") }
        }
        Kind::Auth => Error::RegistryAuth { image, message },
        Kind::Other => Error::ImagePull { image, message, source: None },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Missing,
    Auth,
    Other,
}

fn kind(status: Option<u16>, message: &str) -> Kind {
    let says = |words: &[&str]| {
        let message = message.to_lowercase();
        words.iter().any(|word| message.contains(word))
    };
    // Docker Hub says the same of what does not exist and of what is private; the former is by far more common.
    if says(&["repository does not exist", "manifest unknown", "name unknown", "manifest for "]) {
        return Kind::Missing;
    }
    if status == Some(401)
        || says(&["unauthorized", "authentication required", "no basic auth", "incorrect username", "denied"])
    {
        return Kind::Auth;
    }
    if status == Some(404) || says(&["not found: ", ": not found", "no matching manifest"]) {
        return Kind::Missing;
    }
    Kind::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_say_is_sorted_into_missing_refused_and_failed() {
        let hub =
            "pull access denied for nope, repository does not exist or may require 'docker login': denied";
        for (status, message, expected) in [
            (Some(404), hub, Kind::Missing),
            (Some(404), "manifest for a:b not found: manifest unknown: manifest unknown", Kind::Missing),
            (None, "localhost:5000/a:b: not found", Kind::Missing),
            (
                Some(500),
                "Head \"http://localhost:5000/v2/a/manifests/b\": no basic auth credentials",
                Kind::Auth,
            ),
            (Some(500), "Get \"https://r/v2/\": unauthorized: incorrect username or password", Kind::Auth),
            (Some(500), "Get \"https://r/v2/\": dial tcp: lookup r: no such host", Kind::Other),
            (None, "unexpected EOF", Kind::Other),
            (Some(500), "write /var/lib/docker/tmp/x: no space left on device", Kind::Other),
        ] {
            assert_eq!(kind(status, message), expected, "{message}");
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        let auth = RegistryAuth {
            username: Some("me".to_owned()),
            password: Some("hunter2".to_owned()),
            identitytoken: Some("hunter2".to_owned()),
            registrytoken: Some("hunter2".to_owned()),
            serveraddress: Some("r.example".to_owned()),
        };
        let shown = format!("{auth:?}");
        assert!(!shown.contains("hunter2") && shown.contains("r.example"), "{shown}");
    }
}
