//! Attempts to enroll: who was let in, who was refused, and why.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, Query, only, route::Route};
use crate::admin::{Admin, EnrollmentAttemptJson, EnrollmentAttemptQuery, PageJson};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[Route::get("/enrollment-attempts", Right::Look, "Lists attempts to enroll")
    .query::<EnrollmentAttemptQuery>()
    .gives::<PageJson<EnrollmentAttemptJson>>(200)];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/enrollment-attempts").route(web::get().to(list)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<EnrollmentAttemptQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enrollment_attempts(query).await?))
}
