//! Pulls under way. Who wants an image that is being pulled already waits for that pull; it ends early only when
//! nobody waits any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::options::PullListener;
use crate::config::Platform;
use crate::docker::{Engine, Login, PullProgress, PullRequest};
use crate::error::{Error, Result};
use crate::pull_log::PullLog;

/// What is pulled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) image: String,
    pub(super) platform: Option<Platform>,
}

/// One per provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulls {
    running: Arc<Mutex<HashMap<Wanted, Weak<Pull>>>>,
}

/// One pull, held by those who wait for it.
#[derive(Debug)]
struct Pull {
    /// Whoever holds this passes the progress on; the next one goes on where a caller gave up. Closed at the end.
    progress: AsyncMutex<UnboundedReceiver<PullProgress>>,
    outcome: Mutex<Option<Result<()>>>,
    /// Dropped with the last who waits.
    _ends: DropGuard,
}

impl Pull {
    fn end(&self, outcome: Result<()>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// The first who asks gets the failure with its cause, the others get its copy.
    fn outcome(&self) -> Result<()> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let first = outcome.take().unwrap_or(Err(Error::Aborted));
        *outcome = Some(first.as_ref().map_err(copy).copied());
        first
    }
}

impl Pulls {
    /// Waits for the pull of that image, which `begin` makes where none is under way.
    pub(super) async fn join<F>(
        &self,
        wanted: Wanted,
        listener: Option<&PullListener>,
        begin: impl FnOnce(Progress) -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let pull = self.running_or(wanted, begin);
        let mut progress = pull.progress.lock().await;
        while let Some(line) = progress.recv().await {
            if let Some(listener) = listener {
                // A listener that is gone wants no more.
                _ = listener.send(line).await;
            }
        }
        drop(progress);
        pull.outcome()
    }

    fn running_or<F>(&self, wanted: Wanted, begin: impl FnOnce(Progress) -> F) -> Arc<Pull>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pull) = running.get(&wanted).and_then(Weak::upgrade) {
            return pull;
        }
        let (sender, receiver) = unbounded_channel();
        let unwanted = CancellationToken::new();
        let pull = Arc::new(Pull {
            progress: AsyncMutex::new(receiver),
            outcome: Mutex::default(),
            _ends: unwanted.clone().drop_guard(),
        });
        running.insert(wanted.clone(), Arc::downgrade(&pull));
        let (work, pulls, weak) = (begin(Progress(sender.clone())), self.clone(), Arc::downgrade(&pull));
        tokio::spawn(async move {
            let outcome = tokio::select! {
                outcome = work => outcome,
                () = unwanted.cancelled() => Err(Error::Aborted),
            };
            pulls.forget(&wanted, &weak);
            if let Some(pull) = weak.upgrade() {
                pull.end(outcome);
            }
            // The outcome is there before the end of the progress tells of it.
            drop(sender);
        });
        pull
    }

    /// Who comes from now on wants another look at the registry.
    fn forget(&self, wanted: &Wanted, pull: &Weak<Pull>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.get(wanted).is_some_and(|known| known.ptr_eq(pull)) {
            running.remove(wanted);
        }
    }
}

/// Where a pull tells how far it is.
#[derive(Debug)]
pub(super) struct Progress(tokio::sync::mpsc::UnboundedSender<PullProgress>);

/// A pull that is about to begin.
#[derive(Debug)]
pub(super) struct Pulling {
    pub(super) wanted: Wanted,
    pub(super) login: Login,
    pub(super) log: PullLog,
}

pub(super) async fn pull(engine: Engine, pulling: Pulling, progress: Progress) -> Result<()> {
    let Pulling { wanted, login, mut log } = pulling;
    let platform = wanted.platform.as_ref().map(Platform::as_str);
    let request = PullRequest { image: &wanted.image, platform, login: &login };
    let mut tell = |line: PullProgress| {
        log.write(&line);
        // Nobody listens any more: the pull is about to end.
        _ = progress.0.send(line);
    };
    engine.pull(request, &mut tell).await
}

