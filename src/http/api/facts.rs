//! Facts: the catalogue, what is known of a device, what it was, and asking anew.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoQuery, Query, now, only, route::Route};
use crate::admin::{Admin, FactChangeJson, FactDefinitionJson, FactsJson, PageJson, Part, Refresh, Refreshed};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/facts", Right::Look, "Lists the facts that devices are asked for")
        .gives::<PageJson<FactDefinitionJson>>(200),
    Route::get("/devices/{id}/facts", Right::Look, "Shows what is known of a device").gives::<FactsJson>(200),
    Route::get("/devices/{id}/facts/{name}/history", Right::Look, "Lists what a fact was before")
        .query::<Part>()
        .gives::<PageJson<FactChangeJson>>(200),
    Route::post("/devices/{id}/refresh", Right::Act, "Asks a device for its facts anew")
        .body::<Refresh>()
        .gives::<Refreshed>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/facts").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/devices/{id}/facts").route(web::get().to(of_device)).default_service(only("GET")))
        .service(
            web::resource("/devices/{id}/facts/{name}/history")
                .route(web::get().to(history))
                .default_service(only("GET")),
        )
        .service(web::resource("/devices/{id}/refresh").route(web::post().to(refresh)).default_service(only("POST")));
}

async fn list(_: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(Admin::fact_definitions()))
}

async fn of_device(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.facts(&id).await?))
}

async fn history(admin: Data<Admin>, place: Path<(String, String)>, Query(part): Query<Part>) -> Answer {
    let (id, name) = place.into_inner();
    Ok(HttpResponse::Ok().json(admin.fact_history(&id, &name, part).await?))
}

async fn refresh(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    what: Body<Refresh>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.refresh(&id, what.value, &caller.actor, now()).await?))
}
