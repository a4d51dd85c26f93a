//! Processes whose streams `lib/` holds: started ones, terminals, and background commands that are followed.

use std::sync::Arc;

use bytes::Bytes;
use computesdk_docker_host::error::Error;
use computesdk_docker_host::sandbox::{LiveEnd, LiveProcess};
use computesdk_docker_host::session::live::Screen;
use computesdk_docker_host::session::{Stream, signals};
use napi::Env;
use napi::bindgen_prelude::{Buffer, ClassInstance, Either, PromiseRaw, Uint8ArraySlice};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::call::{self, promise, promise_to_the_end};
use crate::cancel::Cancel;
use crate::outcome::{Answer, Outcome};
use crate::run::{JsRunOptions, host_options};
use crate::sandbox::NativeSandbox;

/// What a start asks for, apart from its command.
#[napi(object, object_to_js = false)]
pub struct LiveExtras<'env> {
    pub options: JsRunOptions<'env>,
    pub cancel: Option<ClassInstance<'env, Cancel>>,
}

#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct JsScreen {
    pub shell: Option<String>,
    pub cols: u16,
    pub rows: u16,
}

#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct JsEnd {
    pub exit_code: i32,
    pub duration_ms: f64,
    pub timed_out: bool,
}

impl From<LiveEnd> for JsEnd {
    fn from(end: LiveEnd) -> Self {
        Self {
            exit_code: end.exit_code,
            duration_ms: end.duration.as_micros() as f64 / 1000.0,
            timed_out: end.timed_out,
        }
    }
}

/// A running process. Collected by JavaScript, it runs on, and what it prints is let go.
#[napi]
#[derive(Debug)]
pub struct NativeProcess {
    process: Arc<LiveProcess>,
    hold: CancellationToken,
}

fn token(env: &Env, cancel: Option<&ClassInstance<'_, Cancel>>) -> napi::Result<CancellationToken> {
    cancel.map_or_else(|| call::scope(env), |cancel| Ok(cancel.token()))
}

/// A terminal's environment where nobody has set it: what `lib/` draws on, and UTF-8.
fn screen(cols: u16, rows: u16) -> Screen {
    let defaults = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
    let defaults = defaults.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Screen { cols, rows, defaults }
}

#[napi]
impl NativeSandbox {
    /// Without `args`, `command` is shell text.
    #[napi(catch_unwind)]
    pub fn spawn<'env>(
        &self,
        env: &'env Env,
        command: String,
        args: Option<Vec<String>>,
        extras: LiveExtras<'_>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<NativeProcess>>> {
        let (sandbox, hold) = (self.sandbox.clone(), token(env, extras.cancel.as_ref())?);
        let options = host_options(extras.options, hold.clone());
        promise_to_the_end(env, async move {
            let process = sandbox.spawn(&command, args.as_deref(), options?).await?;
            Ok(NativeProcess { process: Arc::new(process), hold })
        })
    }

    #[napi(catch_unwind)]
    pub fn open_terminal<'env>(
        &self,
        env: &'env Env,
        wanted: JsScreen,
        extras: LiveExtras<'_>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<NativeProcess>>> {
        let (sandbox, hold) = (self.sandbox.clone(), token(env, extras.cancel.as_ref())?);
        let options = host_options(extras.options, hold.clone());
        promise_to_the_end(env, async move {
            let screen = screen(wanted.cols, wanted.rows);
            let process = sandbox.open_terminal(wanted.shell.as_deref(), screen, options?).await?;
            Ok(NativeProcess { process: Arc::new(process), hold })
        })
    }

    /// A background command.
    #[napi(catch_unwind)]
    pub fn connect<'env>(
        &self,
        env: &'env Env,
        pid: u32,
    ) -> napi::Result<PromiseRaw<'env, Outcome<NativeProcess>>> {
        let (sandbox, hold) = (self.sandbox.clone(), call::scope(env)?);
        promise(env, async move {
            let process = sandbox.connect(pid, hold.clone()).await?;
            Ok(NativeProcess { process: Arc::new(process), hold })
        })
    }
}

#[napi]
impl NativeProcess {
    #[napi(catch_unwind)]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The next bytes of a stream; nothing at its end.
    #[napi(catch_unwind)]
    pub fn read<'env>(
        &self,
        env: &'env Env,
        stream: String,
    ) -> napi::Result<PromiseRaw<'env, Outcome<Option<Buffer>>>> {
        let process = Arc::clone(&self.process);
        promise(env, async move {
            let bytes = process.read(named(&stream)).await?;
            Ok(bytes.map(|bytes| Buffer::from(Vec::from(bytes))))
        })
    }

    #[napi(catch_unwind)]
    pub fn discard(&self, stream: String) {
        self.process.discard(named(&stream));
    }

    /// Copies `content` before it returns, and answers when all of it is on its way to the process.
    #[napi(catch_unwind)]
    pub fn write<'env>(
        &self,
        env: &'env Env,
        content: Either<String, Uint8ArraySlice<'_>>,
    ) -> napi::Result<PromiseRaw<'env, Outcome<()>>> {
        let process = Arc::clone(&self.process);
        let content = match content {
            Either::A(text) => Bytes::from(text),
            Either::B(bytes) => Bytes::copy_from_slice(&bytes),
        };
        promise(env, async move { process.write(content).await.map_err(Into::into) })
    }

    #[napi(catch_unwind)]
    pub fn end_input(&self) {
        self.process.end_input();
    }

    /// False when the process has ended.
    #[napi(catch_unwind)]
    pub fn signal(&self, signal: Either<String, f64>) -> Outcome<bool> {
        Outcome(signal_number(signal).map(|number| self.process.signal(number)))
    }

    #[napi(catch_unwind)]
    pub fn resize(&self, cols: u16, rows: u16) {
        self.process.resize(cols, rows);
    }

    /// For the first who asks.
    #[napi(catch_unwind)]
    pub fn wait<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Outcome<JsEnd>>> {
        let process = Arc::clone(&self.process);
        promise(env, async move { Ok(process.wait().await?.into()) })
    }

    /// Lets go: kills what was started by this handle, leaves what it was connected to.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.hold.cancel();
    }
}

fn named(stream: &str) -> Stream {
    if stream == "stderr" { Stream::Stderr } else { Stream::Stdout }
}

pub(crate) fn signal_number(signal: Either<String, f64>) -> Answer<i32> {
    let number: Result<i32, Error> = match signal {
        Either::A(name) => signals::number(&name),
        Either::B(number) => signals::checked(number),
    };
    number.map_err(Into::into)
}
