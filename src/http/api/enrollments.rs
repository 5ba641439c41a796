//! Enrollments: brought along from elsewhere.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};
use serde_json::Value;

use super::{Answer, Body, Caller, NoQuery, Query, now, only, repeat::Repeat};
use crate::admin::{Admin, Import};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/enrollments/import").route(web::post().to(import)).default_service(only("POST")));
}

/// Makes enrollments of one entry, a list of them, or `{"enrollments": […]}`.
async fn import(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, repeat: Repeat, body: Body<Value>) -> Answer {
    let repetition = repeat.of(&caller, &body);
    let imported = admin.import(Import::of(body.value)?, repetition, now()).await?;
    Ok(HttpResponse::Created().json(imported))
}
