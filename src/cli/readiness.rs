//! Whether the server can do its work: the store answers, and takes what is written.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use super::instance::now;
use crate::http;
use crate::store::{Error, Store, Tx};

/// What was written is believed for so long: nobody can make the server write by asking.
const WRITTEN_COUNTS: Duration = Duration::from_secs(10);

/// What could not be written is tried again after so long.
const TRIED_AGAIN: Duration = Duration::from_secs(1);

/// Asks the store, at a bounded rate.
pub(super) struct Readiness {
    store: Store,
    last: Mutex<Last>,
}

/// What became of the last write.
#[derive(Default)]
struct Last {
    /// When it was begun.
    tried: Option<Instant>,
    fault: Option<Error>,
}

impl Readiness {
    pub(super) fn new(store: Store) -> Self {
        Self { store, last: Mutex::default() }
    }

    /// The question that the admin door asks.
    pub(super) fn check(self) -> http::Readiness {
        let this = Arc::new(self);
        Arc::new(move || {
            let this = Arc::clone(&this);
            async move { this.ask(Instant::now()).await.map_err(|error| told(&error)) }.boxed()
        })
    }

    async fn ask(&self, at: Instant) -> Result<(), Error> {
        self.store.read(|tx: &mut Tx<'_>| tx.ping()).await?;
        if !self.is_due(at) {
            return self.last().fault.clone().map_or(Ok(()), Err);
        }
        let written = match self.store.write(|tx: &mut Tx<'_>| tx.probe(now())).await {
            // A server that has much to do does it.
            Err(Error::Busy) => Ok(()),
            written => written,
        };
        self.last().fault = written.clone().err();
        written
    }

    /// Whether it is time to write; whoever is told so is the one who writes.
    fn is_due(&self, at: Instant) -> bool {
        let mut last = self.last();
        let pause = if last.fault.is_some() { TRIED_AGAIN } else { WRITTEN_COUNTS };
        let is_due = last.tried.is_none_or(|tried| at.saturating_duration_since(tried) >= pause);
        if is_due {
            last.tried = Some(at);
        }
        is_due
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error with its cause.
fn told(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DatabaseUrl, SealKey, StoreOptions};

    #[tokio::test]
    async fn asking_often_writes_seldom() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
        let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
        let readiness = Readiness::new(store);
        let start = Instant::now();
        let due = |from: Instant| {
            (0..1000).filter(|tenth| readiness.is_due(from + Duration::from_millis(100) * *tenth)).count()
        };
        assert_eq!(due(start), 10);
        readiness.last().fault = Some(Error::Busy);
        assert_eq!(due(start + Duration::from_mins(5)), 100);
    }
}
