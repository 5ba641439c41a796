//! What a device is to have before a person begins to work with it.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{
    Answer, Body, Caller, NoQuery, Query, now, only,
    repeat::Repeat,
    route::Route,
    tag::{IfMatch, tagged},
};
use crate::admin::{Admin, EndProvisioning, PageJson, ProvisioningJson, ProvisioningQuery, SetProvisioning};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/devices/{id}/provisioning", Right::Look, "Shows what a device is to have, and what has not arrived")
        .versioned()
        .gives::<ProvisioningJson>(200),
    Route::get("/provisioning", Right::Look, "Lists devices that wait for what they are to have, or did not get it")
        .query::<ProvisioningQuery>()
        .gives::<PageJson<ProvisioningJson>>(200),
    Route::post("/devices/{id}/provisioning", Right::Command, "Says what a device is to have")
        .repeatable()
        .guarded()
        .body::<SetProvisioning>()
        .gives::<ProvisioningJson>(200),
    Route::post("/devices/{id}/provisioning/end", Right::Command, "Has a status page of a device end")
        .repeatable()
        .body::<EndProvisioning>()
        .gives::<ProvisioningJson>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/provisioning").route(web::get().to(list)).default_service(only("GET")))
        .service(
            web::resource("/devices/{id}/provisioning")
                .route(web::get().to(show))
                .route(web::post().to(set))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/devices/{id}/provisioning/end").route(web::post().to(end)).default_service(only("POST")),
        );
}

async fn list(admin: Data<Admin>, Query(query): Query<ProvisioningQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.provisionings(query).await?))
}

async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    let shown = admin.provisioning(&id).await?;
    Ok(tagged(&shown.tag(), &shown))
}

async fn set(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    seen: IfMatch,
    set: Body<SetProvisioning>,
) -> Answer {
    let repetition = repeat.of(&caller, &set.bytes);
    let set = admin.set_provisioning(&id, set.value, seen.0, &caller.actor, repetition, now()).await?;
    Ok(tagged(&set.tag(), &set))
}

async fn end(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    how: Body<EndProvisioning>,
) -> Answer {
    let repetition = repeat.of(&caller, &how.bytes);
    Ok(HttpResponse::Ok().json(admin.end_provisioning(&id, how.value, &caller.actor, repetition, now()).await?))
}
