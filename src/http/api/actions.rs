//! What is asked of devices as a whole: asked, listed, looked at, taken back, resolved, downloaded.

use actix_web::{
    HttpResponse,
    body::SizedStream,
    http::{StatusCode, header},
    web::{self, Bytes, Data, Path},
};
use futures_util::TryStreamExt as _;
use serde::Deserialize;

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat, route::Route};
use crate::{
    admin::{ActionJson, ActionQuery, Admin, NewAction, PageJson, ResolveActionAs},
    http::problem::Problem,
    model::{Actor, Right},
};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/devices/{id}/actions", Right::Look, "Lists what was asked of a device")
        .query::<ActionQuery>()
        .gives::<PageJson<ActionJson>>(200),
    Route::post("/devices/{id}/actions", Right::Act, "Asks something of a device: reboot, lock, wipe and others")
        .repeatable()
        .body::<NewAction>()
        .gives::<ActionJson>(201),
    Route::get("/actions", Right::Look, "Lists what was asked of devices")
        .query::<ActionQuery>()
        .gives::<PageJson<ActionJson>>(200),
    Route::get("/actions/{id}", Right::Look, "Shows what was asked of a device and what became of it")
        .gives::<ActionJson>(200),
    Route::post("/actions/{id}/cancel", Right::Act, "Takes back what a device was not told of yet")
        .gives::<ActionJson>(200),
    Route::post("/actions/{id}/resolve", Right::Command, "Says how something ended that the device says nothing of")
        .body::<Resolution>()
        .gives::<ActionJson>(200),
    Route::get("/actions/{id}/archive", Right::Reveal, "Downloads what a device has collected about itself")
        .gives_bytes("application/zip"),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/devices/{id}/actions")
                .route(web::get().to(of_device))
                .route(web::post().to(act))
                .default_service(only("GET, POST")),
        )
        .service(web::resource("/actions").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/actions/{id}").route(web::get().to(show)).default_service(only("GET")))
        .service(web::resource("/actions/{id}/cancel").route(web::post().to(cancel)).default_service(only("POST")))
        .service(web::resource("/actions/{id}/resolve").route(web::post().to(resolve)).default_service(only("POST")))
        .service(web::resource("/actions/{id}/archive").route(web::get().to(archive)).default_service(only("GET")));
}

/// What a person knows of an action in doubt.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActionResolution)]
pub(super) struct Resolution {
    r#as: ResolveActionAs,
}

async fn act(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<NewAction>,
) -> Answer {
    let right = body.value.action.kind().right();
    if !caller.rights.contains(&right) {
        let problem = Problem::new(StatusCode::FORBIDDEN)
            .detail(format!("this needs the right '{right}', which the token does not have"))
            .kind("right", "Not allowed");
        return Err(problem);
    }
    let repetition = repeat.of(&caller, &body.bytes);
    Ok(HttpResponse::Created().json(admin.act(&id, body.value, &caller.actor, repetition, now()).await?))
}

async fn of_device(admin: Data<Admin>, id: Path<String>, Query(query): Query<ActionQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.actions_of(&id, query).await?))
}

async fn list(admin: Data<Admin>, Query(query): Query<ActionQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.actions(query).await?))
}

async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.action(&id).await?))
}

async fn cancel(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.cancel_action(&id, &caller.actor, now()).await?))
}

async fn resolve(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    body: Body<Resolution>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.resolve_action(&id, body.value.r#as, &caller.actor, now()).await?))
}

async fn archive(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>) -> Answer {
    archive_of(&admin, &id, &caller.actor).await
}

/// What a device sent, as it came: to be saved, never to be shown by a browser.
pub(in crate::http) async fn archive_of(admin: &Admin, id: &str, by: &Actor) -> Answer {
    let (pieces, bytes) = admin.archive(id, by, now()).await?;
    let pieces = pieces.map_ok(Bytes::from);
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"diagnostics-{id}.zip\"")))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(SizedStream::new(bytes, pieces)))
}
