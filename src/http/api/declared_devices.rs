//! Devices that are declared before they enroll.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, route::Route};
use crate::admin::{Admin, Declaration, Declared, DeclaredDeviceJson, NewDeclared, PageJson, Part};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/declared-devices", Right::Look, "Lists devices that are declared")
        .query::<Part>()
        .gives::<PageJson<DeclaredDeviceJson>>(200),
    Route::post("/declared-devices", Right::Enroll, "Declares devices").body::<Declaration>().gives::<Declared>(200),
    Route::delete("/declared-devices/{kind}/{value}", Right::Enroll, "Takes a declaration back")
        .gives::<NewDeclared>(200),
];

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
async fn declare(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, body: Body<Declaration>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.declare(body.value, &caller.actor, now()).await?))
}

async fn remove(
    admin: Data<Admin>,
    caller: Caller,
    path: Path<(String, String)>,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    let (kind, value) = path.into_inner();
    Ok(HttpResponse::Ok().json(admin.remove_declared(&kind, &value, &caller.actor, now()).await?))
}
