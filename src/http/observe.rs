//! Around every request: an id, one log event, counters, and a net under panics.

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    panic::AssertUnwindSafe,
    rc::Rc,
    sync::Arc,
    time::Instant,
};

use actix_web::{
    Error, HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt as _;
use tracing::{Instrument as _, field::Empty};

use super::{devices::plain, pace::Pace, problem::Problem, proxy::Proxies, stop::Stop, wire::Link};
use crate::{
    metrics::{Door, Metrics},
    model::{SPANS, Trace},
};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a browser may make of an answer of the admin door that says nothing else of it, as pages do: nothing.
const INERT: [(HeaderName, &str); 2] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What the observation of one door needs.
pub(super) struct Observer {
    pub(super) door: Door,
    pub(super) metrics: Metrics,
    pub(super) stop: Stop,
    /// Proxies that are asked here whose a request is; the device door asks them with the message.
    pub(super) proxies: Option<Arc<Proxies>>,
    /// How fast bodies have to be; the device door sees to it where it reads them.
    pub(super) pace: Option<Pace>,
}

/// What a handler says of a request, for the log.
pub(super) struct Note {
    id: String,
    peer: Option<IpAddr>,
    is_too_slow: Cell<bool>,
    route: Cell<&'static str>,
    reason: Cell<&'static str>,
    received: Cell<usize>,
    correlation: RefCell<Option<String>>,
}

impl Note {
    /// The note of a request; a blank one where nobody observes.
    pub(super) fn of(request: &HttpRequest) -> Rc<Self> {
        request.extensions().get::<Rc<Self>>().cloned().unwrap_or_else(|| Rc::new(Self::new(None)))
    }

    /// The id of the request, which its reply carries as well.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whose request it is, beyond a proxy of ours that says so.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Says that its body did not come in time.
    pub(super) fn too_slow(&self) {
        self.is_too_slow.set(true);
    }

    /// Names the route, from a fixed list.
    pub(super) fn route(&self, route: &'static str) {
        self.route.set(route);
    }

    /// Says why the request was turned away, in a word from a fixed list.
    pub(super) fn reason(&self, reason: &'static str) {
        self.reason.set(reason);
    }

    /// Says how large the body was.
    pub(super) fn received(&self, bytes: usize) {
        self.received.set(bytes);
    }

    /// Keeps what the client calls the request; escaped already.
    pub(super) fn correlation(&self, value: Option<&str>) {
        self.correlation.replace(value.map(ToOwned::to_owned));
    }

    fn new(peer: Option<IpAddr>) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            peer,
            is_too_slow: Cell::new(false),
            route: Cell::new("none"),
            reason: Cell::new(""),
            received: Cell::new(0),
            correlation: RefCell::new(None),
        }
    }
}

/// The outermost middleware of both doors.
pub(super) async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(observer) = request.app_data::<Data<Observer>>().cloned() else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let link = request.conn_data::<Rc<Link>>().cloned();
    let _running = link.as_ref().map(Link::begin);
    let observation = Observation::begin(&observer, &request, link.as_deref());
    let span = tracing::info_span!("request", id = observation.note.id());
    let sent = observation.sent.clone();
    if let Some(pace) = observer.pace {
        pace.keep(&mut request, &observation.note, &observer.stop);
    }
    let trace = Trace { id: observation.note.id().to_owned(), correlation: correlation(&request) };
    let handled =
        trace.around(AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span).instrument(sent)).await;
    match handled {
        Ok(Ok(response)) => {
            let mut response = observation.in_time(response.map_into_boxed_body());
            observation.finish(response.response_mut().head_mut());
            let problem = response.response_mut().extensions_mut().remove::<Problem>();
            let response = match problem {
                Some(problem) => {
                    let body = problem.about(observation.note.id()).to_body();
                    response.map_body(|_, _| BoxBody::new(body))
                }
                None => response,
            };
            observation.report(response.status(), response.response().body().size());
            Ok(response)
        }
        Ok(Err(error)) => {
            observation.report(error.as_response_error().status_code(), BodySize::None);
            Err(error)
        }
        Err(_) => {
            observer.metrics.panicked();
            observation.note.reason("panic");
            observation.report(StatusCode::INTERNAL_SERVER_ERROR, BodySize::None);
            Err(Panicked { id: observation.note.id().to_owned(), door: observer.door }.into())
        }
    }
}

/// What a device calls its request.
fn correlation(request: &ServiceRequest) -> Option<String> {
    let value = request.headers().get("MS-CV")?;
    Some(plain(&String::from_utf8_lossy(value.as_bytes())))
}

