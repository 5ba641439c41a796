//! Devices: listed, looked at, their queue cleared, what happened to them.

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
use crate::admin::{
    Admin, Cleared, CredentialsOffered, DeviceJson, DeviceQuery, EventJson, MessageJson, PageJson, Part,
    RotateCredentials, SetSigning, SetTrust, SigningJson, SyncJson, TrustJson, Unenroll,
};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/devices", Right::Look, "Lists devices").query::<DeviceQuery>().gives::<PageJson<DeviceJson>>(200),
    Route::get("/devices/{id}", Right::Look, "Shows a device").versioned().gives::<DeviceJson>(200),
    Route::post("/devices/{id}/clear", Right::Command, "Takes back all that waits for a device")
        .repeatable()
        .gives::<Cleared>(200),
    Route::post("/devices/{id}/signing", Right::Trust, "Sets whether messages of a device are signed")
        .repeatable()
        .conditional()
        .body::<SetSigning>()
        .gives::<SigningJson>(200),
    Route::post("/devices/{id}/trust", Right::Trust, "Sets what proves that a message is from a device")
        .repeatable()
        .conditional()
        .body::<SetTrust>()
        .gives::<TrustJson>(200),
    Route::post("/devices/{id}/rotate-credentials", Right::Trust, "Offers a device other credentials")
        .repeatable()
        .body::<RotateCredentials>()
        .gives::<CredentialsOffered>(200),
    Route::get(
        "/devices/{id}/refused",
        Right::Look,
        "Lists messages that say they are from a device and were turned away",
    )
    .gives::<PageJson<MessageJson>>(200),
    Route::post("/devices/{id}/sync", Right::Act, "Asks a device to come").gives::<SyncJson>(200),
    Route::post("/devices/{id}/unenroll", Right::Retire, "Tells a device to leave management")
        .body::<Unenroll>()
        .gives::<DeviceJson>(200),
    Route::post("/devices/{id}/block", Right::Retire, "Cuts a device off, at once").gives::<DeviceJson>(200),
    Route::get("/devices/{id}/events", Right::Look, "Lists what happened to a device")
        .query::<Part>()
        .gives::<PageJson<EventJson>>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/devices").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/devices/{id}").route(web::get().to(show)).default_service(only("GET")))
        .service(web::resource("/devices/{id}/clear").route(web::post().to(clear)).default_service(only("POST")))
        .service(web::resource("/devices/{id}/signing").route(web::post().to(signing)).default_service(only("POST")))
        .service(web::resource("/devices/{id}/trust").route(web::post().to(trust)).default_service(only("POST")))
        .service(
            web::resource("/devices/{id}/rotate-credentials")
                .route(web::post().to(rotate_credentials))
                .default_service(only("POST")),
        )
        .service(web::resource("/devices/{id}/refused").route(web::get().to(refused)).default_service(only("GET")))
        .service(web::resource("/devices/{id}/sync").route(web::post().to(sync)).default_service(only("POST")))
        .service(web::resource("/devices/{id}/unenroll").route(web::post().to(unenroll)).default_service(only("POST")))
        .service(web::resource("/devices/{id}/block").route(web::post().to(block)).default_service(only("POST")))
        .service(web::resource("/devices/{id}/events").route(web::get().to(events)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<DeviceQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.devices(query).await?))
}

async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    let device = admin.device(&id).await?;
    Ok(tagged(&device.tag(), &device))
}

async fn clear(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    _: NoBody,
) -> Answer {
    let repetition = repeat.of(&caller, b"");
    Ok(HttpResponse::Ok().json(admin.clear(&id, &caller.actor, repetition, now()).await?))
}

async fn unenroll(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    how: Body<Unenroll>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.unenroll(&id, how.value, &caller.actor, now()).await?))
}

async fn block(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.block(&id, &caller.actor, now()).await?))
}

async fn signing(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    seen: IfMatch,
    set: Body<SetSigning>,
) -> Answer {
    let repetition = repeat.of(&caller, &set.bytes);
    Ok(HttpResponse::Ok().json(admin.set_signing(&id, set.value, seen.0, &caller.actor, repetition, now()).await?))
}

async fn rotate_credentials(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    how: Body<RotateCredentials>,
) -> Answer {
    let repetition = repeat.of(&caller, &how.bytes);
    let offered = admin.rotate_credentials(&id, how.value, &caller.actor, repetition, now()).await?;
    Ok(HttpResponse::Ok().json(offered))
}

async fn trust(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    repeat: Repeat,
    seen: IfMatch,
    set: Body<SetTrust>,
) -> Answer {
    let repetition = repeat.of(&caller, &set.bytes);
    Ok(HttpResponse::Ok().json(admin.set_trust(&id, set.value, seen.0, &caller.actor, repetition, now()).await?))
}

/// Messages that say they are from the device and were turned away.
async fn refused(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.refused(&id).await?))
}

async fn sync(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.sync(&id, &caller.actor, now()).await?))
}

async fn events(admin: Data<Admin>, id: Path<String>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.events(&id, part).await?))
}
