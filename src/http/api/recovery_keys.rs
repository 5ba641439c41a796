//! Keys and passwords that get somebody back into a device: handed over, listed, shown with a reason.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoQuery, Query, now, only, repeat::Repeat, route::Route};
use crate::admin::{Admin, NewRecoveryKeyJson, RecoveryKeyJson, RecoveryKeysJson, Reveal, RevealedKey};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/devices/{id}/recovery-keys", Right::Look, "Lists the keys of a device, without their secrets")
        .gives::<RecoveryKeysJson>(200),
    Route::post("/devices/{id}/recovery-keys", Right::Trust, "Keeps a key of a device")
        .repeatable()
        .body::<NewRecoveryKeyJson>()
        .gives::<RecoveryKeyJson>(201),
    Route::post("/devices/{id}/recovery-keys/{key}/reveal", Right::Reveal, "Shows a key of a device, with a reason")
        .body::<Reveal>()
        .gives::<RevealedKey>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/devices/{id}/recovery-keys")
                .route(web::get().to(list))
                .route(web::post().to(keep))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/devices/{id}/recovery-keys/{key}/reveal")
                .route(web::post().to(reveal))
                .default_service(only("POST")),
        );
}

async fn keep(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    new: Body<NewRecoveryKeyJson>,
) -> Answer {
    let repetition = repeat.of(&caller, &new.bytes);
    let kept = admin.keep_recovery_key(&id, new.value, &caller.actor, repetition, now()).await?;
    Ok(HttpResponse::Created().json(kept))
}

async fn list(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.recovery_keys(&id).await?))
}

async fn reveal(
    admin: Data<Admin>,
    caller: Caller,
    path: Path<(String, String)>,
    _: Query<NoQuery>,
    why: Body<Reveal>,
) -> Answer {
    let (id, key) = path.into_inner();
    let shown = admin.reveal_recovery_key(&id, &key, why.value, &caller.actor, now()).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(shown))
}
