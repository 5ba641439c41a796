//! From finished spans to the collector: a bound on how many wait, a name, and a count of what became of them.

use std::{
    borrow::Cow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::{Context, Value, trace::SpanKind};
use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use tokio::runtime::Handle;

use crate::metrics::Metrics;

/// What becomes of spans. Clones count together.
#[derive(Clone, Default)]
pub(super) struct Counters(Arc<Inner>);

#[derive(Default)]
struct Inner {
    metrics: OnceLock<Metrics>,
    waiting: AtomicUsize,
    is_away: AtomicBool,
}

impl Counters {
    pub(super) fn count_in(&self, metrics: Metrics) {
        // It is said once, when the server is put together.
        let _ = self.0.metrics.set(metrics);
    }

    fn count(&self, outcome: &'static str, spans: usize) {
        if let Some(metrics) = self.0.metrics.get() {
            metrics.spans(outcome, spans);
        }
    }

    /// Takes a place in the queue, where there is one.
    fn enters(&self, most: usize) -> bool {
        let took =
            self.0.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| (now < most).then_some(now + 1));
        took.is_ok()
    }

    fn leave(&self, spans: usize) {
        let _ =
            self.0.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(spans)));
    }

    /// Says when the collector can't be reached and when it can again, once each.
    fn heard(&self, error: Option<&OTelSdkError>) {
        match error {
            Some(error) if !self.0.is_away.swap(true, Ordering::Relaxed) => {
                let error: String = error.to_string().chars().take(300).collect();
                tracing::warn!(error, "spans can't be sent to the collector");
            }
            None if self.0.is_away.swap(false, Ordering::Relaxed) => tracing::info!("the collector takes spans again"),
            _ => {}
        }
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counters")
    }
}

/// Lets no more spans in than may wait.
#[derive(Debug)]
pub(super) struct Bounded<P> {
    next: P,
    most: usize,
    counters: Counters,
}

impl<P: SpanProcessor> Bounded<P> {
    pub(super) const fn new(next: P, most: usize, counters: Counters) -> Self {
        Self { next, most, counters }
    }
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if !self.counters.enters(self.most) {
            self.counters.count("dropped", 1);
            return;
        }
        name(&mut span);
        self.next.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

/// What a request is called is known when it is over: its method and the name of its route.
fn name(span: &mut SpanData) {
    if span.span_kind != SpanKind::Server {
        return;
    }
    let value = |key: &str| {
        let found = span.attributes.iter().rev().find(|attribute| attribute.key.as_str() == key);
        found.map(|attribute| match &attribute.value {
            Value::String(text) => text.as_str().to_owned(),
            other => other.to_string(),
        })
    };
    if let (Some(method), Some(route)) = (value("http.request.method"), value("http.route")) {
        span.name = Cow::Owned(format!("{method} {route}"));
    }
}

/// Sends spans, on the threads of the server's runtime, and counts them.
#[derive(Debug)]
pub(super) struct Sent {
    exporter: Arc<Otlp>,
    runtime: Handle,
    counters: Counters,
}

impl Sent {
    pub(super) fn new(exporter: Otlp, runtime: Handle, counters: Counters) -> Self {
        Self { exporter: Arc::new(exporter), runtime, counters }
    }
}

impl SpanExporter for Sent {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        // What is on its way is no longer in the queue.
        self.counters.leave(spans);
        let exporter = Arc::clone(&self.exporter);
        let sending = self.runtime.spawn(async move { exporter.export(batch).await });
        let stopped = |_| Err(OTelSdkError::InternalFailure("the server stops".to_owned()));
        let result = sending.await.unwrap_or_else(stopped);
        self.counters.count(if result.is_ok() { "sent" } else { "failed" }, spans);
        self.counters.heard(result.as_ref().err());
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Nothing is on its way when it is set.
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// Keeps the names of what reaches it.
    #[derive(Debug, Default, Clone)]
    struct Kept(Arc<Mutex<Vec<String>>>);

    impl SpanProcessor for Kept {
        fn on_start(&self, _: &mut Span, _: &Context) {}

        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap().push(span.name.into_owned());
        }

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }

    #[test]
    fn no_more_spans_wait_than_may_and_the_others_are_counted() {
        let (kept, counters, metrics) = (Kept::default(), Counters::default(), Metrics::new());
        counters.count_in(metrics.clone());
        let bounded = Bounded::new(kept.clone(), 3, counters.clone());
        let provider = SdkTracerProvider::builder().with_span_processor(bounded).build();
        let tracer = provider.tracer("test");
        for _ in 0..5 {
            tracer.start("one").end();
        }
        assert_eq!(kept.0.lock().unwrap().len(), 3);
        assert!(metrics.render().contains("transom_spans_total{outcome=\"dropped\"} 2"), "{}", metrics.render());
        counters.leave(3);
        tracer.start("one").end();
        assert_eq!(kept.0.lock().unwrap().len(), 4);
    }

    #[test]
    fn a_request_is_called_by_its_method_and_route() {
        let kept = Kept::default();
        let bounded = Bounded::new(kept.clone(), 3, Counters::default());
        let provider = SdkTracerProvider::builder().with_span_processor(bounded).build();
        let tracer = provider.tracer("test");
        let mut span = tracer.span_builder("request").with_kind(SpanKind::Server).start(&tracer);
        span.set_attribute(KeyValue::new("http.request.method", "POST"));
        span.set_attribute(KeyValue::new("http.route", "management"));
        span.end();
        tracer.span_builder("store.read").start(&tracer).end();
        assert_eq!(*kept.0.lock().unwrap(), ["POST management", "store.read"]);
    }
}
