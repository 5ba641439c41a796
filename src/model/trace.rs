//! In which request something happens: kept beside the task that answers it, so that what is written down on the way
//! can name it. Decides nothing; where there is no request, there is no trace.

use std::future::Future;

/// The target of spans that are made for a collector: the log leaves them out, and where none is configured they cost
/// nothing. Their attributes come from fixed lists and from ids of ours, never from what somebody sent.
pub const SPANS: &str = "transom::spans";

tokio::task_local! {
    static CURRENT: Trace;
}

/// The span of work that no request waits for; `name` says which. Also one of a request, where it is done in one.
pub fn work(name: &'static str) -> tracing::Span {
    tracing::info_span!(target: SPANS, "work", otel.name = name, transom.outcome = tracing::field::Empty)
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

    /// Its id as the sixteen bytes that collectors know it by.
    pub fn current_id() -> Option<[u8; 16]> {
        let id = CURRENT.try_with(|trace| uuid::Uuid::parse_str(&trace.id)).ok()?;
        id.ok().map(uuid::Uuid::into_bytes)
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

    #[tokio::test]
    async fn the_id_is_told_in_bytes_where_it_is_one() {
        let told = |id: &str| Trace { id: id.to_owned(), correlation: None }.around(async { Trace::current_id() });
        let bytes = told("01936d2a-0000-7000-8000-00000000000f").await;
        assert_eq!(bytes, Some([0x01, 0x93, 0x6d, 0x2a, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x0f]));
        assert_eq!(told("another").await, None);
        assert_eq!(Trace::current_id(), None);
    }
}
