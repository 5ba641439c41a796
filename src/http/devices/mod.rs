//! What is behind the device door: bytes in, bytes out. Nothing here looks into a message.

mod body;
mod headers;
mod management;
mod refusal;
mod sign_in;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use tokio::sync::Semaphore;
use transom_protocol::session::Timestamp;

pub(super) use body::BodyMemory;

use super::{Answering, connections::PeerKey, observe::Note};
use crate::{
    config,
    limits::{KeyedLimiter, SharedLimiter},
};

/// What the routes of the device door need; the same for all its workers.
pub(super) struct DeviceDoor {
    answering: Answering,
    memory: Arc<BodyMemory>,
    in_flight: Semaphore,
    everybody: SharedLimiter,
    peers: Arc<KeyedLimiter<PeerKey>>,
    body_limit: usize,
    body_timeout: Duration,
    answer_timeout: Duration,
    retry_after: Duration,
}

impl DeviceDoor {
    pub(super) fn new(
        settings: &config::DeviceDoor,
        answering: Answering,
        memory: Arc<BodyMemory>,
        peers: Arc<KeyedLimiter<PeerKey>>,
    ) -> Self {
        Self {
            answering,
            memory,
            in_flight: Semaphore::new(settings.max_in_flight.min(Semaphore::MAX_PERMITS)),
            everybody: SharedLimiter::new(settings.rate, settings.burst),
            peers,
            body_limit: settings.body_limit,
            body_timeout: settings.body_timeout,
            answer_timeout: settings.answer_timeout,
            retry_after: settings.retry_after,
        }
    }
}

/// The routes. Windows writes `MDM.svc` where the documents write `Mdm.svc`, so case does not matter.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource(r"/{path:(?i:ManagementServer/Mdm\.svc)}")
            .route(web::post().to(management::message))
            .default_service(web::to(only_post)),
    );
    sign_in::configure(routes);
    routes.default_service(web::to(nothing_here));
}

/// The time.
fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    let note = Note::of(&request);
    note.route(management::ROUTE);
    note.reason("method");
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "POST")).finish()
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    Note::of(&request).reason("path");
    HttpResponse::NotFound().finish()
}
