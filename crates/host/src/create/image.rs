//! Which image a sandbox starts from, and making sure that the engine has it.

use super::options::CreateOptions;
use super::pulls::{self, Pulling, Wanted};
use crate::config::{Config, Image, Platform, PullPolicy, Runtime};
use crate::docker::{Engine, HUB, ImageInfo, Login, RegistryAuth, registry};
use crate::error::{Error, Result};
use crate::provider::Shared;
use crate::pull_log::PullLog;
use crate::saved::{self, Kind};

/// Snapshot, then template, then image of the call, then the configured one.
pub(super) async fn choose(
    engine: &Engine,
    config: &Config,
    options: &CreateOptions,
    runtime: Runtime,
) -> Result<String> {
    if let (None, Some(name)) = (&options.snapshot_id, &options.template_id)
        && let Some(reference) = saved::template_named(engine, name).await?
    {
        return Ok(reference);
    }
    Ok(chosen(config, options, runtime))
}

pub(crate) fn chosen(config: &Config, options: &CreateOptions, runtime: Runtime) -> String {
    let asked = options.snapshot_id.as_ref().or(options.template_id.as_ref()).or(options.image.as_ref());
    if let Some(image) = asked {
        return image.clone();
    }
    match &config.image.name {
        Some(name) if !contradicts(name, config, options, runtime) => name.clone(),
        _ => runtime.default_image().to_owned(),
    }
}

/// True when `create()` asked for a runtime that the configured image is plainly not for. An image whose name
/// says nothing is taken at the caller's word.
fn contradicts(image: &str, config: &Config, options: &CreateOptions, runtime: Runtime) -> bool {
    if options.runtime.is_none() || config.runtime == Some(runtime) {
        return false;
    }
    let names = |runtime: Runtime| repository(image).contains(runtime.name());
    let other = if runtime == Runtime::Python { Runtime::Node } else { Runtime::Python };
    names(other) && !names(runtime)
}

/// The reference without registry host, tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let host = registry(image).map_or(0, |host| host.len() + 1);
    let path = &image[host..];
    path.split(':').next().unwrap_or(path)
}

/// Pulls as the policy says and answers what the engine knows of the image.
pub(crate) async fn provide(shared: &Shared, options: &CreateOptions, image: &str) -> Result<ImageInfo> {
    if let Some(kind) = Kind::of_reference(image) {
        // Ours are in no registry; somebody else's there of that name must never be taken for one.
        return shared.engine.inspect_image(image).await?.ok_or_else(|| kind.not_found(image));
    }
    let Image { pull_policy, platform, .. } = &shared.config.image;
    if *pull_policy != PullPolicy::Always {
        let present = shared.engine.inspect_image(image).await?;
        let other = match present {
            Some(info) if platform.as_ref().is_none_or(|platform| fits(&info, platform)) => return Ok(info),
            other => other,
        };
        if *pull_policy == PullPolicy::Never {
            return Err(not_pulled(image, other.as_ref()));
        }
    }
    pull(shared, options, image).await?;
    let gone = || Error::ImageNotFound {
        image: image.to_owned(),
        hint: "it was pulled and then removed".to_owned(),
    };
    let mut info = shared.engine.inspect_image(image).await?.ok_or_else(gone)?;
    if let Some(platform) = platform {
        // Where an engine holds an image for several processors, inspect tells of its own.
        info.architecture = platform.architecture().to_owned();
    }
    Ok(info)
}

fn fits(info: &ImageInfo, platform: &Platform) -> bool {
    info.architecture == platform.architecture()
}

fn not_pulled(image: &str, other: Option<&ImageInfo>) -> Error {
    let hint = "pullPolicy is 'never'; pull it first, or use 'ifNotPresent'";
    let hint = match other {
        Some(other) => format!("it is there for {} only, and {hint}", other.architecture),
        None => hint.to_owned(),
    };
    Error::ImageNotFound { image: image.to_owned(), hint }
}

async fn pull(shared: &Shared, options: &CreateOptions, image: &str) -> Result<()> {
    let login = login(&shared.engine, &shared.config, image).await;
    let log = if shared.config.stream_logs { PullLog::on_stderr(image) } else { PullLog::off() };
    let wanted = Wanted { image: image.to_owned(), platform: shared.config.image.platform.clone() };
    let engine = shared.engine.clone();
    let begin = {
        let wanted = wanted.clone();
        |progress| pulls::pull(engine, Pulling { wanted, login, log }, progress)
    };
    shared.pulls.join(wanted, options.pull_listener.as_ref(), begin).await
}

/// `image.auth` where it is for that image's registry, else the docker command's login there. A registry that a
/// caller's image names never gets the credentials of another one.
pub(crate) async fn login(engine: &Engine, config: &Config, image: &str) -> Login {
    let wanted = registry(image);
    let Some(auth) = &config.image.auth else { return engine.login(wanted).await };
    let configured = config.image.name.as_deref().map(registry);
    let fits = auth.is_for(wanted).unwrap_or_else(|| configured.is_none_or(|registry| registry == wanted));
    if !fits {
        let login = engine.login(wanted).await;
        let hint = format!("image.auth is for another registry (image.auth.serveraddress); {}", login.hint);
        return Login { hint, ..login };
    }
    let server = || Some(wanted.unwrap_or(HUB).to_owned());
    let auth = RegistryAuth { serveraddress: auth.serveraddress.clone().or_else(server), ..auth.clone() };
    Login { auth: Some(auth), hint: "check image.auth".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(configured: Option<&str>, config_runtime: Option<Runtime>, asked: Option<&str>) -> String {
        let mut config = Config { runtime: config_runtime, ..Config::default() };
        config.image.name = configured.map(str::to_owned);
        let options = CreateOptions { runtime: asked.map(str::to_owned), ..CreateOptions::default() };
        let runtime =
            asked.map_or(config_runtime.unwrap_or(Runtime::Python), |name| Runtime::from_name(name).unwrap());
        super::chosen(&config, &options, runtime)
    }

    #[test]
    fn the_configured_image_is_swapped_only_when_the_asked_runtime_contradicts_it() {
        let node = Some(Runtime::Node);
        for (configured, config_runtime, asked, expected) in [
            (None, None, None, "python:3.11-slim"),
            (None, node, None, "node:20-alpine"),
            (Some("python:3.12"), None, Some("node"), "node:20-alpine"),
            (Some("python:3.12"), None, Some("python"), "python:3.12"),
            (Some("node:22"), None, None, "node:22"),
            (Some("ubuntu"), None, Some("node"), "ubuntu"),
            (Some("nodes.example:5000/tools/py"), None, Some("python"), "nodes.example:5000/tools/py"),
            (
                Some("node.example:5000/python:3@sha256:0"),
                None,
                Some("python"),
                "node.example:5000/python:3@sha256:0",
            ),
            (Some("node-python:1"), None, Some("python"), "node-python:1"),
            (Some("python:3.12"), node, Some("node"), "python:3.12"),
        ] {
            assert_eq!(chosen(configured, config_runtime, asked), expected, "{configured:?} {asked:?}");
        }
    }

    #[test]
    fn a_snapshot_comes_before_a_template_before_an_image() {
        let some = |text: &str| Some(text.to_owned());
        let mut options = CreateOptions { image: some("c"), ..CreateOptions::default() };
        let choice = |options: &CreateOptions| super::chosen(&Config::default(), options, Runtime::Node);
        assert_eq!(choice(&options), "c");
        options.template_id = some("b");
        assert_eq!(choice(&options), "b");
        options.snapshot_id = some("a");
        assert_eq!(choice(&options), "a");
    }
}
