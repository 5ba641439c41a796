//! The people who run the server.

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
use crate::admin::{Admin, NewOperatorJson, NewRole, OperatorJson, OperatorLinkJson, PageJson, Part};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/operators", Right::People, "Lists the people who run the server")
        .query::<Part>()
        .gives::<PageJson<OperatorJson>>(200),
    Route::post("/operators", Right::People, "Makes a link by which somebody becomes an operator")
        .repeatable()
        .body::<NewOperatorJson>()
        .gives::<OperatorLinkJson>(201),
    Route::get("/operators/{name}", Right::People, "Shows an operator").versioned().gives::<OperatorJson>(200),
    Route::post("/operators/{name}/role", Right::People, "Gives an operator another role")
        .guarded()
        .body::<NewRole>()
        .gives::<OperatorJson>(200),
    Route::post("/operators/{name}/disable", Right::People, "Lets an operator sign in no more")
        .guarded()
        .gives::<OperatorJson>(200),
    Route::post("/operators/{name}/enable", Right::People, "Lets an operator sign in again")
        .guarded()
        .gives::<OperatorJson>(200),
    Route::post("/operators/{name}/reset", Right::People, "Makes a link that sets an operator's password anew")
        .repeatable()
        .gives::<OperatorLinkJson>(201),
    Route::post("/operators/{name}/forget-totp", Right::People, "Takes the authenticator of an operator away")
        .guarded()
        .gives::<OperatorJson>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/operators")
                .route(web::get().to(list))
                .route(web::post().to(invite))
                .default_service(only("GET, POST")),
        )
        .service(web::resource("/operators/{name}").route(web::get().to(show)).default_service(only("GET")))
        .service(web::resource("/operators/{name}/role").route(web::post().to(set_role)).default_service(only("POST")))
        .service(
            web::resource("/operators/{name}/disable").route(web::post().to(disable)).default_service(only("POST")),
        )
        .service(web::resource("/operators/{name}/enable").route(web::post().to(enable)).default_service(only("POST")))
        .service(web::resource("/operators/{name}/reset").route(web::post().to(reset)).default_service(only("POST")))
        .service(
            web::resource("/operators/{name}/forget-totp")
                .route(web::post().to(forget_totp))
                .default_service(only("POST")),
        );
}

/// The version that a tag names; one that can't be has none.
fn version(seen: IfMatch) -> Option<i64> {
    seen.0.map(|tag| tag.parse().unwrap_or(i64::MIN))
}

fn shown(operator: &OperatorJson) -> HttpResponse {
    tagged(&operator.version.to_string(), operator)
}

async fn list(admin: Data<Admin>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.operators(part).await?))
}

async fn invite(
    admin: Data<Admin>,
    caller: Caller,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<NewOperatorJson>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    Ok(HttpResponse::Created().json(admin.invite(body.value, &caller.granter(), repetition, now()).await?))
}

async fn show(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(shown(&admin.operator(&name).await?))
}

async fn set_role(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    body: Body<NewRole>,
) -> Answer {
    Ok(shown(&admin.set_role(&name, body.value.role, version(seen), &caller.granter(), now()).await?))
}

async fn disable(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.disable_operator(&name, version(seen), &caller.actor, now()).await?))
}

async fn enable(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.enable_operator(&name, version(seen), &caller.granter(), now()).await?))
}

async fn reset(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    _: NoBody,
) -> Answer {
    let repetition = repeat.of(&caller, b"");
    Ok(HttpResponse::Created().json(admin.reset_operator(&name, &caller.granter(), repetition, now()).await?))
}

async fn forget_totp(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.forget_authenticator(&name, version(seen), &caller.granter(), now()).await?))
}
