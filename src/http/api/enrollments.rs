//! Enrollments: brought along from elsewhere.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, Caller, NoQuery, Query, body::AnyBody, now, only, repeat::Repeat, route::Route};
use crate::admin::{Admin, Import, Imported};
use crate::model::Right;

pub(super) const ROUTES: &[Route] =
    &[Route::post("/enrollments/import", Right::Trust, "Brings enrollments along from elsewhere")
        .repeatable()
        .body_of_json()
        .gives::<Imported>(201)];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/enrollments/import").route(web::post().to(import)).default_service(only("POST")));
}

/// Makes enrollments of one entry, a list of them, or `{"enrollments": […]}`.
async fn import(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, repeat: Repeat, body: AnyBody) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    let imported = admin.import(Import::of(body.value)?, &caller.actor, repetition, now()).await?;
    Ok(HttpResponse::Created().json(imported))
}
