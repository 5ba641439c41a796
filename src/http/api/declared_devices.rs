//! Devices that are declared before they enroll.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, NoBody, NoQuery, Query, now, only};
use crate::admin::{Admin, Declaration, Part};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/declared-devices")
                .route(web::get().to(list))
                .route(web::post().to(declare))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/declared-devices/{kind}/{value}")
                .route(web::delete().to(remove))
                .default_service(only("DELETE")),
        );
}

async fn list(admin: Data<Admin>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.declared_devices(part).await?))
}

/// Declares devices. Declaring one again changes nothing, so that a repeated request needs no key.
async fn declare(admin: Data<Admin>, _: Query<NoQuery>, body: Body<Declaration>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.declare(body.value, now()).await?))
}

async fn remove(admin: Data<Admin>, path: Path<(String, String)>, _: Query<NoQuery>, _: NoBody) -> Answer {
    let (kind, value) = path.into_inner();
    Ok(HttpResponse::Ok().json(admin.remove_declared(&kind, &value).await?))
}
