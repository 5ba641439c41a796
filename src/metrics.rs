//! What is counted, for `/metrics` (the `OpenMetrics` text format). Labels come from fixed lists, never from outside.

mod standing;
#[cfg(test)]
mod watched;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

pub use standing::{Process, Standing};

/// A handle on all counters of the process; clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

/// One of the two doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// The device door.
    Device,
    /// The admin door.
    Admin,
}

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<DoorLabels, Gauge>,
    connections: Family<DoorLabels, Gauge>,
    received: Family<DoorLabels, Counter>,
    sent: Family<DoorLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    panics: Counter,
    body_bytes: Gauge,
    body_bytes_peak: Gauge,
    certificate_ends: Family<DoorLabels, Gauge>,
    sessions: Family<EventLabels, Counter>,
    messages: Family<EventLabels, Counter>,
    statements: Counter,
    commands: Family<StateLabels, Counter>,
    certificate_refusals: Family<ReasonLabels, Counter>,
    signatures: Family<ReasonLabels, Counter<u64, AtomicU64>>,
    envelopes: Family<ReasonLabels, Counter>,
    certificates_expiring: Gauge,
    pushes: Family<OutcomeLabels, Counter>,
    push_wakes: Family<EventLabels, Counter>,
    push_tokens: Family<OutcomeLabels, Counter>,
    pushes_waiting: Gauge,
    webhooks: Family<OutcomeLabels, Counter>,
    webhook_states: Family<StateLabels, Gauge>,
    webhook_lag: Gauge,
    enrollments: Family<EnrollmentLabels, Counter>,
    spans: Family<OutcomeLabels, Counter>,
    standing: Standing,
    process: Process,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DoorLabels {
    door: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    door: &'static str,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    door: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    door: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    event: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EnrollmentLabels {
    step: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

impl Metrics {
    /// With everything at zero.
    pub fn new() -> Self {
        let mut root = Registry::default();
        let durations: Family<RouteLabels, Histogram, fn() -> Histogram> = Family::new_with_constructor(|| {
            Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
        });
        let inner = Inner {
            requests: Family::default(),
            durations,
            in_flight: Family::default(),
            connections: Family::default(),
            received: Family::default(),
            sent: Family::default(),
            refusals: Family::default(),
            panics: Counter::<u64, AtomicU64>::default(),
            body_bytes: Gauge::default(),
            body_bytes_peak: Gauge::default(),
            certificate_ends: Family::default(),
            sessions: Family::default(),
            messages: Family::default(),
            statements: Counter::<u64, AtomicU64>::default(),
            commands: Family::default(),
            certificate_refusals: Family::default(),
            signatures: Family::default(),
            envelopes: Family::default(),
            certificates_expiring: Gauge::default(),
            pushes: Family::default(),
            push_wakes: Family::default(),
            push_tokens: Family::default(),
            pushes_waiting: Gauge::default(),
            webhooks: Family::default(),
            webhook_states: Family::default(),
            webhook_lag: Gauge::default(),
            enrollments: Family::default(),
            spans: Family::default(),
            standing: Standing::default(),
            process: Process::default(),
            registry: Registry::default(),
        };
        inner.process.register(&mut root);
        let registry = root.sub_registry_with_prefix("transom");
        inner.standing.register(registry);
        registry.register("build", "The running release", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("http_requests", "Requests that were answered", inner.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to its reply",
            Unit::Seconds,
            inner.durations.clone(),
        );
        registry.register("http_in_flight", "Requests that are being answered", inner.in_flight.clone());
        registry.register("http_connections", "Open connections", inner.connections.clone());
        registry.register_with_unit(
            "http_received",
            "Bytes received, without TLS",
            Unit::Bytes,
            inner.received.clone(),
        );
        registry.register_with_unit("http_sent", "Bytes sent, without TLS", Unit::Bytes, inner.sent.clone());
        registry.register("http_refusals", "Connections and requests that were turned away", inner.refusals.clone());
        registry.register("http_panics", "Requests whose handling panicked", inner.panics.clone());
        registry.register_with_unit(
            "http_bodies_held",
            "Memory held for bodies of devices",
            Unit::Bytes,
            inner.body_bytes.clone(),
        );
        registry.register_with_unit(
            "http_bodies_held_peak",
            "Most memory that was ever held for bodies of devices",
            Unit::Bytes,
            inner.body_bytes_peak.clone(),
        );
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When the server certificate of a door ends, in Unix time",
            Unit::Seconds,
            inner.certificate_ends.clone(),
        );
        registry.register("sessions", "What happened to management sessions", inner.sessions.clone());
        registry.register("session_messages", "What happened to messages of devices", inner.messages.clone());
        registry.register(
            "session_statements",
            "SQL statements that messages of devices took",
            inner.statements.clone(),
        );
        registry.register("commands", "Commands that came into a state", inner.commands.clone());
        registry.register(
            "enrollment_requests",
            "Requests to the enrollment services, and what became of them",
            inner.enrollments.clone(),
        );
        registry.register(
            "device_certificate_refusals",
            "Messages that were refused because of the certificate that came with them, or because none did",
            inner.certificate_refusals.clone(),
        );
        registry.register(
            "device_signature_refusals",
            "Messages that were refused because of their signature, or because they had none",
            inner.signatures.clone(),
        );
        registry.register(
            "device_envelope_refusals",
            "Messages that were refused because of their envelope, or because they had none",
            inner.envelopes.clone(),
        );
        registry.register(
            "device_certificates_expiring",
            "Enrolled devices whose certificate ends soon",
            inner.certificates_expiring.clone(),
        );
        registry.register("pushes", "Pushes by what became of them", inner.pushes.clone());
        registry.register("push_wakes", "What followed pushes that WNS took", inner.push_wakes.clone());
        registry.register("push_tokens", "Tokens that were asked for, by what came of it", inner.push_tokens.clone());
        registry.register("webhook_deliveries", "Tries to deliver an event, by outcome", inner.webhooks.clone());
        registry.register("webhooks", "Receivers of events, by state", inner.webhook_states.clone());
        registry.register_with_unit(
            "webhook_oldest",
            "Age of the oldest event that waits for an active receiver",
            Unit::Seconds,
            inner.webhook_lag.clone(),
        );
        registry.register("spans", "Spans for the collector, by what became of them", inner.spans.clone());
        registry.register(
            "pushes_waiting",
            "Pushes that wait to be sent, counted up to 1,000",
            inner.pushes_waiting.clone(),
        );
        Self(Arc::new(Inner { registry: root, ..inner }))
    }

    /// Everything in the `OpenMetrics` text format.
    pub fn render(&self) -> String {
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &self.0.registry);
        page
    }

    /// What is looked at now and then.
    pub fn standing(&self) -> &Standing {
        &self.0.standing
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.0.process
    }

    /// Counts something that happened to a session: `started`, `ended`, `timed_out` and the like.
    pub fn session(&self, event: &'static str) {
        self.0.sessions.get_or_create(&EventLabels { event }).inc();
    }

    /// Counts something that happened to a device's message: `processed`, `repeated`, `challenged` and the like.
    pub fn message(&self, event: &'static str) {
        self.0.messages.get_or_create(&EventLabels { event }).inc();
    }

    /// Counts the SQL statements that a device's message took.
    pub fn statements(&self, count: u32) {
        self.0.statements.inc_by(u64::from(count));
    }

    /// Counts a command that came into a state, by the state's name.
    pub fn command(&self, state: &'static str) {
        self.0.commands.get_or_create(&StateLabels { state }).inc();
    }

    /// Counts a request to the enrollment services: which, and `answered` or why not.
    pub fn enrollment(&self, step: &'static str, outcome: &'static str) {
        self.0.enrollments.get_or_create(&EnrollmentLabels { step, outcome }).inc();
    }

    /// Counts a message that was refused because of its certificate, by why.
    pub fn certificate_refused(&self, reason: &'static str) {
        self.0.certificate_refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a message that was refused because of its envelope, by why.
    pub fn envelope_refused(&self, reason: &'static str) {
        self.0.envelopes.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a message that was refused because of its signature, by why.
    pub fn signature_refused(&self, reason: &'static str) {
        self.0.signatures.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Notes how many enrolled devices have a certificate that ends soon.
    pub fn certificates_expiring(&self, count: i64) {
        self.0.certificates_expiring.set(count);
    }

    /// Counts a push, by what became of it.
    pub fn push(&self, outcome: &'static str) {
        self.0.pushes.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts what followed a push that WNS took: `woke`, `slept`; `by_itself` where the device came before it.
    pub fn push_wake(&self, event: &'static str) {
        self.0.push_wakes.get_or_create(&EventLabels { event }).inc();
    }

    /// Counts a token that was asked for, by what came of it.
    pub fn push_token(&self, outcome: &'static str) {
        self.0.push_tokens.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts a try to deliver an event: `delivered` or `failed`.
    pub fn webhook(&self, outcome: &'static str) {
        self.0.webhooks.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Notes how many receivers of events are in a state.
    pub fn webhooks(&self, state: &'static str, count: i64) {
        self.0.webhook_states.get_or_create(&StateLabels { state }).set(count);
    }

    /// Notes how old the oldest event is that waits for a receiver, in seconds.
    pub fn webhook_lag(&self, seconds: i64) {
        self.0.webhook_lag.set(seconds);
    }

    /// Counts spans for the collector: `sent`, `failed`, or `dropped` because too many waited.
    pub fn spans(&self, outcome: &'static str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.spans.get_or_create(&OutcomeLabels { outcome }).inc_by(count);
    }

    /// Notes how many pushes wait to be sent.
    pub fn pushes_waiting(&self, count: i64) {
        self.0.pushes_waiting.set(count);
    }

    pub(crate) fn request(&self, door: Door, route: &'static str, status: u16, took: Duration) {
        let door = door.as_str();
        self.0.requests.get_or_create(&RequestLabels { door, route, status }).inc();
        self.0.durations.get_or_create(&RouteLabels { door, route }).observe(took.as_secs_f64());
    }

    pub(crate) fn request_began(&self, door: Door) {
        self.0.in_flight.get_or_create(&door.labels()).inc();
    }

    pub(crate) fn request_ended(&self, door: Door) {
        self.0.in_flight.get_or_create(&door.labels()).dec();
    }

    pub(crate) fn connection_opened(&self, door: Door) {
        self.0.connections.get_or_create(&door.labels()).inc();
    }

    pub(crate) fn connection_closed(&self, door: Door) {
        self.0.connections.get_or_create(&door.labels()).dec();
    }

    pub(crate) fn transferred(&self, door: Door, received: u64, sent: u64) {
        self.0.received.get_or_create(&door.labels()).inc_by(received);
        self.0.sent.get_or_create(&door.labels()).inc_by(sent);
    }

    pub(crate) fn refused(&self, door: Door, reason: &'static str) {
        self.0.refusals.get_or_create(&RefusalLabels { door: door.as_str(), reason }).inc();
    }

    pub(crate) fn panicked(&self) {
        self.0.panics.inc();
    }

    pub(crate) fn bodies_held(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.0.body_bytes.set(bytes);
        self.0.body_bytes_peak.inner().fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn certificate_ends(&self, door: Door, unix_seconds: i64) {
        self.0.certificate_ends.get_or_create(&door.labels()).set(unix_seconds);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Door {
    /// The word for it in logs and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Admin => "admin",
        }
    }

    const fn labels(self) -> DoorLabels {
        DoorLabels { door: self.as_str() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_names_follow_the_conventions() {
        let metrics = Metrics::new();
        let clone = metrics.clone();
        clone.request(Door::Device, "management", 200, Duration::from_millis(3));
        metrics.command("succeeded");
        clone.transferred(Door::Device, 10, 20);
        let page = metrics.render();
        for line in [
            r#"transom_http_requests_total{door="device",route="management",status="200"} 1"#,
            r#"transom_http_request_duration_seconds_count{door="device",route="management"} 1"#,
            r#"transom_commands_total{state="succeeded"} 1"#,
            r#"transom_http_sent_bytes_total{door="device"} 20"#,
            "# EOF",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
}
