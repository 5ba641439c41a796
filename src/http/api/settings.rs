//! With which settings the server runs.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, NoQuery, Query, only, route::Route};
use crate::admin::{Admin, SettingsJson};
use crate::model::Right;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/settings", Right::Settings, "Tells with which settings the server runs, without secrets")
        .gives::<SettingsJson>(200)];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/settings").route(web::get().to(show)).default_service(only("GET")));
}

async fn show(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.settings_json()))
}
