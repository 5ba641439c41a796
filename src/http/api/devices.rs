//! Devices: listed, looked at, their queue cleared, what happened to them.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, now, only, repeat::Repeat};
use crate::admin::{Admin, DeviceQuery, Part, SetSigning, Unenroll};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/devices").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/devices/{id}").route(web::get().to(show)).default_service(only("GET")))
        .service(web::resource("/devices/{id}/clear").route(web::post().to(clear)).default_service(only("POST")))
        .service(web::resource("/devices/{id}/signing").route(web::post().to(signing)).default_service(only("POST")))
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
    Ok(HttpResponse::Ok().json(admin.device(&id).await?))
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
    Ok(HttpResponse::Ok().json(admin.clear(&id, &caller.name, repetition, now()).await?))
}

async fn unenroll(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    how: Body<Unenroll>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.unenroll(&id, how.value, &caller.name, now()).await?))
}

async fn block(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.block(&id, &caller.name, now()).await?))
}

async fn signing(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    set: Body<SetSigning>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.set_signing(&id, set.value, &caller.name, now()).await?))
}

/// Messages that say they are from the device and were turned away.
async fn refused(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.refused(&id).await?))
}

async fn sync(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.sync(&id, now()).await?))
}

async fn events(admin: Data<Admin>, id: Path<String>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.events(&id, part).await?))
}
