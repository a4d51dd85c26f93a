//! Building a template: the Dockerfile that the options come to, the build, and what is told of one that failed.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::context::{self, Context, Packed};
use super::{Kind, Saved};
use crate::chunk::Chunk;
use crate::config::{Platform, Runtime, parse};
use crate::create::{CreateOptions, image};
use crate::docker::{Build, BuildLine, Building, HUB, RegistryAuth, registry};
use crate::error::{Error, Result};
use crate::labels;
use crate::provider::Provider;
use crate::sandbox::Sink;
use crate::session::Stream;
use crate::stream_log::RunLog;

/// Lines of output that a failure shows.
const TAIL: usize = 12;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TemplateOptions {
    pub name: String,
    pub description: Option<String>,
    /// Its text, or its path in the context.
    pub dockerfile: Option<String>,
    /// What to start from where there is no Dockerfile.
    pub image: Option<String>,
    pub context: Option<Context>,
    /// Shell commands, run one after another at the end.
    pub setup: Vec<String>,
    /// Kept as text: a wrong one has an error of its own.
    pub runtime: Option<String>,
    pub metadata: Map<String, Value>,
}

impl TemplateOptions {
    /// Reads and checks the options from any serde source.
    pub fn from_source<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Self> {
        let options: Self = parse(source)?;
        options.check()?;
        Ok(options)
    }

    /// A name has to be an image's tag.
    fn check(&self) -> Result<()> {
        let refuse = |path: &str, problem: String| Err(Error::InvalidConfig { path: path.into(), problem });
        let fits = (1..=128).contains(&self.name.len())
            && !self.name.starts_with(['.', '-'])
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !fits {
            let problem = format!("expected 1 to 128 of A-Z a-z 0-9 _ . -, got {:?}", self.name);
            return refuse("name", problem);
        }
        if let Some(image) = &self.image {
            crate::config::check_image("image", image)?;
        }
        if self.image.is_some() && self.dockerfile.is_some() {
            return refuse("image", "the dockerfile names what it starts from; leave one of both out".into());
        }
        match self.setup.iter().position(|command| command.contains('\0')) {
            Some(at) => refuse(&format!("setup[{at}]"), "must not hold a NUL byte".into()),
            None => Ok(()),
        }
    }

    fn runtime(&self) -> Result<Option<Runtime>> {
        self.runtime.as_deref().map(Runtime::from_name).transpose()
    }

    fn labels(&self, runtime: Option<Runtime>) -> labels::Labels {
        let mut labels = Kind::Template.labels(&self.metadata);
        labels.insert(labels::SAVED_NAME.to_owned(), self.name.as_str().into());
        if let Some(description) = &self.description {
            labels.insert(labels::SAVED_DESCRIPTION.to_owned(), description.as_str().into());
        }
        if let Some(runtime) = runtime {
            labels.insert(labels::RUNTIME.to_owned(), runtime.name().into());
        }
        labels
    }
}

/// A command as one instruction, whatever it holds.
fn instruction(command: &str) -> String {
    format!("RUN {}", serde_json::json!(["/bin/sh", "-c", command]))
}

/// Text if it has instructions, which have spaces.
fn is_text(dockerfile: &str) -> bool {
    dockerfile.contains(char::is_whitespace)
}

impl Provider {
    /// Builds the image and gives it the name; one that had the name before goes, unless it is in use.
    pub async fn create_template(
        &self,
        options: TemplateOptions,
        output: Option<Sink>,
        cancel: CancellationToken,
    ) -> Result<Saved> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::Aborted),
            saved = self.build_template(&options, output) => saved,
        }
    }

    async fn build_template(&self, options: &TemplateOptions, output: Option<Sink>) -> Result<Saved> {
        let runtime = options.runtime()?;
        let engine = self.engine();
        let packed = self.pack(options, runtime).await?;
        let reference = Kind::Template.reference(&options.name);
        let before = engine.inspect_image(&reference).await?;
        let build = Build {
            reference: &reference,
            dockerfile: &packed.dockerfile,
            labels: options.labels(runtime),
            platform: self.shared.config.image.platform.as_ref().map(Platform::as_str),
            logins: self.logins(&packed.bases).await,
            context: packed.tar,
        };
        let building = engine.build(build).await?;
        let log = self.shared.config.stream_logs.then(|| RunLog::of_build(&options.name));
        Report { options, step: None, tail: Vec::new(), log, output }.follow(building).await?;
        let image = engine.inspect_image(&reference).await?;
        let image = image.ok_or_else(|| Kind::Template.not_found(&reference))?;
        if let Some(before) = before.filter(|before| before.id != image.id) {
            // Sandboxes may still use it; then it stays without a name.
            _ = engine.remove_image(&before.id).await;
        }
        Ok(Saved::read(&reference, &image.labels, image.size))
    }

    async fn pack(&self, options: &TemplateOptions, runtime: Option<Runtime>) -> Result<Packed> {
        let base = self.base(options, runtime).await?;
        let options = options.clone();
        let packing = tokio::task::spawn_blocking(move || {
            let mut text = match (base, options.dockerfile) {
                (Some(image), _) => format!("FROM {image}\n"),
                (None, Some(text)) if is_text(&text) => text,
                (None, path) => context::read_dockerfile(
                    options.context.as_ref(),
                    path.as_deref().unwrap_or("Dockerfile"),
                )?,
            };
            for command in &options.setup {
                // Writing to a String cannot fail.
                _ = write!(text, "\n{}", instruction(command));
            }
            text.push('\n');
            context::pack(options.context.as_ref(), &text)
        });
        packing.await.map_err(|stopped| Error::CannotRun { what: stopped.to_string() })?
    }

    /// The image to start from where no Dockerfile says, made sure of.
    async fn base(&self, options: &TemplateOptions, runtime: Option<Runtime>) -> Result<Option<String>> {
        let config = &self.shared.config;
        let name = match &options.image {
            Some(image) => image.clone(),
            None if options.dockerfile.is_some() || options.context.is_some() => return Ok(None),
            None => {
                let asked = CreateOptions { runtime: options.runtime.clone(), ..CreateOptions::default() };
                image::chosen(config, &asked, runtime.or(config.runtime).unwrap_or(Runtime::Python))
            }
        };
        image::provide(&self.shared, &CreateOptions::default(), &name).await?;
        Ok(Some(name))
    }

    async fn logins(&self, images: &[String]) -> Vec<(String, RegistryAuth)> {
        let mut logins = Vec::new();
        for image in images {
            let login = image::login(self.engine(), &self.shared.config, image).await;
            let registry = registry(image).unwrap_or(HUB).to_owned();
            logins.extend(login.auth.map(|auth| (registry, auth)));
        }
        logins
    }
}

