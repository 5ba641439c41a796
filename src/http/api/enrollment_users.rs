//! Accounts that enroll devices with a password.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat};
use crate::admin::{Admin, NewEnrollmentUserJson, NewPassword, Part};

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
    Ok(HttpResponse::Created().json(admin.create_enrollment_user(body.value, repetition, now()).await?))
}

async fn show(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enrollment_user(&name, now()).await?))
}

async fn remove(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.remove_enrollment_user(&name, now()).await?))
}

async fn set_password(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>, body: Body<NewPassword>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.set_enrollment_password(&name, body.value, now()).await?))
}

async fn disable(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.disable_enrollment_user(&name, now()).await?))
}

async fn enable(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.enable_enrollment_user(&name, now()).await?))
}
