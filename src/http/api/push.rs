//! How pushes go in general.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, NoQuery, Query, now, only, route::Route};
use crate::admin::{Admin, PushServiceJson};
use crate::model::Right;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/push", Right::Look, "Tells how pushes go in general").gives::<PushServiceJson>(200)];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/push").route(web::get().to(show)).default_service(only("GET")));
}

async fn show(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.push_service(now()).await?))
}
