//! What is behind the device door: bytes in, bytes out. Nothing here looks into a message.

mod body;
mod diagnostics;
mod enrollment;
mod headers;
mod management;
mod refusal;
mod sign_in;

use std::{net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Payload},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use transom_protocol::session::Timestamp;

pub(super) use body::BodyMemory;
pub(super) use headers::plain;

use self::{
    body::{Body, Held},
    refusal::{Refusal, RetryAfter},
};
use super::{
    Answering, EnrollmentAnswering,
    connections::PeerKey,
    observe::Note,
    proxy::{FarSide, Proxies, ProxyRefused},
    wire::Link,
};
use crate::{
    config,
    limits::{KeyedLimiter, SharedLimiter},
    pki::LiveAuthorities,
};

/// What the routes of the device door need; the same for all its workers.
pub(super) struct DeviceDoor {
    answering: Answering,
    enrolling: EnrollmentAnswering,
    /// Whose certificates devices have.
    authorities: Arc<LiveAuthorities>,
    proxies: Arc<Proxies>,
    /// The port that devices come in at.
    port: u16,
    memory: Arc<BodyMemory>,
    in_flight: Semaphore,
    everybody: SharedLimiter,
    peers: Arc<KeyedLimiter<PeerKey>>,
    body_limit: usize,
    body_timeout: Duration,
    answer_timeout: Duration,
    retry_after: RetryAfter,
}

impl DeviceDoor {
    pub(super) fn new(
        (settings, port): (&config::DeviceDoor, u16),
        (answering, enrolling): (Answering, EnrollmentAnswering),
        (authorities, proxies): (Arc<LiveAuthorities>, Arc<Proxies>),
        memory: Arc<BodyMemory>,
        peers: Arc<KeyedLimiter<PeerKey>>,
    ) -> Self {
        Self {
            answering,
            enrolling,
            authorities,
            proxies,
            port,
            memory,
            in_flight: Semaphore::new(settings.max_in_flight.min(Semaphore::MAX_PERMITS)),
            everybody: SharedLimiter::new(settings.rate, settings.burst),
            peers,
            body_limit: settings.body_limit,
            body_timeout: settings.body_timeout,
            answer_timeout: settings.answer_timeout,
            retry_after: RetryAfter { least: settings.retry_after, spread: settings.retry_spread },
        }
    }
}

/// A body that was taken in. Its memory and its place count as held until the answer is there.
struct TakenIn<'a> {
    body: Body,
    place: SemaphorePermit<'a>,
}

impl<'a> TakenIn<'a> {
    fn into_parts(self) -> (Vec<u8>, (Held, SemaphorePermit<'a>)) {
        let (bytes, held) = self.body.into_parts();
        (bytes, (held, self.place))
    }
}

impl DeviceDoor {
    /// Who sends a request, beyond any proxy.
    fn far_side(&self, request: &HttpRequest, now: Timestamp) -> Result<FarSide, ProxyRefused> {
        let link = request.conn_data::<Rc<Link>>();
        let direct = FarSide { peer: headers::peer(request), certificate: link.and_then(|link| link.certificate()) };
        let hop = link.map_or(direct.peer, |link| link.hop());
        self.proxies.far_side(request.headers(), hop, direct, now)
    }

    fn check_rates(&self, peer: IpAddr) -> Result<(), Refusal> {
        self.peers.check(&PeerKey::of(peer)).map_err(Refusal::PeerRate)?;
        self.everybody.check().map_err(Refusal::Rate)
    }

    /// Reads a body, whole. Nothing is unpacked, because a small body can unpack to a large one.
    ///
    /// Where all places are taken, who has `patience` waits for one: a session comes again by itself, but who enrolls
    /// sits before the computer and would have to begin anew.
    async fn take_in(
        &self,
        request: &HttpRequest,
        payload: Payload,
        note: &Note,
        patience: Option<Duration>,
    ) -> Result<TakenIn<'_>, Refusal> {
        let packed = request.headers().get_all(header::CONTENT_ENCODING);
        if packed.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Refusal::ContentEncoding);
        }
        let declared = declared_length(request)?;
        // Whoever would be sent away after the body is sent away before it.
        if patience.is_none() && self.in_flight.available_permits() == 0 {
            return Err(Refusal::Overloaded);
        }
        let read = Body::read(payload, declared, self.body_limit, &self.memory);
        let body = timeout(self.body_timeout, read).await.map_err(|_| Refusal::BodyTooSlow)??;
        note.received(body.len());
        let place = match patience {
            None => self.in_flight.try_acquire().ok(),
            Some(patience) => timeout(patience, self.in_flight.acquire()).await.ok().and_then(Result::ok),
        };
        let place = place.ok_or(Refusal::Overloaded)?;
        Ok(TakenIn { body, place })
    }
}

fn declared_length(request: &HttpRequest) -> Result<Option<u64>, Refusal> {
    let Some(value) = request.headers().get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|value| value.parse().ok());
    length.map(Some).ok_or(Refusal::BodyBroken)
}

/// The routes. Windows writes `MDM.svc` where the documents write `Mdm.svc`, so case does not matter.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource(r"/{path:(?i:ManagementServer/Mdm\.svc)}")
            .route(web::post().to(management::message))
            .default_service(web::to(|request| only(request, management::ROUTE, "POST"))),
    );
    enrollment::configure(routes);
    sign_in::configure(routes);
    diagnostics::configure(routes);
    routes.default_service(web::to(nothing_here));
}

/// The time.
fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// What a path answers to methods that it does not have.
async fn only(request: HttpRequest, route: &'static str, methods: &'static str) -> HttpResponse {
    let note = Note::of(&request);
    note.route(route);
    note.reason("method");
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, methods)).finish()
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    Note::of(&request).reason("path");
    HttpResponse::NotFound().finish()
}
