//! Attempts to enroll: who was let in, who was refused, and why.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, Query, only};
use crate::admin::{Admin, EnrollmentAttemptQuery};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/enrollment-attempts").route(web::get().to(list)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<EnrollmentAttemptQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enrollment_attempts(query).await?))
}
