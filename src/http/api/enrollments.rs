//! Enrollments: brought along from elsewhere.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, Caller, NoQuery, Query, body::AnyBody, now, only, repeat::Repeat};
use crate::admin::{Admin, Import};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/enrollments/import").route(web::post().to(import)).default_service(only("POST")));
}

/// Makes enrollments of one entry, a list of them, or `{"enrollments": […]}`.
async fn import(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, repeat: Repeat, body: AnyBody) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    let imported = admin.import(Import::of(body.value)?, repetition, now()).await?;
    Ok(HttpResponse::Created().json(imported))
}
