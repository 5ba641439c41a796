//! Tokens that enroll devices in place of a password.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat, route::Route};
use crate::admin::{
    Admin, EnrollmentTokenDetail, EnrollmentTokenJson, EnrollmentTokenQuery, MadeEnrollmentToken,
    NewEnrollmentTokenJson, PageJson,
};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/enrollment-tokens", Right::Look, "Lists tokens that enroll devices")
        .query::<EnrollmentTokenQuery>()
        .gives::<PageJson<EnrollmentTokenJson>>(200),
    Route::post("/enrollment-tokens", Right::Enroll, "Makes a token")
        .repeatable()
        .body::<NewEnrollmentTokenJson>()
        .gives::<MadeEnrollmentToken>(201),
    Route::get("/enrollment-tokens/{id}", Right::Look, "Shows a token with what it has enrolled")
        .gives::<EnrollmentTokenDetail>(200),
    Route::post("/enrollment-tokens/{id}/revoke", Right::Enroll, "Takes a token back")
        .gives::<EnrollmentTokenJson>(200),
];

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
    let made = admin.create_enrollment_token(body.value, &caller.actor, repetition, now()).await?;
    Ok(HttpResponse::Created().json(made))
}

async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enrollment_token(&id, now()).await?))
}

async fn revoke(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.revoke_enrollment_token(&id, &caller.actor, now()).await?))
}
