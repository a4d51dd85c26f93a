//! The options and the result of a run, and its output between host and callbacks.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;

use bytes::Bytes;
use computesdk_docker_host::error::Error;
use computesdk_docker_host::sandbox::{RunOptions, RunResult, Sink};
use computesdk_docker_host::session::Stream;
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Either, Uint8ArraySlice};
use napi_derive::napi;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::call;
use crate::cancel::Cancel;
use crate::context::JsCellValue;
use crate::outcome::{Answer, Failure};
use crate::output::{Listener, ListenerFunction};
use crate::text::Text;

/// Chunks between host and dispatcher: enough for one full delivery while the one before is at work.
const QUEUE: usize = 16;
/// What the result of a stream keeps, bytes, when the call does not say.
const KEEP: u64 = 256 * 1024 * 1024;

/// The options of a run as `lib/` has checked them.
#[napi(object, object_to_js = false)]
pub struct JsRunOptions<'env> {
    pub cwd: Option<String>,
    pub env: Option<HashMap<String, String>>,
    pub timeout: Option<f64>,
    pub background: Option<bool>,
    pub user: Option<String>,
    pub stdin: Option<Either<String, Uint8ArraySlice<'env>>>,
    pub max_output_bytes: Option<f64>,
}

/// What a run asks for, apart from its text.
#[napi(object, object_to_js = false)]
pub struct RunExtras<'env> {
    pub options: JsRunOptions<'env>,
    pub cancel: Option<ClassInstance<'env, Cancel>>,
    pub listener: Option<ListenerFunction<'env>>,
}

/// A run's result. A text that is missing is made up of the pieces that the listener was given.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsRunResult {
    pub stdout: Option<Text>,
    pub stderr: Option<Text>,
    pub output: Option<Text>,
    pub exit_code: i32,
    pub duration_ms: f64,
    pub timed_out: bool,
    pub truncated: bool,
    pub stdout_bytes: f64,
    pub stderr_bytes: f64,
    pub pid: Option<u32>,
    pub runtime: Option<&'static str>,
    pub value: Option<JsCellValue>,
}

/// A run that is about to start: everything is copied out of JavaScript.
pub(crate) struct Run {
    options: Answer<RunOptions>,
    listener: Option<Listener>,
}

impl Run {
    pub(crate) fn new(env: &Env, extras: RunExtras<'_>) -> napi::Result<Self> {
        let cancel = match &extras.cancel {
            Some(cancel) => cancel.token(),
            None => call::scope(env)?,
        };
        let options = host_options(extras.options, cancel);
        let keep = options.as_ref().ok().and_then(|o| o.max_output_bytes).unwrap_or(KEEP);
        let listener = extras.listener.map(|function| Listener::new(&function, keep)).transpose()?;
        Ok(Self { options, listener })
    }

    /// Runs what `start` starts, feeding its output to the listener; every delivery has ended when this answers.
    pub(crate) async fn perform<F, W>(self, start: F) -> Answer<JsRunResult>
    where
        F: FnOnce(RunOptions, Option<Sink>) -> W,
        W: Future<Output = Result<RunResult, Error>>,
    {
        let options = self.options?;
        let Some(mut listener) = self.listener else {
            return js_result(start(options, None).await?, None).await;
        };
        let (sink, chunks) = mpsc::channel(QUEUE);
        let (result, ()) = tokio::join!(start(options, Some(sink)), listener.forward(chunks));
        js_result(result?, Some(&listener)).await
    }
}

pub(crate) fn host_options(options: JsRunOptions<'_>, cancel: CancellationToken) -> Answer<RunOptions> {
    Ok(RunOptions {
        cwd: options.cwd,
        env: options.env.map(BTreeMap::from_iter).unwrap_or_default(),
        timeout_ms: options.timeout.map(timeout).transpose()?,
        background: options.background.unwrap_or(false),
        user: options.user,
        stdin: options.stdin.map(copied),
        max_output_bytes: options.max_output_bytes.map(output_limit).transpose()?,
        cancel,
    })
}

fn copied(content: Either<String, Uint8ArraySlice<'_>>) -> Bytes {
    match content {
        Either::A(text) => Bytes::from(text),
        Either::B(bytes) => Bytes::copy_from_slice(&bytes),
    }
}

/// `as` saturates: a number beyond u64 is as good as the largest.
pub(crate) fn timeout(ms: f64) -> Answer<u64> {
    if ms > 0.0 {
        return Ok(ms.ceil() as u64);
    }
    Err(Failure::invalid("options.timeout", &format!("expected a number of milliseconds above 0, got {ms}")))
}

fn output_limit(bytes: f64) -> Answer<u64> {
    if bytes >= 0.0 && bytes.fract() == 0.0 {
        return Ok(bytes as u64);
    }
    let problem = format!("expected a whole number of bytes, 0 or more, got {bytes}");
    Err(Failure::invalid("options.maxOutputBytes", &problem))
}

async fn js_result(result: RunResult, listener: Option<&Listener>) -> Answer<JsRunResult> {
    let whole = |stream| listener.is_some_and(|listener| listener.has_whole(stream));
    let (stdout, stderr) = (whole(Stream::Stdout), whole(Stream::Stderr));
    let output = result.output.filter(|_| !(stdout && stderr));
    let (stdout_bytes, stderr_bytes) = result.truncated.unwrap_or_default();
    Ok(JsRunResult {
        stdout: text_unless(stdout, Some(result.stdout)).await?,
        stderr: text_unless(stderr, Some(result.stderr)).await?,
        output: text_unless(false, output).await?,
        exit_code: result.exit_code,
        // Whole microseconds: more digits would be noise.
        duration_ms: result.duration.as_micros() as f64 / 1000.0,
        timed_out: result.timed_out,
        truncated: result.truncated.is_some(),
        stdout_bytes: stdout_bytes as f64,
        stderr_bytes: stderr_bytes as f64,
        pid: result.background_pid,
        runtime: result.runtime.map(computesdk_docker_host::config::Runtime::name),
        value: result.value.map(Into::into),
    })
}

async fn text_unless(known: bool, bytes: Option<Bytes>) -> Answer<Option<Text>> {
    match bytes {
        Some(bytes) if !known => Text::decode(bytes).await.map(Some),
        _ => Ok(None),
    }
}
