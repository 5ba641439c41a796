//! Messages in envelopes: which device has to send them, and the keys that open them.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat, route::Route, tag::IfMatch};
use crate::admin::{Admin, EnvelopeKeysJson, EnvelopingJson, SetEnveloping};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::post("/devices/{id}/enveloping", Right::Trust, "Sets whether messages of a device are enveloped")
        .repeatable()
        .conditional()
        .body::<SetEnveloping>()
        .gives::<EnvelopingJson>(200),
    Route::get("/envelope-keys", Right::Look, "Lists the keys of the server that open envelopes")
        .gives::<EnvelopeKeysJson>(200),
    Route::post("/envelope-keys/rotate", Right::Trust, "Makes another key for envelopes")
        .repeatable()
        .gives::<EnvelopeKeysJson>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/devices/{id}/enveloping").route(web::post().to(set)).default_service(only("POST")))
        .service(web::resource("/envelope-keys").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/envelope-keys/rotate").route(web::post().to(rotate)).default_service(only("POST")));
}

async fn set(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    seen: IfMatch,
    set: Body<SetEnveloping>,
) -> Answer {
    let repetition = repeat.of(&caller, &set.bytes);
    Ok(HttpResponse::Ok().json(admin.set_enveloping(&id, set.value, seen.0, &caller.actor, repetition, now()).await?))
}

async fn list(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.envelope_keys().await?))
}

async fn rotate(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, repeat: Repeat, _: NoBody) -> Answer {
    let repetition = repeat.of(&caller, b"");
    Ok(HttpResponse::Ok().json(admin.rotate_envelope_key(&caller.actor, repetition, now()).await?))
}
