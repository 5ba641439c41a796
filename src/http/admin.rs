//! What is behind the admin door beside the API: is the process alive, is it ready, what did it count.

use std::{sync::LazyLock, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError as _,
    http::{StatusCode, header},
    web,
};

use super::{Readiness, api::document, observe::Note, problem::Problem};
use crate::admin::{Condition, Finding, Health};
use crate::metrics::Metrics;

/// How long a check of readiness may take.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// How the server is; failed where that can't be found out in time.
pub(super) async fn looked_at(readiness: &Readiness) -> Health {
    let in_time = tokio::time::timeout(READY_TIMEOUT, readiness()).await;
    in_time.unwrap_or_else(|_| {
        Health::of(vec![Finding::new("database", Condition::Failed, "the store does not answer in time")])
    })
}

/// The routes that need no token. They tell nothing that is not a number or a yes.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/healthz").route(web::get().to(health)).default_service(web::to(only_get)))
        .service(web::resource("/readyz").route(web::get().to(ready)).default_service(web::to(only_get)))
        .service(web::resource("/api/openapi.json").route(web::get().to(openapi)).default_service(web::to(only_get)))
        .service(web::resource("/metrics").route(web::get().to(metrics)).default_service(web::to(only_get)))
        .default_service(web::to(nothing_here));
}

pub(super) async fn only_get() -> HttpResponse {
    let mut reply = Problem::new(StatusCode::METHOD_NOT_ALLOWED).error_response();
    reply.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET"));
    reply
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

/// The process answers.
async fn health(request: HttpRequest) -> impl Responder {
    Note::of(&request).route("health");
    "ok\n"
}

/// The process can do its work. Why not is for those who may ask the API.
async fn ready(request: HttpRequest, readiness: web::Data<Readiness>) -> Result<impl Responder, Problem> {
    Note::of(&request).route("ready");
    match looked_at(&readiness).await.why_not() {
        None => Ok("ready\n"),
        Some(reason) => {
            tracing::warn!(%reason, "not ready");
            Err(Problem::unavailable())
        }
    }
}

/// What the API is. It says nothing about this server that the source does not say.
async fn openapi(request: HttpRequest) -> impl Responder {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());
    Note::of(&request).route("openapi");
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}

async fn metrics(request: HttpRequest, metrics: web::Data<Metrics>) -> impl Responder {
    Note::of(&request).route("metrics");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, kind)).body(metrics.render())
}
