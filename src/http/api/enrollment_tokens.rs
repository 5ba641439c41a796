//! Tokens that enroll devices in place of a password.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat};
use crate::admin::{Admin, EnrollmentTokenQuery, NewEnrollmentTokenJson};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/enrollment-tokens")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(only("GET, POST")),
        )
        .service(web::resource("/enrollment-tokens/{id}").route(web::get().to(show)).default_service(only("GET")))
        .service(
            web::resource("/enrollment-tokens/{id}/revoke").route(web::post().to(revoke)).default_service(only("POST")),
        );
}

async fn list(admin: Data<Admin>, Query(query): Query<EnrollmentTokenQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enrollment_tokens(query, now()).await?))
}

async fn create(
    admin: Data<Admin>,
    caller: Caller,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<NewEnrollmentTokenJson>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    let made = admin.create_enrollment_token(body.value, &caller.name, repetition, now()).await?;
    Ok(HttpResponse::Created().json(made))
}

async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enrollment_token(&id, now()).await?))
}

async fn revoke(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.revoke_enrollment_token(&id, now()).await?))
}
