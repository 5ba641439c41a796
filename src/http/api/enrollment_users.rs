//! Accounts that enroll devices with a password.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{
    Answer, Body, Caller, NoBody, NoQuery, Query, now, only,
    repeat::Repeat,
    route::Route,
    tag::{IfMatch, tagged},
};
use crate::admin::{
    Admin, EnrollmentUserJson, EnrollmentUserWithPassword, NewEnrollmentUserJson, NewPassword, PageJson, Part,
};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/enrollment-users", Right::Look, "Lists accounts that enroll devices")
        .query::<Part>()
        .gives::<PageJson<EnrollmentUserJson>>(200),
    Route::post("/enrollment-users", Right::Enroll, "Makes an account")
        .repeatable()
        .body::<NewEnrollmentUserJson>()
        .gives::<EnrollmentUserWithPassword>(201),
    Route::get("/enrollment-users/{name}", Right::Look, "Shows an account")
        .versioned()
        .gives::<EnrollmentUserJson>(200),
    Route::delete("/enrollment-users/{name}", Right::Enroll, "Deletes an account")
        .guarded()
        .gives::<EnrollmentUserJson>(200),
    Route::post("/enrollment-users/{name}/password", Right::Enroll, "Gives an account another password")
        .repeatable()
        .guarded()
        .body::<NewPassword>()
        .gives::<EnrollmentUserWithPassword>(200),
    Route::post("/enrollment-users/{name}/disable", Right::Enroll, "Lets an account enroll nothing more")
        .guarded()
        .gives::<EnrollmentUserJson>(200),
    Route::post("/enrollment-users/{name}/enable", Right::Enroll, "Lets an account enroll again")
        .guarded()
        .gives::<EnrollmentUserJson>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/enrollment-users")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/enrollment-users/{name}")
                .route(web::get().to(show))
                .route(web::delete().to(remove))
                .default_service(only("GET, DELETE")),
        )
        .service(
            web::resource("/enrollment-users/{name}/password")
                .route(web::post().to(set_password))
                .default_service(only("POST")),
        )
        .service(
            web::resource("/enrollment-users/{name}/disable")
                .route(web::post().to(disable))
                .default_service(only("POST")),
        )
        .service(
            web::resource("/enrollment-users/{name}/enable")
                .route(web::post().to(enable))
                .default_service(only("POST")),
        );
}

/// What of an account people change.
fn shown(user: &EnrollmentUserJson) -> HttpResponse {
    tagged(&user.tag(), user)
}

async fn list(admin: Data<Admin>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enrollment_users(part, now()).await?))
}

async fn create(
    admin: Data<Admin>,
    caller: Caller,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<NewEnrollmentUserJson>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    Ok(HttpResponse::Created().json(admin.create_enrollment_user(body.value, &caller.actor, repetition, now()).await?))
}

async fn show(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(shown(&admin.enrollment_user(&name, now()).await?))
}

async fn remove(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.remove_enrollment_user(&name, seen.0, &caller.actor, now()).await?))
}

async fn set_password(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<NewPassword>,
) -> Answer {
    let by = (&caller.actor, repeat.of(&caller, &body.bytes));
    let changed = admin.set_enrollment_password(&name, body.value, seen.0, by, now()).await?;
    Ok(tagged(&changed.user.tag(), &changed))
}

async fn disable(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.disable_enrollment_user(&name, seen.0, &caller.actor, now()).await?))
}

async fn enable(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.enable_enrollment_user(&name, seen.0, &caller.actor, now()).await?))
}
