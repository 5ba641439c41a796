//! Certificates of devices.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, Query, only, route::Route};
use crate::admin::{Admin, CertificateJson, CertificateQuery, PageJson};
use crate::model::Right;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/certificates", Right::Look, "Lists certificates of devices, the first to end first")
        .query::<CertificateQuery>()
        .gives::<PageJson<CertificateJson>>(200)];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/certificates").route(web::get().to(list)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<CertificateQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.certificates(query).await?))
}
