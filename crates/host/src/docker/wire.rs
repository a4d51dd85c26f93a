//! HTTP with one engine: a few pooled connections, the API version in front of every path, a limit on every wait.
//! Answers are handed on with whatever status they have; what a status means is each operation's to say.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::connect::{DialError, Dialer, Target};
use super::failure::{Cause, Failure};
use super::names::encode;
use super::raw::{RawBody, RawRequest};
use super::version::{ApiVersion, OLDEST};
use crate::error::{Error, Result};

pub(super) type Body = UnsyncBoxBody<Bytes, Cause>;

/// Ordinary requests at a time. A thousand calls at once queue here, not in the engine's backlog, and each holds no
/// descriptor meanwhile.
const AT_A_TIME: usize = 64;
const IDLE_CONNECTIONS: usize = 8;
const IDLE_FOR: Duration = Duration::from_secs(60);
const AGENT: &str = concat!("computesdk-docker/", env!("CARGO_PKG_VERSION"));

/// How long a request may wait for the status of its answer, connecting included.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    Ordinary,
    /// For what is known to take longer.
    OrdinaryPlus(Duration),
    Forever,
}

#[derive(Debug)]
pub(super) struct Wire {
    client: Client<Dialer, Body>,
    target: Arc<Target>,
    headers: HeaderMap,
    /// `http://host:port/base`; the same for all sockets that come into question.
    origin: String,
    version: OnceCell<ApiVersion>,
    turns: Semaphore,
}

impl Wire {
    pub(super) fn new(target: Target) -> Result<Self> {
        let target = Arc::new(target);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(Dialer::new(Arc::clone(&target)));
        Ok(Self {
            client,
            headers: headers(&target.headers)?,
            origin: target.endpoint().address.origin(),
            version: OnceCell::new(),
            turns: Semaphore::new(AT_A_TIME),
            target,
        })
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    fn address(&self) -> String {
        self.target.endpoint().to_string()
    }

    pub(super) fn limit(&self, wait: Wait) -> Option<Duration> {
        match wait {
            Wait::Ordinary => Some(self.target.answer_within),
            Wait::OrdinaryPlus(more) => Some(self.target.answer_within + more),
            Wait::Forever => None,
        }
    }

    /// Sends; answers with whatever status came.
    pub(super) async fn send(&self, request: RawRequest) -> Result<Response<Incoming>, Failure> {
        let _turn = self.turn(request.wait).await?;
        self.send_now(request).await
    }

    async fn send_now(&self, request: RawRequest) -> Result<Response<Incoming>, Failure> {
        let limit = self.limit(request.wait);
        self.forward(prepare(request)?, limit).await
    }

    /// To be held while an ordinary request is on its way; what takes as long as it takes needs none.
    pub(super) async fn turn(&self, wait: Wait) -> Result<Option<SemaphorePermit<'_>>, Failure> {
        let Some(limit) = self.limit(wait) else { return Ok(None) };
        // The semaphore is never closed.
        self.within(Some(limit), self.turns.acquire()).await.map(Result::ok)
    }

