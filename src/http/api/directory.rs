//! The directory: what is known of people, and whose a device is.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, Body, Caller, NoBody, NoQuery, Query, body::sized, now, only, route::Route};
use crate::admin::{Admin, DevicePersonJson, GiveDevice, PageJson, Part, PeopleSet, PersonJson, SetPeople};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/directory/people", Right::Look, "Lists people of whom something is known")
        .query::<Part>()
        .gives::<PageJson<PersonJson>>(200),
    Route::post("/directory/people", Right::Author, "Says what is known of people")
        .body::<SetPeople>()
        .gives::<PeopleSet>(200),
    Route::get("/directory/people/{name}", Right::Look, "Shows what is known of a person").gives::<PersonJson>(200),
    Route::delete("/directory/people/{name}", Right::Author, "Forgets what is known of a person")
        .gives::<PersonJson>(200),
    Route::get("/devices/{id}/person", Right::Look, "Shows whose a device is").gives::<DevicePersonJson>(200),
    Route::post("/devices/{id}/person", Right::Author, "Says whose a device is")
        .body::<GiveDevice>()
        .gives::<DevicePersonJson>(200),
];

/// Bytes of what is said of a thousand people at once.
pub(super) const MAX_PEOPLE: usize = 8 * 1024 * 1024;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            sized("/directory/people", MAX_PEOPLE)
                .route(web::get().to(list))
                .route(web::post().to(set))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/directory/people/{name}")
                .route(web::get().to(show))
                .route(web::delete().to(forget))
                .default_service(only("GET, DELETE")),
        )
        .service(
            web::resource("/devices/{id}/person")
                .route(web::get().to(whose))
                .route(web::post().to(give))
                .default_service(only("GET, POST")),
        );
}

async fn list(admin: Data<Admin>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.people(part).await?))
}

/// The same again changes nothing, so that a repeated request needs no key.
async fn set(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, body: Body<SetPeople>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.set_people(body.value, &caller.actor, now()).await?))
}

async fn show(admin: Data<Admin>, name: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.person(&name).await?))
}

async fn forget(admin: Data<Admin>, caller: Caller, name: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.forget_person(&name, &caller.actor, now()).await?))
}

async fn whose(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.device_person(&id).await?))
}

async fn give(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    body: Body<GiveDevice>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.give_device(&id, body.value, &caller.actor, now()).await?))
}
