//! Alerts of devices.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, Query, only, route::Route};
use crate::admin::{Admin, AlertQuery, EventJson, PageJson};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[Route::get("/alerts", Right::Look, "Lists alerts of devices, newest first")
    .query::<AlertQuery>()
    .gives::<PageJson<EventJson>>(200)];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/alerts").route(web::get().to(list)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<AlertQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.alerts(query).await?))
}