    /// Sends, insists on a status of success (304 is one: nothing was to be done) and reads the whole answer.
    pub(super) async fn call(&self, request: RawRequest) -> Result<Bytes, Failure> {
        let wait = request.wait;
        let _turn = self.turn(wait).await?;
        let response = self.send_now(request).await?;
        let status = response.status();
        let body = self.reading(response, wait).all().await?;
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(body);
        }
        Err(Failure::refused(status.as_u16(), &body))
    }

    /// As `call`, for an answer in JSON.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        request: RawRequest,
    ) -> Result<T, Failure> {
        let what = request.to_string();
        let body = self.call(request).await?;
        serde_json::from_slice(&body)
            .map_err(|error| Failure::unreadable(&format!("the answer to {what} is not Docker's"), error))
    }

    /// Sends a request whose URI holds Docker's unversioned path.
    pub(super) async fn forward(
        &self,
        request: Request<Body>,
        limit: Option<Duration>,
    ) -> Result<Response<Incoming>, Failure> {
        let version = self.version().await?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri = format!("{}/v{version}{path}", self.origin);
        self.perform(self.complete(request, &uri)?, limit).await
    }

    pub(super) fn reading(&self, response: Response<Incoming>, wait: Wait) -> Reading {
        Reading { body: response.into_body(), limit: self.limit(wait), address: self.address() }
    }

    /// Waits for something that is sent over this wire, but not by it.
    pub(super) async fn within<T>(
        &self,
        limit: Option<Duration>,
        answer: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        match limit {
            Some(limit) => {
                tokio::time::timeout(limit, answer).await.map_err(|_| Failure::silent(&self.address(), limit))
            }
            None => Ok(answer.await),
        }
    }

    /// The version in front of every path: asked for, or settled once with the engine.
    pub(super) async fn version(&self) -> Result<ApiVersion, Failure> {
        match self.target.version {
            Some(version) => Ok(version),
            None => self.version.get_or_try_init(|| self.negotiate()).await.copied(),
        }
    }

    async fn negotiate(&self) -> Result<ApiVersion, Failure> {
        let limit = Some(self.target.connect_within);
        let uri = format!("{}/_ping", self.origin);
        let request = self.complete(Request::new(empty()), &uri)?;
        let response =
            self.within(limit, self.client.request(request)).await?.map_err(|error| self.explain(error))?;
        let status = response.status();
        let engine = response.headers().get("api-version").and_then(|value| value.to_str().ok());
        let Some(engine) = engine.and_then(ApiVersion::parse) else {
            let tried =
                format!("{}: something answers (HTTP status {status}), but no Docker engine", self.address());
            return Err(Failure::Unreachable { tried, source: None });
        };
        // Read to its end, so that the connection can be used again.
        Reading { body: response.into_body(), limit, address: self.address() }.all().await?;
        ApiVersion::for_engine(engine).ok_or_else(|| {
            let message = format!(
                "{} speaks Docker API {engine}, and {OLDEST} (Docker 20.10) or newer is needed",
                self.address()
            );
            Failure::Unreadable { message, source: None }
        })
    }

    fn complete(&self, mut request: Request<Body>, uri: &str) -> Result<Request<Body>, Failure> {
        *request.uri_mut() = uri.parse().map_err(|error| Failure::unreadable("no request", error))?;
        for (name, value) in &self.headers {
            request.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        Ok(request)
    }

    async fn perform(
        &self,
        request: Request<Body>,
        limit: Option<Duration>,
    ) -> Result<Response<Incoming>, Failure> {
        let again = repeatable(&request);
        match (self.within(limit, self.client.request(request)).await?, again) {
            (Ok(response), _) => Ok(response),
            // Most likely a pooled connection that the engine had closed, as when it was restarted.
            (Err(error), Some(again)) if !error.is_connect() => {
                let second = self.within(limit, self.client.request(again)).await?;
                second.map_err(|error| self.explain(error))
            }
            (Err(error), _) => Err(self.explain(error)),
        }
    }

    fn explain(&self, error: ClientError) -> Failure {
        let dial = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<DialError>());
        match dial.map(|dial| dial.tried.clone()) {
            Some(tried) => Failure::Unreachable { tried, source: Some(error.into()) },
            None => Failure::broken(&self.address(), error.into()),
        }
    }
}

/// A body on its way. What reads all of it waits no longer for a piece than `limit`; a stream may be quiet for ever.
#[derive(Debug)]
pub(super) struct Reading {
    body: Incoming,
    limit: Option<Duration>,
    address: String,
}

impl Reading {
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            match std::task::ready!(std::pin::Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(Failure::broken(&self.address, error.into()))));
                }
                // Trailers are of no interest.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
            }
        }
    }

    pub(super) async fn all(&mut self) -> Result<Bytes, Failure> {
        let mut whole = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk?);
        }
        Ok(whole.into())
    }

    async fn chunk(&mut self) -> Result<Option<Result<Bytes, Failure>>, Failure> {
        let limit = self.limit;
        let next = std::future::poll_fn(|cx| self.poll_chunk(cx));
        match limit {
            None => Ok(next.await),
            Some(limit) => match tokio::time::timeout(limit, next).await {
                Ok(chunk) => Ok(chunk),
                Err(_) => Err(Failure::silent(&self.address, limit)),
            },
        }
    }
}

pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn prepare(request: RawRequest) -> Result<Request<Body>, Failure> {
    let mut uri = request.path;
    for (index, (name, value)) in request.query.iter().enumerate() {
        uri.push(if index == 0 { '?' } else { '&' });
        uri.push_str(&format!("{}={}", encode(name), encode(value)));
    }
    let mut builder = Request::builder().method(request.method.name()).uri(uri);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let full = |bytes: Bytes| Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    let built = match request.body {
        RawBody::Empty => builder.body(empty()),
        RawBody::Json(value) => {
            builder.header(CONTENT_TYPE, "application/json").body(full(value.to_string().into()))
        }
        RawBody::Bytes(kind, bytes) => builder.header(CONTENT_TYPE, kind).body(full(bytes)),
    };
    built.map_err(|error| Failure::unreadable("no request", error))
}

/// A copy of a request that may be sent twice; our bodiless methods only.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    if !matches!(request.method().as_str(), "GET" | "HEAD") {
        return None;
    }
    let mut copy = Request::new(empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

fn headers(configured: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in configured {
        // The value stays out of the message: it may be a token.
        let wrong = || Error::InvalidConfig {
            path: format!("connection.headers.{name}"),
            problem: "cannot be sent as an HTTP header".to_owned(),
        };
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(headers)
}
