//! The docker command's contexts: named engines with their TLS material, kept in files. Reading only.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::environment::Environment;
use super::tls::{Check, Material};

/// The one that stands for the default socket and has no file.
const DEFAULT: &str = "default";

/// An engine as a context describes it.
#[derive(Debug)]
pub(super) struct Context {
    /// Where the choice of this context came from, for messages.
    pub(super) found: String,
    pub(super) host: String,
    pub(super) tls: Option<Material>,
}

/// A context that was asked for and cannot be used: by what, and why.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) asked_by: String,
    pub(super) problem: String,
}

/// The context that `DOCKER_CONTEXT` or `config.json` names, if it is not the default one.
pub(super) fn current(environment: &Environment<'_>) -> Result<Option<Context>, Unusable> {
    let folder = environment.docker_folder();
    let (name, asked_by) = match environment.get("DOCKER_CONTEXT") {
        Some(name) => (name, "DOCKER_CONTEXT".to_owned()),
        None => {
            let Some(file) = folder.as_ref().map(|folder| folder.join("config.json")) else {
                return Ok(None);
            };
            let Some(name) = current_in(&file) else { return Ok(None) };
            (name, format!("currentContext of {}", file.display()))
        }
    };
    if name == DEFAULT {
        return Ok(None);
    }
    let unusable = |problem| Unusable { asked_by: asked_by.clone(), problem };
    let folder = folder.ok_or_else(|| unusable("there is no home folder to look in".to_owned()))?;
    let found = format!("context '{name}' of {asked_by}");
    read(&folder.join("contexts"), &name, found).map(Some).map_err(unusable)
}

/// A file that is not there or broken names no context; the docker command goes on likewise.
fn current_in(file: &Path) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Settings {
        current_context: Option<String>,
    }
    let settings: Settings = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    settings.current_context.filter(|name| !name.is_empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Docker,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Docker {
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

fn read(contexts: &Path, name: &str, found: String) -> Result<Context, String> {
    let folder = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let file = contexts.join("meta").join(&folder).join("meta.json");
    let text = std::fs::read(&file).map_err(|_| {
        format!("there is no context '{name}' in {}; see docker context ls", contexts.display())
    })?;
    let meta: Meta = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let docker = meta.endpoints.docker;
    let tls: PathBuf = contexts.join("tls").join(&folder).join("docker");
    let material = Material::in_folder(&tls)?;
    if !docker.skip_tls_verify {
        return Ok(Context { found, host: docker.host, tls: material });
    }
    // Told wherever the address is: this context trusts whoever answers.
    let found = format!("{found}, its certificate unchecked");
    let tls = Some(Material { check: Check::None, ..material.unwrap_or_default() });
    Ok(Context { found, host: docker.host, tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMOTE: &str = "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a";

    fn store(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("computesdk-context-{test}-{}", std::process::id()));
        // As the docker command names it: sha256("remote").
        let meta = folder.join("contexts/meta").join(REMOTE);
        std::fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name":"remote","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@box","SkipTLSVerify":false}}}"#;
        std::fs::write(meta.join("meta.json"), text).unwrap();
        folder
    }

    fn found(folder: &Path, context: Option<&str>) -> Result<Option<Context>, Unusable> {
        let folder = folder.to_str().unwrap().to_owned();
        current(&Environment::new(&|name| match name {
            "DOCKER_CONFIG" => Some(folder.clone()),
            "DOCKER_CONTEXT" => context.map(str::to_owned),
            _ => None,
        }))
    }

    #[test]
    fn a_context_may_waive_the_check_of_the_certificate_and_is_named_for_it() {
        let folder = store("unchecked");
        let meta = folder.join("contexts/meta").join(REMOTE).join("meta.json");
        let text =
            r#"{"Name":"remote","Endpoints":{"docker":{"Host":"tcp://box:2376","SkipTLSVerify":true}}}"#;
        std::fs::write(meta, text).unwrap();
        let context = found(&folder, Some("remote")).unwrap().unwrap();
        assert_eq!(context.tls.unwrap().check, Check::None);
        assert!(context.found.ends_with(", its certificate unchecked"), "{}", context.found);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_variable_comes_before_the_file_and_default_is_none() {
        let folder = store("order");
        assert!(found(&folder, None).unwrap().is_none());
        std::fs::write(folder.join("config.json"), r#"{"auths":{},"currentContext":"remote"}"#).unwrap();
        let context = found(&folder, None).unwrap().unwrap();
        assert_eq!(context.host, "ssh://me@box");
        assert!(context.found.contains("'remote'") && context.found.contains("config.json"), "{context:?}");
        assert!(found(&folder, Some("default")).unwrap().is_none());
        let problem = found(&folder, Some("nope")).unwrap_err();
        assert_eq!(problem.asked_by, "DOCKER_CONTEXT");
        assert!(problem.problem.contains("'nope'"), "{problem:?}");
        std::fs::write(folder.join("config.json"), "{").unwrap();
        assert!(found(&folder, None).unwrap().is_none());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
