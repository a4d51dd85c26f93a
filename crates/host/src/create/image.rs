//! Which image a sandbox starts from, and making sure that the engine has it.

use super::options::CreateOptions;
use crate::config::{Config, PullPolicy, Runtime};
use crate::docker::{Engine, ImageInfo};
use crate::error::{Error, Result};
use crate::stream_log;

/// Snapshot, then template, then image of the call, then the configured one.
pub(super) fn choose(config: &Config, options: &CreateOptions, runtime: Runtime) -> String {
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
    let path = match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
        _ => image,
    };
    path.split(':').next().unwrap_or(path)
}

/// Pulls as the policy says and answers what the engine knows of the image.
pub(super) async fn provide(engine: &Engine, config: &Config, image: &str) -> Result<ImageInfo> {
    let policy = config.image.pull_policy;
    if policy != PullPolicy::Always {
        if let Some(info) = engine.inspect_image(image).await? {
            return Ok(info);
        }
        if policy == PullPolicy::Never {
            let hint = "pullPolicy is 'never'; pull it first, or use 'ifNotPresent'".to_owned();
            return Err(Error::ImageNotFound { image: image.to_owned(), hint });
        }
    }
    pull(engine, config, image).await?;
    let gone = || Error::ImageNotFound {
        image: image.to_owned(),
        hint: "it was pulled and then removed".to_owned(),
    };
    engine.inspect_image(image).await?.ok_or_else(gone)
}

async fn pull(engine: &Engine, config: &Config, image: &str) -> Result<()> {
    let mut log = stream_log::PullLog::new(config.stream_logs, image);
    engine.pull(image, config.image.auth.as_ref(), &mut |progress| log.write(&progress)).await
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
        choose(&config, &options, runtime)
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
        let choice = |options: &CreateOptions| choose(&Config::default(), options, Runtime::Node);
        assert_eq!(choice(&options), "c");
        options.template_id = some("b");
        assert_eq!(choice(&options), "b");
        options.snapshot_id = some("a");
        assert_eq!(choice(&options), "a");
    }
}
