//! In which request something happens: kept beside the task that answers it, so that what is written down on the way
//! can name it. Decides nothing; where there is no request, there is no trace.

use std::future::Future;

tokio::task_local! {
    static CURRENT: Trace;
}

/// A request, as the log and its reply call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Our id of the request (`X-Request-Id`).
    pub id: String,
    /// What the client calls it (`MS-CV`), escaped and bounded.
    pub correlation: Option<String>,
}

impl Trace {
    /// Runs work of the request.
    pub async fn around<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The request that is being answered.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_knows_its_request_and_no_other() {
        let trace = |id: &str| Trace { id: id.to_owned(), correlation: None };
        let seen = |id: &str| trace(id).around(async { Trace::current().map(|trace| trace.id) });
        let (one, two) = futures_util::future::join(seen("1"), seen("2")).await;
        assert_eq!((one.as_deref(), two.as_deref()), (Some("1"), Some("2")));
        assert_eq!(Trace::current(), None);
    }
}
