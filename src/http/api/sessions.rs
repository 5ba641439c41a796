//! Sessions: listed, told, word for word.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{Answer, NoQuery, Query, only, route::Route};
use crate::admin::{Admin, MessageJson, PageJson, Part, SessionDetail, SessionJson, SessionQuery};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/sessions", Right::Look, "Lists sessions, newest first")
        .query::<SessionQuery>()
        .gives::<PageJson<SessionJson>>(200),
    Route::get("/sessions/{id}", Right::Look, "Tells a session as a conversation").gives::<SessionDetail>(200),
    Route::get("/sessions/{id}/messages", Right::Look, "Lists the messages of a session, without secrets")
        .query::<Part>()
        .gives::<PageJson<MessageJson>>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/sessions").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/sessions/{id}").route(web::get().to(show)).default_service(only("GET")))
        .service(web::resource("/sessions/{id}/messages").route(web::get().to(messages)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<SessionQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.sessions(query).await?))
}

/// The session as a person would tell it.
async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.session(&id).await?))
}

/// Its messages, without secrets.
async fn messages(admin: Data<Admin>, id: Path<String>, Query(part): Query<Part>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.messages(&id, part).await?))
}
