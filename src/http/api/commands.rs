//! Commands: ordered, listed, taken back, resolved.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};
use serde::Deserialize;

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat, route::Route};
use crate::admin::{Admin, CommandJson, CommandQuery, NewOrder, Ordered, PageJson, ResolveAs};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/commands", Right::Look, "Lists commands, newest first")
        .query::<CommandQuery>()
        .gives::<PageJson<CommandJson>>(200),
    Route::post("/commands", Right::Command, "Puts commands into the queues of devices")
        .repeatable()
        .body::<NewOrder>()
        .gives::<Ordered>(201)
        .or::<Ordered>(200),
    Route::get("/commands/{id}", Right::Look, "Shows a command with its attempts and outcomes")
        .gives::<CommandJson>(200),
    Route::post("/commands/{id}/cancel", Right::Act, "Takes a command back").repeatable().gives::<CommandJson>(200),
    Route::post("/commands/{id}/retry", Right::Command, "Orders a command anew that ended without success")
        .repeatable()
        .gives::<Ordered>(201),
    Route::post("/commands/{id}/resolve", Right::Command, "Ends the doubt about a command whose outcome is unknown")
        .repeatable()
        .body::<Resolution>()
        .gives::<CommandJson>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/commands")
                .route(web::get().to(list))
                .route(web::post().to(order))
                .default_service(only("GET, POST")),
        )
        .service(web::resource("/commands/{id}").route(web::get().to(show)).default_service(only("GET")))
        .service(web::resource("/commands/{id}/cancel").route(web::post().to(cancel)).default_service(only("POST")))
        .service(web::resource("/commands/{id}/retry").route(web::post().to(retry)).default_service(only("POST")))
        .service(web::resource("/commands/{id}/resolve").route(web::post().to(resolve)).default_service(only("POST")));
}

/// What a person knows of a command in doubt.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CommandResolution)]
pub(super) struct Resolution {
    r#as: ResolveAs,
}

async fn list(admin: Data<Admin>, Query(query): Query<CommandQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.commands(query).await?))
}

/// Puts commands into queues; with `dry_run` it only says what it would do.
async fn order(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, repeat: Repeat, body: Body<NewOrder>) -> Answer {
    let (repetition, dry_run) = (repeat.of(&caller, &body.bytes), body.value.dry_run);
    let ordered = admin.order(body.value, (&caller.actor, &caller.rights), repetition, now()).await?;
    Ok(if dry_run { HttpResponse::Ok() } else { HttpResponse::Created() }.json(ordered))
}

async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.command(&id).await?))
}

async fn cancel(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    _: NoBody,
) -> Answer {
    let repetition = repeat.of(&caller, b"");
    Ok(HttpResponse::Ok().json(admin.cancel(&id, &caller.actor, repetition, now()).await?))
}

async fn retry(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    _: NoBody,
) -> Answer {
    let repetition = repeat.of(&caller, b"");
    Ok(HttpResponse::Created().json(admin.retry(&id, (&caller.actor, &caller.rights), repetition, now()).await?))
}

async fn resolve(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<Resolution>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    let by = (&caller.actor, &caller.rights);
    Ok(HttpResponse::Ok().json(admin.resolve(&id, body.value.r#as, by, repetition, now()).await?))
}