/// The cause stays with the original.
fn copy(error: &Error) -> Error {
    match error {
        Error::Unreachable { tried, .. } => Error::Unreachable { tried: tried.clone(), source: None },
        Error::ImageNotFound { image, hint } => {
            Error::ImageNotFound { image: image.clone(), hint: hint.clone() }
        }
        Error::RegistryAuth { image, message, hint } => {
            Error::RegistryAuth { image: image.clone(), message: message.clone(), hint: hint.clone() }
        }
        Error::ImagePull { image, message, .. } => {
            Error::ImagePull { image: image.clone(), message: message.clone(), source: None }
        }
        Error::Aborted => Error::Aborted,
        other => Error::Api {
            action: "pull an image".to_owned(),
            message: other.to_string(),
            status: None,
            source: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{mpsc, oneshot};

    use super::*;

    fn wanted() -> Wanted {
        Wanted { image: "a:1".to_owned(), platform: None }
    }

    fn line(status: &str) -> PullProgress {
        PullProgress { status: status.to_owned(), ..PullProgress::default() }
    }

    /// Pulls that are never to begin.
    fn none(_: Progress) -> std::future::Ready<Result<()>> {
        panic!("a second pull")
    }

    async fn joined(pulls: &Pulls, waiting: usize) {
        let holders = || pulls.running.lock().unwrap().get(&wanted()).map_or(0, Weak::strong_count);
        while holders() != waiting {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_comes_later_waits_for_the_same_pull_and_hears_how_it_failed() {
        let (pulls, begun) = (Pulls::default(), AtomicUsize::new(0));
        let (finish, finished) = oneshot::channel::<()>();
        let first = pulls.join(wanted(), None, |_| {
            begun.fetch_add(1, Ordering::Relaxed);
            async move {
                finished.await.unwrap();
                Err(Error::ImagePull {
                    image: "a:1".to_owned(),
                    message: "it broke".to_owned(),
                    source: None,
                })
            }
        });
        let other = async {
            joined(&pulls, 1).await;
            let second = pulls.join(wanted(), None, none);
            let finish = async {
                joined(&pulls, 2).await;
                finish.send(()).unwrap();
            };
            tokio::join!(second, finish).0
        };
        let (first, second) = tokio::join!(first, other);
        for outcome in [first, second] {
            assert!(outcome.unwrap_err().to_string().contains("it broke"));
        }
        // The next one is a pull of its own.
        pulls.join(wanted(), None, |_| std::future::ready(Ok(()))).await.unwrap();
        assert_eq!(begun.into_inner(), 1);
    }

    #[tokio::test]
    async fn the_next_hears_on_when_one_gives_up() {
        let pulls = Pulls::default();
        let (lines, mut to_tell) = unbounded_channel::<PullProgress>();
        let (first_listener, mut first_heard) = mpsc::channel(8);
        let (second_listener, mut second_heard) = mpsc::channel(8);
        let first = {
            let pulls = pulls.clone();
            tokio::spawn(async move {
                let begin = |progress: Progress| async move {
                    while let Some(line) = to_tell.recv().await {
                        _ = progress.0.send(line);
                    }
                    Ok(())
                };
                pulls.join(wanted(), Some(&first_listener), begin).await
            })
        };
        joined(&pulls, 1).await;
        let second = {
            let pulls = pulls.clone();
            tokio::spawn(async move { pulls.join(wanted(), Some(&second_listener), none).await })
        };
        joined(&pulls, 2).await;
        lines.send(line("one")).unwrap();
        assert_eq!(first_heard.recv().await, Some(line("one")));
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        lines.send(line("two")).unwrap();
        drop(lines);
        assert_eq!(second_heard.recv().await, Some(line("two")));
        second.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_pull_that_nobody_waits_for_ends() {
        let pulls = Pulls::default();
        let (alive, ended) = oneshot::channel::<()>();
        let waiting = {
            let pulls = pulls.clone();
            tokio::spawn(async move {
                let begin = |_| async move {
                    let _alive = alive;
                    std::future::pending().await
                };
                pulls.join(wanted(), None, begin).await
            })
        };
        joined(&pulls, 1).await;
        waiting.abort();
        assert!(ended.await.is_err(), "it is dropped");
    }
}
