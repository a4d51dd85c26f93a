//! Credentials for a registry: those of the config, or the docker command's own logins (`config.json`, its credential
//! store and helpers). Looked up at each pull, as a login may come or expire meanwhile. What was found goes to the
//! engine and nowhere else.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

use super::engine::Engine;

/// What the docker command calls Docker Hub.
pub(crate) const HUB: &str = "https://index.docker.io/v1/";
/// A helper that asks its user for something, or hangs, is not waited for longer.
const HELPER: Duration = Duration::from_secs(15);

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

impl RegistryAuth {
    /// Whether these are for the registry of that name; `None` is Docker Hub.
    pub(crate) fn is_for(&self, registry: Option<&str>) -> Option<bool> {
        Some(host_of(self.serveraddress.as_deref()?) == registry)
    }

    /// The parts that must not be told.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = [&self.password, &self.identitytoken, &self.registrytoken];
        secrets.into_iter().filter_map(Option::as_deref).filter(|secret| !secret.is_empty())
    }
}

/// `https://registry.example:5000/v2/` is the registry `registry.example:5000`.
fn host_of(address: &str) -> Option<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    (!matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")).then_some(host)
}

/// What is known for a pull, and what to say should the registry not be content with it.
#[derive(Debug, Clone, Default)]
pub struct Login {
    pub auth: Option<RegistryAuth>,
    pub hint: String,
}

impl Engine {
    /// The docker command's login at a registry; `None` is Docker Hub.
    pub async fn login(&self, registry: Option<&str>) -> Login {
        let key = registry.unwrap_or(HUB).to_owned();
        let name = registry.unwrap_or("docker.io").to_owned();
        let Some(folder) = self.wire().target().docker_folder.clone() else { return nobody(&name) };
        // Helpers are programs: they may take their time, and must not take the runtime's.
        let looking = tokio::task::spawn_blocking({
            let name = name.clone();
            move || look_up(&folder, &key, &name)
        });
        match tokio::time::timeout(HELPER, looking).await {
            Ok(Ok(login)) => login,
            _ => {
                problem(&name, &format!("the credential helper did not answer within {} s", HELPER.as_secs()))
            }
        }
    }
}

fn look_up(folder: &Path, key: &str, name: &str) -> Login {
    let file = folder.join("config.json");
    let Ok(text) = std::fs::read(&file) else { return nobody(name) };
    let auth = match get_credential_from_reader(text.as_slice(), key) {
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            RegistryAuth { username: Some(username), password: Some(password), ..RegistryAuth::default() }
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            RegistryAuth { identitytoken: Some(token), ..RegistryAuth::default() }
        }
        Err(error) => return without(&error, &file.display().to_string(), name),
    };
    Login {
        auth: Some(RegistryAuth { serveraddress: Some(key.to_owned()), ..auth }),
        hint: format!("check the login at {name} in {}, or set image.auth", file.display()),
    }
}

/// The docker command pulls without credentials where it finds none, whatever the reason; but it is told.
fn without(error: &CredentialRetrievalError, file: &str, name: &str) -> Login {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => nobody(name),
        // What helpers print may hold secrets.
        CredentialRetrievalError::HelperFailure { stdout, stderr, .. }
            if [stdout, stderr].iter().any(|said| said.contains("credentials not found")) =>
        {
            nobody(name)
        }
        CredentialRetrievalError::HelperFailure { helper, .. } => problem(name, &format!("{helper} failed")),
        CredentialRetrievalError::HelperCommunicationError => {
            problem(name, &format!("the credential helper that {file} names could not be run"))
        }
        CredentialRetrievalError::MalformedHelperResponse => problem(
            name,
            &format!("the credential helper that {file} names answered in no form that is known"),
        ),
        _ => problem(name, &format!("{file} could not be read")),
    }
}

fn nobody(name: &str) -> Login {
    Login { auth: None, hint: format!("no login at {name} is known: set image.auth, or use docker login") }
}

fn problem(name: &str, what: &str) -> Login {
    Login { auth: None, hint: format!("no login at {name} is known, as {what}") }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn folder(test: &str, config: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("computesdk-login-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.json"), config).unwrap();
        folder
    }

    fn found(test: &str, config: &str, key: &str) -> Login {
        let folder = folder(test, config);
        let login = look_up(&folder, key, "r.example");
        std::fs::remove_dir_all(folder).unwrap();
        login
    }

    #[test]
    fn logins_are_read_by_registry() {
        // me:hunter2
        let config = r#"{"auths":{"r.example:5000":{"auth":"bWU6aHVudGVyMg=="},"https://index.docker.io/v1/":
            {"identitytoken":"hub-token"},"empty.example":{}}}"#;
        let auth = found("auths", config, "r.example:5000").auth.unwrap();
        assert_eq!((auth.username.as_deref(), auth.password.as_deref()), (Some("me"), Some("hunter2")));
        assert_eq!(auth.serveraddress.as_deref(), Some("r.example:5000"));
        let auth = found("hub", config, HUB).auth.unwrap();
        assert_eq!(auth.identitytoken.as_deref(), Some("hub-token"));
        for key in ["other.example", "empty.example"] {
            let login = found("none", config, key);
            assert!(login.auth.is_none() && login.hint.contains("docker login"), "{login:?}");
        }
    }

    #[test]
    fn what_keeps_a_login_from_being_read_is_told() {
        for (test, config, told) in [
            ("broken", "{", "config.json could not be read"),
            (
                "undecodable",
                r#"{"auths":{"r.example":{"auth":"*hunter2*"}}}"#,
                "config.json could not be read",
            ),
            ("absent", r#"{"credHelpers":{"r.example":"computesdk-none"}}"#, "could not be run"),
            ("store", r#"{"credsStore":"computesdk-none"}"#, "could not be run"),
        ] {
            let login = found(test, config, "r.example");
            assert!(login.auth.is_none() && login.hint.contains(told), "{login:?}");
            assert!(!login.hint.contains("hunter2"), "{login:?}");
        }
        assert!(look_up(Path::new("/nowhere"), HUB, "docker.io").hint.contains("docker login"));
    }

    #[test]
    fn an_address_says_which_registry_it_is_of() {
        let auth = |address: &str| RegistryAuth {
            serveraddress: Some(address.to_owned()),
            ..RegistryAuth::default()
        };
        for address in [HUB, "docker.io", "https://registry-1.docker.io"] {
            assert_eq!(auth(address).is_for(None), Some(true), "{address}");
            assert_eq!(auth(address).is_for(Some("r.example")), Some(false), "{address}");
        }
        for address in ["r.example:5000", "http://r.example:5000/v2/"] {
            assert_eq!(auth(address).is_for(Some("r.example:5000")), Some(true), "{address}");
            assert_eq!(auth(address).is_for(Some("r.example")), Some(false), "{address}");
        }
        assert_eq!(RegistryAuth::default().is_for(None), None);
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
