//! An upload or download under way: driven by whoever asks how far it is, and given up when dropped.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Result;

/// How often progress is told.
const EVERY: Duration = Duration::from_millis(100);

/// How far it is, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transferred {
    pub bytes: u64,
    /// Known once everything has been listed.
    pub total_bytes: Option<u64>,
    /// Files that are there whole.
    pub files: u64,
    /// Paths of what is neither file, folder nor link, and was left out.
    pub skipped: Vec<String>,
    pub done: bool,
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    bytes: AtomicU64,
    /// One more than it is; 0: not known.
    total: AtomicU64,
    files: AtomicU64,
    skipped: Mutex<Vec<String>>,
}

impl Progress {
    pub(super) fn expect(&self, bytes: u64) {
        self.total.store(bytes.saturating_add(1), Ordering::Relaxed);
    }

    pub(super) fn moved(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// It is sent again.
    pub(super) fn take_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn finished_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn skip(&self, path: String) {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    fn now(&self) -> Transferred {
        Transferred {
            bytes: self.bytes.load(Ordering::Relaxed),
            total_bytes: self.total.load(Ordering::Relaxed).checked_sub(1),
            files: self.files.load(Ordering::Relaxed),
            skipped: Vec::new(),
            done: false,
        }
    }
}

type Work = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

pub struct Transfer {
    work: Work,
    progress: Arc<Progress>,
}

impl Transfer {
    pub(super) fn new<F>(work: impl FnOnce(Arc<Progress>) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let progress = Arc::new(Progress::default());
        Self { work: Box::pin(work(Arc::clone(&progress))), progress }
    }

    /// Goes on with it for a moment, or to its end. Not to be asked again after that.
    pub async fn next(&mut self) -> Result<Transferred> {
        tokio::select! {
            biased;
            outcome = &mut self.work => {
                outcome?;
                let mut skipped =
                    std::mem::take(&mut *self.progress.skipped.lock().unwrap_or_else(PoisonError::into_inner));
                skipped.sort();
                Ok(Transferred { skipped, done: true, ..self.progress.now() })
            }
            () = tokio::time::sleep(EVERY) => Ok(self.progress.now()),
        }
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer").field("progress", &self.progress).finish_non_exhaustive()
    }
}