/// Hands a build's output on, and remembers what a failure has to tell.
struct Report<'a> {
    options: &'a TemplateOptions,
    step: Option<String>,
    tail: Vec<String>,
    log: Option<RunLog>,
    output: Option<Sink>,
}

impl Report<'_> {
    async fn follow(mut self, mut building: Building) -> Result<()> {
        while let Some(line) = building.next().await? {
            match line {
                BuildLine::Text(text) => self.text(text).await?,
                BuildLine::Failed(message) => {
                    self.finish().await;
                    return Err(self.failure(&message));
                }
            }
        }
        self.finish().await;
        Ok(())
    }

    async fn text(&mut self, text: String) -> Result<()> {
        if let Some(step) = text.strip_prefix("Step ").or_else(|| text.strip_prefix("STEP ")) {
            self.step = Some(step.trim_end().to_owned());
            self.tail.clear();
        } else {
            self.tail.extend(text.lines().filter(|line| !is_noise(line)).map(str::to_owned));
            let surplus = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..surplus);
        }
        let data = Bytes::from(text);
        if let Some(log) = &mut self.log {
            log.write(Stream::Stdout, &data).await;
        }
        if let Some(output) = &self.output {
            // Who listened has gone: the build need not go on.
            let sent = output.send(Chunk { stream: Stream::Stdout, data }).await;
            sent.map_err(|_| Error::Aborted)?;
        }
        Ok(())
    }

    async fn finish(&mut self) {
        if let Some(log) = &mut self.log {
            log.finish().await;
        }
    }

    fn failure(&self, message: &str) -> Error {
        let step = self.step.as_ref().map(|step| format!(" at step {}", self.words(step)));
        let tail: String = self.tail.iter().fold(String::new(), |tail, line| tail + "\n  " + line);
        let message = format!("{}{tail}", message.trim_end());
        Error::TemplateBuild { name: self.options.name.clone(), step: step.unwrap_or_default(), message }
    }

    /// A step of `setup` in the caller's own words.
    fn words(&self, step: &str) -> String {
        let mut setup = self.options.setup.iter().enumerate();
        match setup.find(|(_, command)| step.ends_with(&instruction(command))) {
            Some((at, command)) => {
                let number = step.split(" : ").next().unwrap_or_default();
                format!("{number} (setup[{at}]), {command}")
            }
            None => step.replacen(" : ", ", ", 1),
        }
    }
}

/// What the builder says of its own work.
fn is_noise(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("---> ") || line.starts_with("Removing intermediate container")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(options: Value) -> Result<TemplateOptions> {
        TemplateOptions::from_source(options)
    }

    #[test]
    fn a_command_cannot_become_another_instruction() {
        let line = instruction("echo \"a\"\nUSER root");
        assert_eq!(line.lines().count(), 1);
        assert_eq!(line, r#"RUN ["/bin/sh","-c","echo \"a\"\nUSER root"]"#);
    }

    #[test]
    fn a_failure_names_its_step() {
        let options = options(json!({ "name": "t", "setup": ["echo fine", "pip install nope"] })).unwrap();
        let mut report = Report { options: &options, step: None, tail: Vec::new(), log: None, output: None };
        assert_eq!(report.failure("no").to_string(), "template \"t\" could not be built: no");
        report.step = Some("2/4 : COPY a b".to_owned());
        assert!(report.failure("no").to_string().contains(" at step 2/4, COPY a b: no"));
        report.step = Some(format!("3/4 : {}", instruction("pip install nope")));
        report.tail.push("it is not there".to_owned());
        let text = report.failure("no").to_string();
        assert!(text.ends_with("at step 3/4 (setup[1]), pip install nope: no\n  it is not there"), "{text}");
    }

    #[test]
    fn options_are_checked() {
        for (given, path) in [
            (json!({ "name": "a/b" }), "name"),
            (json!({ "name": "" }), "name"),
            (json!({ "name": "a", "image": "x y" }), "image"),
            (json!({ "name": "a", "image": "x", "dockerfile": "FROM x" }), "image"),
            (json!({ "name": "a", "setup": ["a\0"] }), "setup[0]"),
        ] {
            match options(given) {
                Err(Error::InvalidConfig { path: got, .. }) => assert_eq!(got, path),
                other => panic!("{path}: {other:?}"),
            }
        }
    }
}
