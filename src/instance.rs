//! `getInstance()`: Docker's own API, whole answers and streams.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use computesdk_docker_host::instance::{self, Arriving, Call, Refusal};
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw, Uint8ArraySlice};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::call::{self, promise, unless_cancelled};
use crate::cancel::Cancel;
use crate::outcome::{Answer, Failure, Outcome};
use crate::provider::NativeProvider;

/// A method call on one of dockerode's objects.
#[napi(object, object_to_js = false)]
pub struct DockerRequest<'env> {
    pub operation: String,
    pub target: Option<String>,
    /// JSON text.
    pub options: String,
    pub body: Option<Uint8ArraySlice<'env>>,
}

impl DockerRequest<'_> {
    fn into_call(self) -> Answer<Call> {
        Ok(Call {
            operation: self.operation,
            target: self.target,
            options: serde_json::from_str(&self.options)
                .map_err(|problem| Failure::invalid("options", &problem.to_string()))?,
            body: self.body.map(|body| Bytes::copy_from_slice(&body)),
        })
    }
}

impl From<Refusal> for Box<Failure> {
    fn from(refusal: Refusal) -> Self {
        let reason = refusal.reason.map(str::to_owned);
        let json = refusal.answer.map(|answer| answer.to_string());
        Self::new(Failure { reason, json, ..Failure::from(refusal.error) })
    }
}

fn token(env: &Env, cancel: Option<&Cancel>) -> napi::Result<CancellationToken> {
    cancel.map_or_else(|| call::scope(env), |cancel| Ok(cancel.token()))
}

#[napi]
impl NativeProvider {
    #[napi(catch_unwind)]
    pub fn request<'env>(
        &self,
        env: &'env Env,
        request: DockerRequest<'_>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Buffer>>> {
        let (provider, call, cancel) = (self.provider.clone(), request.into_call(), token(env, cancel)?);
        promise(env, async move {
            let answer = instance::request(provider.engine(), call?);
            unless_cancelled(cancel, async { Ok(Buffer::from(Vec::from(answer.await?))) }).await
        })
    }

    #[napi(catch_unwind)]
    pub fn stream<'env>(
        &self,
        env: &'env Env,
        request: DockerRequest<'_>,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<NativeStream>>> {
        let (provider, call, cancel) = (self.provider.clone(), request.into_call(), token(env, cancel)?);
        promise(env, async move {
            let answer = instance::stream(provider.engine(), call?);
            unless_cancelled(cancel.clone(), async { Ok(NativeStream::new(answer.await?, &cancel)) }).await
        })
    }
}

/// An answer that arrives in pieces; `lib/` makes a Readable of it.
#[napi]
#[derive(Debug)]
pub struct NativeStream {
    /// Taken out while a piece is awaited.
    source: Arc<Mutex<Option<Arriving>>>,
    closed: CancellationToken,
}

impl NativeStream {
    fn new(source: Arriving, cancel: &CancellationToken) -> Self {
        Self { source: Arc::new(Mutex::new(Some(source))), closed: cancel.child_token() }
    }
}

fn take(source: &Mutex<Option<Arriving>>) -> Option<Arriving> {
    source.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[napi]
impl NativeStream {
    /// The next bytes; nothing at the end.
    #[napi(catch_unwind)]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<Option<Buffer>>>> {
        let (source, closed) = (Arc::clone(&self.source), self.closed.clone());
        promise(env, async move {
            let Some(mut stream) = take(&source) else { return Ok(None) };
            let bytes = unless_cancelled(closed, async { Ok(stream.next().await?) }).await?;
            if bytes.is_some() {
                *source.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
            }
            Ok(bytes.map(|bytes| Buffer::from(Vec::from(bytes))))
        })
    }

    /// Closes the connection.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.closed.cancel();
        drop(take(&self.source));
    }
}
