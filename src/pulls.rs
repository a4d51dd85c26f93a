//! The progress of a pull on its way to `image.onPullProgress`. What has queued up goes in one delivery; each is
//! awaited, so none is left when the promise of `create` settles.

use std::future::Future;

use computesdk_docker_host::docker::PullProgress;
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::ThreadsafeFunction;
use napi_derive::napi;
use tokio::sync::mpsc;

/// Lines between host and dispatcher.
const QUEUE: usize = 64;

/// One line of progress.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct Progress {
    pub status: String,
    pub id: Option<String>,
    pub current: Option<f64>,
    pub total: Option<f64>,
}

pub(crate) type ListenerFunction<'env> = Function<'env, FnArgs<(Vec<Progress>,)>, ()>;
type Dispatcher = ThreadsafeFunction<Vec<Progress>, (), FnArgs<(Vec<Progress>,)>, Status, false, true>;

pub(crate) struct Listener {
    dispatcher: Dispatcher,
}

impl Listener {
    pub(crate) fn new(function: &ListenerFunction<'_>) -> napi::Result<Self> {
        let dispatcher = function
            .build_threadsafe_function::<Vec<Progress>>()
            .weak::<true>()
            .build_callback(|context| Ok(FnArgs::from((context.value,))))?;
        Ok(Self { dispatcher })
    }

    /// Delivers what `work` sends until that ends, and what it has sent by then.
    pub(crate) async fn during<T, W>(self, work: impl FnOnce(mpsc::Sender<PullProgress>) -> W) -> T
    where
        W: Future<Output = T>,
    {
        let (sender, mut lines) = mpsc::channel(QUEUE);
        let mut work = std::pin::pin!(work(sender));
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                Some(first) = lines.recv() => self.deliver(first, &mut lines).await,
            }
        };
        lines.close();
        while let Some(first) = lines.recv().await {
            self.deliver(first, &mut lines).await;
        }
        outcome
    }

    async fn deliver(&self, first: PullProgress, lines: &mut mpsc::Receiver<PullProgress>) {
        let mut queued = vec![first.into()];
        while let Ok(line) = lines.try_recv() {
            queued.push(line.into());
        }
        // Fails only where JavaScript can take no more: then nobody is left to hear of it.
        _ = self.dispatcher.call_async_catch(queued).await;
    }
}

impl From<PullProgress> for Progress {
    fn from(line: PullProgress) -> Self {
        // Exact up to 2^53 bytes.
        let number = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
        Self { status: line.status, id: line.id, current: number(line.current), total: number(line.total) }
    }
}
