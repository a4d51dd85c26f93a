//! Requests in Docker's own words: what the rest of this folder builds on, and what `getInstance()` is made of.
//! A path that could reach another endpoint than it seems to is refused before anything is sent.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use serde_json::Value;

use super::engine::Engine;
use super::names;
use super::wire::{Reading, Wait};
use crate::error::{Error, Result};

/// The methods that Docker's API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
}

/// What a request carries.
#[derive(Debug, Clone, Default)]
pub enum RawBody {
    #[default]
    Empty,
    Json(Value),
    /// With its content type.
    Bytes(&'static str, Bytes),
}

/// One request. The API version is put before `path`.
#[derive(Clone)]
pub struct RawRequest {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: RawBody,
    pub(super) wait: Wait,
}

/// Header values may be credentials.
impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.name(), self.path)
    }
}

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl RawRequest {
    /// `path` as in Docker's API reference, without a version: `/containers/json`.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: RawBody::Empty,
            wait: Wait::Ordinary,
        }
    }

    /// Adds a parameter; it is encoded here.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header; it comes before one of the same name in `connection.headers`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets what it carries.
    #[must_use]
    pub fn body(mut self, body: RawBody) -> Self {
        self.body = body;
        self
    }

    /// For what takes as long as it takes: `wait`, `logs` with follow, `stats`, `events`.
    #[must_use]
    pub fn unhurried(mut self) -> Self {
        self.wait = Wait::Forever;
        self
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    pub(super) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::Post, path)
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path)
    }

    pub(super) fn json(self, body: Value) -> Self {
        self.body(RawBody::Json(body))
    }

    pub(super) fn waiting(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    fn check(&self) -> Result<()> {
        if names::is_path(&self.path) {
            return Ok(());
        }
        Err(Error::Api {
            action: format!("answer {self}"),
            message: "the path holds a name that no Docker object can have".to_owned(),
            status: Some(400),
            source: None,
        })
    }
}

/// An answer of whatever status; what it means is the caller's to say.
#[derive(Debug, Clone)]
pub struct RawResponse {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// An answer whose body is still arriving; dropping it closes the connection.
#[derive(Debug)]
pub struct RawStream {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    body: Reading,
    action: String,
}

impl Engine {
    /// Sends and reads the whole answer, also one with an error status.
    pub async fn request(&self, request: RawRequest) -> Result<RawResponse> {
        let RawStream { status, headers, mut body, action } = self.request_stream(request).await?;
        let body = body.all().await.map_err(|failure| failure.during(action))?;
        Ok(RawResponse { status, headers, body })
    }

    /// Sends and answers as soon as status and headers are there.
    pub async fn request_stream(&self, request: RawRequest) -> Result<RawStream> {
        request.check()?;
        let (action, wait) = (format!("answer {request}"), request.wait);
        let response = self.wire().send(request).await.map_err(|failure| failure.during(&action))?;
        let text =
            |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let status = response.status().as_u16();
        Ok(RawStream { status, headers, body: self.wire().reading(response, wait), action })
    }
}

impl Stream for RawStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let next = std::task::ready!(self.body.poll_chunk(cx));
        Poll::Ready(next.map(|chunk| chunk.map_err(|failure| failure.during(self.action.as_str()))))
    }
}
