//! From a future to a promise. Every call belongs to the JavaScript environment it was made in: when that ends (a
//! worker is terminated), its calls are cancelled, for nobody is left to hear of them.

use std::cell::RefCell;
use std::future::Future;

use computesdk_docker_host::error::Error;
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue};
use tokio_util::sync::CancellationToken;

use crate::outcome::{Answer, Outcome};

thread_local! {
    /// Cancelled when this thread's environment ends. An environment never leaves its thread.
    static SCOPE: RefCell<Option<CancellationToken>> = const { RefCell::new(None) };
}

/// A token that is cancelled when the environment ends.
pub(crate) fn scope(env: &Env) -> napi::Result<CancellationToken> {
    if let Some(scope) = SCOPE.with_borrow(Clone::clone) {
        return Ok(scope.child_token());
    }
    let scope = CancellationToken::new();
    let child = scope.child_token();
    env.add_env_cleanup_hook(scope.clone(), |scope| {
        // Another environment may start on this thread later.
        _ = SCOPE.try_with(RefCell::take);
        scope.cancel();
    })?;
    SCOPE.set(Some(scope));
    Ok(child)
}

/// The promise of `work`, which is dropped when the environment ends.
pub(crate) fn promise<'env, T, F>(env: &'env Env, work: F) -> napi::Result<PromiseRaw<'env, Outcome<T>>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = Answer<T>> + Send + 'static,
{
    let scope = scope(env)?;
    // Boxed: each layer around it would hold it twice, and what is large on the stack leaves V8 none.
    let work = Box::pin(work);
    promise_to_the_end(env, async move {
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = scope.cancelled() => Err(Error::Aborted.into()),
        }
    })
}

/// The promise of `work` that has a cancel token and cleans up by itself.
pub(crate) fn promise_to_the_end<'env, T, F>(
    env: &'env Env,
    work: F,
) -> napi::Result<PromiseRaw<'env, Outcome<T>>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = Answer<T>> + Send + 'static,
{
    let work = Box::pin(work);
    env.spawn_future(async move { Ok(Outcome(work.await)) })
}

/// `work`, given up when the token is cancelled.
pub(crate) async fn unless_cancelled<T>(
    cancel: CancellationToken,
    work: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::Aborted.into()),
        outcome = work => outcome,
    }
}
