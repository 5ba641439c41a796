//! What this server is, and how it is.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};
use transom_protocol::session::Timestamp;

use super::{Answer, NoQuery, Query, now, only, route::Route};
use crate::admin::{Admin, Health, Status};
use crate::http::{Readiness, admin::looked_at};
use crate::model::Right;

/// Since when the server runs.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Since(Timestamp);

impl Since {
    /// It begins to run.
    pub(in crate::http) fn now() -> Self {
        Self(now())
    }
}

pub(super) const ROUTES: &[Route] = &[
    Route::get("/status", Right::Look, "Tells what this server is").gives::<Status>(200),
    Route::get("/health", Right::Look, "Tells whether the server can do its work, part by part").gives::<Health>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/status").route(web::get().to(status)).default_service(only("GET")))
        .service(web::resource("/health").route(web::get().to(health)).default_service(only("GET")));
}

async fn status(admin: Data<Admin>, since: Data<Since>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.status(since.0, now()).await?))
}

/// Answers with 200 also where something has failed: the question was answered.
async fn health(readiness: Data<Readiness>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(looked_at(&readiness).await))
}
