//! How pushes go in general.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, NoQuery, Query, now, only};
use crate::admin::Admin;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/push").route(web::get().to(show)).default_service(only("GET")));
}

async fn show(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.push_service(now()).await?))
}
