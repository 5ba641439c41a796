//! Spans for a collector of OpenTelemetry, where one is configured (OTLP over HTTP).
//!
//! Spans are made where something is done ([`crate::model::SPANS`]), are finished into a bounded queue, and leave from a
//! thread of their own: nobody waits for the collector. One that is away costs spans, which are counted, and nothing
//! else. The trace of a request has the id of the request.

mod export;
mod sample;

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, RandomIdGenerator, SdkTracerProvider},
};
use tokio::runtime::Handle;
use tracing_subscriber::{Layer, Registry, filter::Targets};

use self::{
    export::{Bounded, Counters, Sent},
    sample::{RequestIds, Share},
};
use super::{Installation, hinted, waking};
use crate::{config::header_pairs, metrics::Metrics, model::SPANS, pki::outbound};

/// Spans that wait for the collector; more are dropped.
const QUEUE: usize = 2_048;

/// Spans in one call.
const TOGETHER: usize = 512;

/// How long spans wait for others to be sent with.
const EVERY: Duration = Duration::from_secs(5);

/// How long a stop waits for the last spans to be sent.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The way to the collector.
pub(super) struct Telemetry {
    provider: SdkTracerProvider,
    counters: Counters,
}

/// A layer of the log's subscriber.
pub(super) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

impl Telemetry {
    /// Where a collector is configured: the way to it. Calls nobody yet.
    pub(super) fn new(installation: &Installation, runtime: &Handle) -> anyhow::Result<Option<Self>> {
        let settings = &installation.settings.telemetry;
        if !settings.is_configured() {
            return Ok(None);
        }
        let roots = waking::roots(installation, &settings.roots, "telemetry.roots")?;
        let client = outbound::client(&roots, settings.timeout).context("can't prepare calls of the collector")?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(&settings.endpoint)
            .with_timeout(settings.timeout)
            .with_headers(headers(installation)?)
            .build()
            .map_err(|_| hinted("can't prepare the export of spans", "look at [telemetry] in transom.toml"))?;
        let counters = Counters::default();
        let sent = Sent::new(exporter, runtime.clone(), counters.clone());
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(TOGETHER)
            .with_scheduled_delay(EVERY)
            .build();
        let processor = BatchSpanProcessor::builder(sent).with_batch_config(batches).build();
        let resource = Resource::builder_empty()
            .with_service_name(settings.service_name.clone())
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string()),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_id_generator(RequestIds(RandomIdGenerator::default()))
            .with_sampler(Share::of(settings.sampling))
            .with_span_processor(Bounded::new(processor, QUEUE, counters.clone()))
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider, counters }))
    }

    /// What makes spans of the program's own; events are the log's matter.
    pub(super) fn layer(&self) -> BoxedLayer {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("transom"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, tracing::Level::INFO))
            .boxed()
    }

    /// Says where what becomes of spans is counted.
    pub(super) fn counted_by(&self, metrics: &Metrics) {
        self.counters.count_in(metrics.clone());
    }

    /// Sends what waits, for a short time at most.
    pub(super) async fn stop(self) {
        let provider = self.provider;
        let stopping = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_WORDS));
        let stopped = tokio::time::timeout(LAST_WORDS + Duration::from_secs(1), stopping).await;
        if !matches!(stopped, Ok(Ok(Ok(())))) {
            tracing::warn!("the last spans may not have reached the collector");
        }
    }
}

fn headers(installation: &Installation) -> anyhow::Result<HashMap<String, String>> {
    let settings = &installation.settings.telemetry;
    if settings.headers.is_empty() && settings.headers_file.as_os_str().is_empty() {
        return Ok(HashMap::new());
    }
    let text = waking::secret(installation, &settings.headers, &settings.headers_file, "the headers")?;
    let pairs = header_pairs(&text);
    let wrong = || hinted("telemetry.headers_file holds no headers", "write name=value, each on its line");
    Ok(pairs.ok_or_else(wrong)?.into_iter().collect())
}
