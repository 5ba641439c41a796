//! Commands: ordered, listed, taken back, resolved.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};
use serde::Deserialize;

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat};
use crate::admin::{Admin, CommandQuery, NewOrder, ResolveAs};

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
        .service(web::resource("/commands/{id}/resolve").route(web::post().to(resolve)).default_service(only("POST")));
}

/// What a person knows of a command in doubt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolution {
    r#as: ResolveAs,
}

async fn list(admin: Data<Admin>, Query(query): Query<CommandQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.commands(query).await?))
}

/// Puts commands into queues; with `dry_run` it only says what it would do.
async fn order(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, repeat: Repeat, body: Body<NewOrder>) -> Answer {
    let (repetition, dry_run) = (repeat.of(&caller, &body.bytes), body.value.dry_run);
    let ordered = admin.order(body.value, &caller.name, repetition, now()).await?;
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
    Ok(HttpResponse::Ok().json(admin.cancel(&id, &caller.name, repetition, now()).await?))
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
    Ok(HttpResponse::Ok().json(admin.resolve(&id, body.value.r#as, &caller.name, repetition, now()).await?))
}
