//! What `getInstance()` gives: Docker's own API under dockerode's method names. A call names an operation and brings
//! dockerode's options; here it becomes a request, and an answer with an error status becomes a refusal.
//!
//! Knows no sandbox: a caller who asks for Docker itself gets Docker itself.

mod operations;
mod query;

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use self::operations::{Operation, Takes};
use crate::docker::{Engine, RawBody, RawRequest, RawStream};
use crate::error::Error;

/// A method call on one of dockerode's objects.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Such as `container.stop`.
    pub operation: String,
    /// The container's id or the image's name.
    pub target: Option<String>,
    pub options: Map<String, Value>,
    pub body: Option<Bytes>,
}

/// Why a call failed; with what the engine answered, where it did.
#[derive(Debug)]
pub struct Refusal {
    pub error: Error,
    /// What the status means, in dockerode's words.
    pub reason: Option<&'static str>,
    pub answer: Option<Value>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, reason: None, answer: None }
    }
}

/// The whole answer; empty where Docker has nothing to say.
pub async fn request(engine: &Engine, call: Call) -> Result<Bytes, Refusal> {
    let operation = operations::find(&call.operation)?;
    let action = operation.action(call.target.as_deref());
    let response = engine.request(prepare(operation, call)?).await?;
    match response.status {
        200..300 => Ok(response.body),
        status => Err(refusal(operation, action, status, &response.body)),
    }
}

/// An answer that is still arriving; dropping it closes the connection.
#[derive(Debug)]
pub struct Arriving(RawStream);

impl Arriving {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.0.next().await.transpose()
    }
}

/// The answer as it arrives.
pub async fn stream(engine: &Engine, call: Call) -> Result<Arriving, Refusal> {
    let operation = operations::find(&call.operation)?;
    let action = operation.action(call.target.as_deref());
    let mut response = engine.request_stream(prepare(operation, call)?.unhurried()).await?;
    if (200..300).contains(&response.status) {
        return Ok(Arriving(response));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.next().await {
        body.extend_from_slice(&chunk?);
    }
    Err(refusal(operation, action, response.status, &body))
}

fn prepare(operation: &Operation, call: Call) -> Result<RawRequest, Error> {
    let Call { target, mut options, body, .. } = call;
    let mut request = RawRequest::new(operation.method, operation.path(target.as_deref())?);
    match operation.takes {
        Takes::Query => {}
        Takes::Body => return Ok(request.body(RawBody::Json(Value::Object(options)))),
        Takes::Archive => {
            request = request.body(RawBody::Bytes("application/x-tar", body.unwrap_or_default()));
        }
        Takes::Commit => {
            let (query, config) = query::split_commit(options);
            options = query;
            options.insert("container".to_owned(), target.into());
            request = request.body(RawBody::Json(Value::Object(config)));
        }
        Takes::Pull => {
            if let Some(auth) = options.remove("authconfig") {
                request = request.header("X-Registry-Auth", query::registry_auth(&auth));
            }
            query::add_reference(&mut options, target.as_deref().unwrap_or_default());
        }
    }
    for (name, value) in query::pairs(options) {
        request = request.query(name, value);
    }
    Ok(if operation.slow { request.unhurried() } else { request })
}

fn refusal(operation: &Operation, action: String, status: u16, body: &[u8]) -> Refusal {
    let answer = serde_json::from_slice::<Value>(body).ok();
    let told = answer.as_ref().and_then(|answer| answer["message"].as_str()).map(str::to_owned);
    let reason = operation.reason(status);
    let message =
        told.or_else(|| reason.map(str::to_owned)).unwrap_or_else(|| format!("HTTP status {status}"));
    Refusal { error: Error::Api { action, message, status: Some(status), source: None }, reason, answer }
}
