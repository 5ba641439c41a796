//! Something that is had from elsewhere and kept for a while: what a provider says of itself, published keys.
//!
//! However many ask at once, it is fetched once. A stranger can make us fetch it again, by showing a token of a key
//! that is not known, but only every few minutes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use transom_protocol::session::Timestamp;

use super::outbound::FetchError;

const MINUTE: i64 = 60_000;

/// Fetched again after this time.
const FRESH: i64 = 12 * 60 * MINUTE;

/// Not used after this time, when it can't be fetched again.
const TOO_OLD: i64 = 3 * 24 * 60 * MINUTE;

/// Not fetched more often, whoever asks for something that is not in it.
const AT_MOST_EVERY: i64 = 5 * MINUTE;

/// How long to wait after a failure when there is nothing at all.
const AFTER_FAILURE: i64 = 10_000;

/// How it is fetched.
pub(super) type Fetch<T> = Box<dyn Fn() -> BoxFuture<'static, Result<T, FetchError>> + Send + Sync>;

/// The value and when it was fetched. Cheap to clone; all clones are the same.
pub(super) struct Fetched<T>(Arc<Inner<T>>);

struct Inner<T> {
    fetch: Fetch<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Option<(Arc<T>, Timestamp)>,
    failed: Option<FetchError>,
    tried_at: Option<Timestamp>,
    running: Option<Running<T>>,
}

type Running<T> = Shared<BoxFuture<'static, Result<Arc<T>, FetchError>>>;

enum Step<T> {
    Have(Arc<T>),
    Wait(Running<T>, Option<Arc<T>>),
    Fail(FetchError),
}

impl<T: Send + Sync + 'static> Fetched<T> {
    pub(super) fn new(fetch: Fetch<T>) -> Self {
        let state = State { value: None, failed: None, tried_at: None, running: None };
        Self(Arc::new(Inner { fetch, state: Mutex::new(state) }))
    }

    /// The value: the one that is there if it will do, a new one where that is allowed.
    pub(super) async fn get(&self, will_do: impl Fn(&T) -> bool, now: Timestamp) -> Result<Arc<T>, FetchError> {
        match self.step(will_do, now) {
            Step::Have(value) => Ok(value),
            Step::Wait(running, old) => running.await.or_else(|error| old.ok_or(error)),
            Step::Fail(error) => Err(error),
        }
    }

    fn step(&self, will_do: impl Fn(&T) -> bool, now: Timestamp) -> Step<T> {
        let mut state = self.0.state();
        let old = match &state.value {
            Some((value, at)) if now.millis_since(*at) < TOO_OLD => Some((value.clone(), *at)),
            _ => None,
        };
        if let Some((value, at)) = &old
            && now.millis_since(*at) < FRESH
            && will_do(value)
        {
            return Step::Have(value.clone());
        }
        let old = old.map(|(value, _)| value);
        if let Some(running) = &state.running {
            return Step::Wait(running.clone(), old);
        }
        let pause = if old.is_some() { AT_MOST_EVERY } else { AFTER_FAILURE };
        if state.tried_at.is_some_and(|tried| now.millis_since(tried) < pause) {
            return match (old, &state.failed) {
                (Some(value), _) => Step::Have(value),
                (None, Some(error)) => Step::Fail(error.clone()),
                (None, None) => Step::Fail(FetchError::Interrupted),
            };
        }
        state.tried_at = Some(now);
        let running = self.start(now);
        state.running = Some(running.clone());
        Step::Wait(running, old)
    }

    /// Fetches in a task of its own, so that it ends even if whoever asked has left.
    fn start(&self, now: Timestamp) -> Running<T> {
        let inner = self.0.clone();
        let task = tokio::spawn(async move {
            let fetched = (inner.fetch)().await.map(Arc::new);
            let mut state = inner.state();
            state.running = None;
            match &fetched {
                Ok(value) => {
                    state.value = Some((value.clone(), now));
                    state.failed = None;
                }
                Err(error) => {
                    tracing::warn!(%error, "what is needed for sign-in could not be fetched");
                    state.failed = Some(error.clone());
                }
            }
            fetched
        });
        task.map(|ended| ended.unwrap_or(Err(FetchError::Interrupted))).boxed().shared()
    }
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    /// Each fetch gives its number; those that are listed fail.
    fn counted(failing: &'static [usize]) -> (Fetched<usize>, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        let fetched = Fetched::new(Box::new(move || {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                tokio::task::yield_now().await;
                if failing.contains(&number) { Err(FetchError::Status(503)) } else { Ok(number) }
            }
            .boxed()
        }));
        (fetched, count)
    }

    #[tokio::test]
    async fn many_that_ask_at_once_make_one_fetch() {
        let (fetched, count) = counted(&[]);
        let asked = (0..50).map(|_| fetched.get(|_| true, NOW));
        for got in futures_util::future::join_all(asked).await {
            assert_eq!(*got.unwrap(), 1);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_will_not_do_is_fetched_again_but_not_often() {
        let (fetched, count) = counted(&[]);
        assert_eq!(*fetched.get(|_| true, NOW).await.unwrap(), 1);
        for second in 0..299 {
            assert_eq!(*fetched.get(|_| false, NOW.plus_millis(second * 1000)).await.unwrap(), 1);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(*fetched.get(|number| *number == 2, NOW.plus_millis(AT_MOST_EVERY)).await.unwrap(), 2);
        assert_eq!(*fetched.get(|_| true, NOW.plus_millis(AT_MOST_EVERY + FRESH)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_failure_leaves_what_is_there_until_it_is_too_old() {
        let (fetched, count) = counted(&[2, 3, 4]);
        assert_eq!(*fetched.get(|_| true, NOW).await.unwrap(), 1);
        let later = NOW.plus_millis(FRESH);
        assert_eq!(*fetched.get(|_| true, later).await.unwrap(), 1);
        assert_eq!(*fetched.get(|_| true, later.plus_millis(1)).await.unwrap(), 1);
        assert_eq!(count.load(Ordering::SeqCst), 2);
        let much_later = NOW.plus_millis(TOO_OLD);
        assert!(matches!(fetched.get(|_| true, much_later).await, Err(FetchError::Status(503))));
        assert!(matches!(fetched.get(|_| true, much_later.plus_millis(9_999)).await, Err(FetchError::Status(503))));
        assert_eq!(count.load(Ordering::SeqCst), 3);
        assert!(fetched.get(|_| true, much_later.plus_millis(10_000)).await.is_err());
        assert_eq!(*fetched.get(|_| true, much_later.plus_millis(20_000)).await.unwrap(), 5);
    }
}
