//! Pulling images: progress while it lasts, and which kind of failure it was. Credentials go to the engine and
//! nowhere else.

use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt as _;

use super::bridge;
use super::engine::Engine;
use super::failure::Failure;
use super::login::{Login, RegistryAuth};
use super::names::Reference;
use crate::error::{Error, Result};

/// What to pull, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct PullRequest<'a> {
    /// Without a tag or digest `latest` is meant.
    pub image: &'a str,
    /// `linux/arm64`; default: the engine's own.
    pub platform: Option<&'a str>,
    pub login: &'a Login,
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
    /// May take as long as it takes; ends when it is dropped.
    pub async fn pull(
        &self,
        request: PullRequest<'_>,
        progress: &mut (dyn FnMut(PullProgress) + Send),
    ) -> Result<()> {
        let Some(reference) = Reference::parse(request.image) else {
            let hint = "that is not how an image is named".to_owned();
            return Err(Error::ImageNotFound { image: request.image.to_owned(), hint });
        };
        let options = CreateImageOptionsBuilder::new().from_image(reference.name).tag(reference.tag);
        let options = request.platform.into_iter().fold(options, CreateImageOptionsBuilder::platform).build();
        let credentials = request.login.auth.as_ref().map(credentials);
        let mut lines = std::pin::pin!(self.bollard().create_image(Some(options), None, credentials));
        while let Some(line) =
            lines.try_next().await.map_err(|error| failed(request, bridge::unwrap(error)))?
        {
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
fn failed(request: PullRequest<'_>, failure: Failure) -> Error {
    let image = request.image.to_owned();
    let (status, message) = match failure {
        Failure::Unreachable { tried, source } => return Error::Unreachable { tried, source },
        Failure::Unreadable { message, source } => return Error::ImagePull { image, message, source },
        Failure::Refused { status, message } => (Some(status), message),
        Failure::Reported(message) => (None, message),
    };
    let message = without_secrets(message, request.login);
    match kind(status, &message) {
        Kind::Missing => {
            Error::ImageNotFound { image, hint: format!("no registry has it either: {message}") }
        }
        Kind::Auth => Error::RegistryAuth { image, message, hint: request.login.hint.clone() },
        Kind::Other => Error::ImagePull { image, message, source: None },
    }
}

/// Whatever a registry may echo.
fn without_secrets(message: String, login: &Login) -> String {
    let secrets = login.auth.iter().flat_map(RegistryAuth::secrets);
    secrets.fold(message, |message, secret| message.replace(secret, "***"))
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
    fn what_a_registry_echoes_is_told_without_the_secret() {
        let auth = RegistryAuth { password: Some("hunter2".to_owned()), ..RegistryAuth::default() };
        let login = Login { auth: Some(auth), hint: "check it".to_owned() };
        let request = PullRequest { image: "r.example/a", platform: None, login: &login };
        let failure =
            Failure::Refused { status: 500, message: "unauthorized: me:hunter2 is wrong".to_owned() };
        let told = failed(request, failure).to_string();
        assert!(told.contains("unauthorized: me:***") && told.ends_with("; check it"), "{told}");
    }
}