struct Observation<'a> {
    observer: &'a Observer,
    note: Rc<Note>,
    method: &'static str,
    peer: Option<IpAddr>,
    began: Instant,
    /// What a collector gets, where one is configured.
    sent: tracing::Span,
}

impl<'a> Observation<'a> {
    fn begin(observer: &'a Observer, request: &ServiceRequest, link: Option<&Link>) -> Self {
        let direct = link.map(Link::peer);
        let peer = match (&observer.proxies, link) {
            (Some(proxies), Some(link)) => Some(proxies.client(request.headers(), link.hop(), link.peer())),
            _ => direct,
        };
        let note = Rc::new(Note::new(peer));
        request.extensions_mut().insert(note.clone());
        observer.metrics.request_began(observer.door);
        let method = method_name(request.method());
        let sent = span(observer.door, method, request.path());
        Self { observer, note, method, peer, began: Instant::now(), sent }
    }

    /// The answer, or why there is none: whatever was made of a body that did not come in time, this is why.
    fn in_time(&self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        if !self.note.is_too_slow.get() {
            return response;
        }
        self.note.reason("body_too_slow");
        let problem = Problem::new(StatusCode::REQUEST_TIMEOUT).detail("the body did not come in time");
        let mut reply = problem.error_response();
        reply.head_mut().set_connection_type(actix_http::ConnectionType::Close);
        response.into_response(reply)
    }

    /// What every reply of ours has.
    fn finish(&self, head: &mut actix_http::ResponseHead) {
        if let Ok(id) = HeaderValue::from_str(self.note.id()) {
            head.headers_mut().insert(REQUEST_ID.clone(), id);
        }
        if !head.headers().contains_key(header::CACHE_CONTROL) {
            head.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if self.observer.door == Door::Admin {
            for (name, value) in INERT {
                if !head.headers().contains_key(&name) {
                    head.headers_mut().insert(name, HeaderValue::from_static(value));
                }
            }
        }
        if self.observer.stop.is_stopping() {
            head.set_connection_type(actix_http::ConnectionType::Close);
        }
    }

    fn report(&self, status: StatusCode, size: BodySize) {
        let took = self.began.elapsed();
        let (route, reason) = (self.note.route.get(), self.note.reason.get());
        let door = self.observer.door;
        self.observer.metrics.request(door, route, status.as_u16(), took);
        if !reason.is_empty() {
            self.observer.metrics.refused(door, reason);
        }
        self.sent.record("http.route", route);
        self.sent.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.sent.record("otel.status_code", "ERROR");
        }
        if !reason.is_empty() {
            self.sent.record("transom.reason", reason);
        }
        let sent = if let BodySize::Sized(bytes) = size { bytes } else { 0 };
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    door = door.as_str(),
                    id = self.note.id(),
                    peer = self.peer.map(tracing::field::display),
                    method = self.method,
                    route,
                    status = status.as_u16(),
                    reason,
                    received = self.note.received.get(),
                    sent,
                    micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    cv = self.note.correlation.borrow().as_deref(),
                    "request"
                )
            };
        }
        match route {
            _ if status.is_server_error() => event!(warn),
            "health" | "ready" | "metrics" => event!(debug),
            _ => event!(info),
        }
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        self.observer.metrics.request_ended(self.observer.door);
    }
}

/// A request whose handling panicked. The client learns the id under which the log knows more.
#[derive(Debug)]
struct Panicked {
    id: String,
    door: Door,
}

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "request {} panicked", self.id)
    }
}

impl ResponseError for Panicked {
    fn error_response(&self) -> HttpResponse {
        let mut reply = HttpResponse::InternalServerError();
        reply.insert_header((REQUEST_ID.clone(), self.id.as_str())).insert_header((header::CACHE_CONTROL, "no-store"));
        match self.door {
            Door::Device => reply.finish(),
            Door::Admin => {
                reply.content_type(Problem::CONTENT_TYPE);
                for header in INERT {
                    reply.insert_header(header);
                }
                reply.body(Problem::new(StatusCode::INTERNAL_SERVER_ERROR).about(&self.id).to_body())
            }
        }
    }
}

/// The span of a request: a trace of its own, by the id of the request. What is asked every few seconds to see whether
/// the server lives has none.
fn span(door: Door, method: &'static str, path: &str) -> tracing::Span {
    if door == Door::Admin && matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return tracing::Span::none();
    }
    tracing::info_span!(
        target: SPANS,
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
        transom.door = door.as_str(),
        transom.reason = Empty,
    )
}

/// Methods are any word that a client chooses; the log knows the usual ones.
fn method_name(method: &Method) -> &'static str {
    let usual = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    usual.into_iter().find(|name| method.as_str() == *name).unwrap_or("other")
}
