//! Tokens for this API.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat, route::Route};
use crate::admin::{Admin, MadeToken, NewTokenJson, PageJson, Part, TokenJson};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/tokens", Right::People, "Lists tokens for this API, newest first")
        .query::<Part>()
        .gives::<PageJson<TokenJson>>(200),
    Route::post("/tokens", Right::People, "Makes a token for this API")
        .repeatable()
        .body::<NewTokenJson>()
        .gives::<MadeToken>(201),
    Route::post("/tokens/{id}/revoke", Right::People, "Takes a token for this API back").gives::<TokenJson>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/tokens")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(only("GET, POST")),
        )
        .service(web::resource("/tokens/{id}/revoke").route(web::post().to(revoke)).default_service(only("POST")));
}

async fn list(admin: Data<Admin>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.tokens(part).await?))
}

async fn create(
    admin: Data<Admin>,
    caller: Caller,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<NewTokenJson>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    let made = admin.create_token(body.value, &caller.granter(), repetition, now()).await?;
    Ok(HttpResponse::Created().json(made))
}

async fn revoke(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.revoke_token(&id, &caller.actor, now()).await?))
}
