//! What a trace is called, and whether it is sent.

use opentelemetry::{
    Context, KeyValue, SpanId, TraceId,
    trace::{Link, SpanKind, TraceContextExt as _, TraceState},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample};

use crate::{config::Sampling, model::Trace};

/// The trace of a request has the id of the request: whoever reads it in the log, the journal or an event finds the trace
/// by it.
#[derive(Debug)]
pub(super) struct RequestIds(pub(super) RandomIdGenerator);

impl IdGenerator for RequestIds {
    fn new_trace_id(&self) -> TraceId {
        Trace::current_id().map_or_else(|| self.0.new_trace_id(), TraceId::from_bytes)
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

/// Sends a share of the traces, whole ones.
///
/// The last four bytes of the id decide, which are random in ours. (What the library brings looks at the eight last, of which
/// the first are alike in the ids that are made at one moment, and hold the variant of a UUID.)
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    below: u64,
}

impl Share {
    pub(super) const fn of(part: Sampling) -> Self {
        Self { below: (1 << 32) * part.millionths() as u64 / 1_000_000 }
    }

    fn takes(self, trace: TraceId) -> bool {
        let number = trace.to_bytes().into_iter().skip(12).fold(0, |number, byte| number << 8 | u64::from(byte));
        number < self.below
    }
}

impl ShouldSample for Share {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let parent =
            parent.filter(|parent| parent.has_active_span()).map(|parent| parent.span().span_context().clone());
        let is_taken = match &parent {
            Some(parent) => parent.is_sampled(),
            // A look into the database that is no part of anything says nothing.
            None => !name.starts_with("store.") && self.takes(trace),
        };
        SamplingResult {
            decision: if is_taken { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop },
            attributes: Vec::new(),
            trace_state: parent.map_or_else(TraceState::default, |parent| parent.trace_state().clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(millionths: u32) -> Share {
        let text = format!("[telemetry]\nsampling = {}", f64::from(millionths) / 1e6);
        let settings = crate::config::resolve(Some(("f".into(), &text)), [], &[]).unwrap();
        Share::of(settings.telemetry.sampling)
    }

    #[test]
    fn a_share_of_the_ids_that_requests_have_is_taken() {
        let ids: Vec<_> = (0..10_000).map(|_| TraceId::from_bytes(uuid::Uuid::now_v7().into_bytes())).collect();
        let taken = |millionths| {
            let share = part(millionths);
            ids.iter().filter(|id| share.takes(**id)).count()
        };
        assert_eq!((taken(0), taken(1_000_000)), (0, 10_000));
        assert!((2_200..2_800).contains(&taken(250_000)), "{}", taken(250_000));
        assert!((60..150).contains(&taken(10_000)), "{}", taken(10_000));
    }

    #[test]
    fn a_look_into_the_database_begins_no_trace() {
        let decide = |name| {
            let result = part(1_000_000).should_sample(None, TraceId::from(7), name, &SpanKind::Client, &[], &[]);
            result.decision
        };
        assert_eq!(decide("store.read"), SamplingDecision::Drop);
        assert_eq!(decide("request"), SamplingDecision::RecordAndSample);
    }

    #[tokio::test]
    async fn the_trace_of_a_request_has_its_id() {
        let ids = RequestIds(RandomIdGenerator::default());
        let trace = Trace { id: "01936d2a-0000-7000-8000-00000000000f".to_owned(), correlation: None };
        let id = trace.around(async { ids.new_trace_id() }).await;
        assert_eq!(id.to_string(), "01936d2a00007000800000000000000f");
        assert_ne!(ids.new_trace_id(), ids.new_trace_id());
    }
}
