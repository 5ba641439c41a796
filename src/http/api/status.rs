//! What this server is.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};
use transom_protocol::session::Timestamp;

use super::{Answer, NoQuery, Query, now, only};
use crate::admin::Admin;

/// Since when the server runs.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Since(Timestamp);

impl Since {
    /// It begins to run.
    pub(in crate::http) fn now() -> Self {
        Self(now())
    }
}

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/status").route(web::get().to(status)).default_service(only("GET")));
}

async fn status(admin: Data<Admin>, since: Data<Since>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.status(since.0, now())))
}
