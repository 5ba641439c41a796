//! Receivers of events.

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
use crate::admin::{Admin, MadeWebhook, NewWebhookJson, PageJson, RemovedWebhook, Replay, WebhookJson, WebhookTest};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/webhooks", Right::Settings, "Lists receivers of events").gives::<PageJson<WebhookJson>>(200),
    Route::post("/webhooks", Right::Trust, "Makes a receiver of events")
        .repeatable()
        .body::<NewWebhookJson>()
        .gives::<MadeWebhook>(201),
    Route::get("/webhooks/{id}", Right::Settings, "Shows a receiver of events").versioned().gives::<WebhookJson>(200),
    Route::delete("/webhooks/{id}", Right::Trust, "Removes a receiver of events")
        .conditional()
        .gives::<RemovedWebhook>(200),
    Route::post("/webhooks/{id}/test", Right::Trust, "Sends a receiver a test").gives::<WebhookTest>(200),
    Route::post("/webhooks/{id}/pause", Right::Trust, "Sends a receiver nothing for now")
        .guarded()
        .gives::<WebhookJson>(200),
    Route::post("/webhooks/{id}/resume", Right::Trust, "Goes on sending to a receiver")
        .guarded()
        .gives::<WebhookJson>(200),
    Route::post("/webhooks/{id}/replay", Right::Trust, "Sends a receiver again what it got before")
        .repeatable()
        .guarded()
        .body::<Replay>()
        .gives::<WebhookJson>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/webhooks")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/webhooks/{id}")
                .route(web::get().to(show))
                .route(web::delete().to(remove))
                .default_service(only("GET, DELETE")),
        )
        .service(web::resource("/webhooks/{id}/test").route(web::post().to(test)).default_service(only("POST")))
        .service(web::resource("/webhooks/{id}/pause").route(web::post().to(pause)).default_service(only("POST")))
        .service(web::resource("/webhooks/{id}/resume").route(web::post().to(resume)).default_service(only("POST")))
        .service(web::resource("/webhooks/{id}/replay").route(web::post().to(replay)).default_service(only("POST")));
}

fn shown(hook: &WebhookJson) -> HttpResponse {
    tagged(&hook.tag(), hook)
}

async fn list(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(PageJson { items: admin.webhooks().await?, next_cursor: None }))
}

async fn create(
    admin: Data<Admin>,
    caller: Caller,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<NewWebhookJson>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    Ok(HttpResponse::Created().json(admin.create_webhook(body.value, &caller.actor, repetition, now()).await?))
}

async fn show(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(shown(&admin.webhook(&id).await?))
}

async fn remove(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.remove_webhook(&id, seen.0, &caller.actor, now()).await?))
}

async fn test(admin: Data<Admin>, caller: Caller, id: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.test_webhook(&id, &caller.actor, now()).await?))
}

async fn pause(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.pause_webhook(&id, seen.0, &caller.actor, now()).await?))
}

async fn resume(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.resume_webhook(&id, seen.0, &caller.actor, now()).await?))
}

async fn replay(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    repeat: Repeat,
    from: Body<Replay>,
) -> Answer {
    let by = (&caller.actor, repeat.of(&caller, &from.bytes));
    Ok(shown(&admin.replay_webhook(&id, from.value, seen.0, by, now()).await?))
}
