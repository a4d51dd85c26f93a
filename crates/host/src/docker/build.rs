//! Building an image from a context: what is sent, and what the builder says line by line.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::engine::Engine;
use super::failure::Failure;
use super::login::RegistryAuth;
use super::raw::{RawBody, RawRequest, RawStream};
use crate::error::Result;

/// A line of a builder's answer longer than this is none.
const LONGEST: usize = 8 * 1024 * 1024;
/// How the classic builder paints what a step prints on stderr.
const PAINT: [&str; 2] = ["\u{1b}[91m", "\u{1b}[0m"];

/// What to build.
#[derive(Debug)]
pub struct Build<'a> {
    /// `repository:tag` of the image.
    pub reference: &'a str,
    /// Path of the Dockerfile within the context.
    pub dockerfile: &'a str,
    pub labels: Map<String, Value>,
    pub platform: Option<&'a str>,
    /// By registry, for the images that the Dockerfile starts from.
    pub logins: Vec<(String, RegistryAuth)>,
    /// The context as a tar archive.
    pub context: Bytes,
}

/// What the builder says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildLine {
    Text(String),
    /// It gave up, and why.
    Failed(String),
}

/// A build under way; dropping it ends the build.
#[derive(Debug)]
pub struct Building {
    answer: RawStream,
    buffer: BytesMut,
    ended: bool,
}

#[derive(Deserialize)]
struct Line {
    stream: Option<String>,
    status: Option<String>,
    id: Option<String>,
    #[serde(rename = "progressDetail")]
    detail: Option<Value>,
    error: Option<String>,
}

impl Engine {
    /// Starts a build. One that the engine refuses outright has said so in the first line.
    pub async fn build(&self, build: Build<'_>) -> Result<Building> {
        let mut request = RawRequest::post("/build")
            .query("t", build.reference)
            .query("dockerfile", build.dockerfile)
            .query("labels", Value::Object(build.labels).to_string())
            .query("rm", "1")
            .query("forcerm", "1")
            .body(RawBody::Bytes("application/x-tar", build.context))
            .unhurried();
        if let Some(platform) = build.platform {
            request = request.query("platform", platform);
        }
        if !build.logins.is_empty() {
            request = request.header("X-Registry-Config", registry_config(&build.logins));
        }
        let mut answer = self.request_stream(request).await?;
        if (200..300).contains(&answer.status) {
            return Ok(Building { answer, buffer: BytesMut::new(), ended: false });
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.next().await {
            body.extend_from_slice(&chunk?);
        }
        let line = json!({ "error": Failure::refused(answer.status, &body).to_string() }).to_string();
        Ok(Building { answer, buffer: BytesMut::from(line.as_bytes()), ended: true })
    }
}

/// Docker's map of credentials by registry.
fn registry_config(logins: &[(String, RegistryAuth)]) -> String {
    let credentials = |auth: &RegistryAuth| {
        json!({
            "username": auth.username,
            "password": auth.password,
            "serveraddress": auth.serveraddress,
            "identitytoken": auth.identitytoken,
            "registrytoken": auth.registrytoken,
        })
    };
    let map: Map<String, Value> =
        logins.iter().map(|(registry, auth)| (registry.clone(), credentials(auth))).collect();
    URL_SAFE.encode(Value::Object(map).to_string())
}

impl Building {
    /// The next thing it says; `None` at its end.
    pub async fn next(&mut self) -> Result<Option<BuildLine>> {
        loop {
            if let Some(line) = self.take_line() {
                match read(&line) {
                    Some(line) => return Ok(Some(line)),
                    None => continue,
                }
            }
            if self.ended {
                return Ok(None);
            }
            match self.answer.next().await.transpose()? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => self.ended = true,
            }
            if self.buffer.len() > LONGEST {
                return Err(Engine::complaint("build the image", "the builder's answer makes no sense"));
            }
        }
    }

    fn take_line(&mut self) -> Option<BytesMut> {
        match self.buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => Some(self.buffer.split_to(end + 1)),
            None if self.ended && !self.buffer.is_empty() => Some(self.buffer.split()),
            None => None,
        }
    }
}

/// Progress bars say nothing that a log needs.
fn read(line: &[u8]) -> Option<BuildLine> {
    let line: Line = serde_json::from_slice(line).ok()?;
    if let Some(message) = line.error {
        return Some(BuildLine::Failed(message));
    }
    if let Some(text) = line.stream {
        return Some(BuildLine::Text(PAINT.iter().fold(text, |text, paint| text.replace(paint, ""))));
    }
    let status = line.status.filter(|_| line.detail.is_none_or(|it| it == json!({}) || it.is_null()))?;
    let layer = line.id.map(|id| format!("{id}: ")).unwrap_or_default();
    Some(BuildLine::Text(format!("{layer}{status}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builders_lines_are_text_or_the_end() {
        let text = |text: &str| Some(BuildLine::Text(text.to_owned()));
        for (line, expected) in [
            (r#"{"stream":"Step 1/2 : FROM a\n"}"#, text("Step 1/2 : FROM a\n")),
            (r#"{"stream":"\u001b[91moops\n\u001b[0m"}"#, text("oops\n")),
            (r#"{"status":"Pulling from a","id":"1"}"#, text("1: Pulling from a\n")),
            (r#"{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"x"}"#, None),
            (r#"{"aux":{"ID":"sha256:1"}}"#, None),
            (r#"{"errorDetail":{"code":1},"error":"it broke"}"#, Some(BuildLine::Failed("it broke".into()))),
            ("not json", None),
        ] {
            assert_eq!(read(line.as_bytes()), expected, "{line}");
        }
    }
}
