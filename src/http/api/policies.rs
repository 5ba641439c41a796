//! Policies: published, looked at, and what became of them.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::tag::{IfMatch, tagged};
use super::{Answer, Body, Caller, NoQuery, Query, now, only, repeat::Repeat, route::Route};
use crate::admin::{
    Admin, AppliedPolicies, ApplyPolicies, ChangeTags, DevicePoliciesJson, DevicePolicyQuery, ExportedPolicies,
    PageJson, PolicyDetailJson, PolicyDeviceJson, PolicyDiffJson, PolicyDiffQuery, PolicyJson, PolicyProgressJson,
    PolicyRevisionJson, PolicyRevisionQuery, PolicySetQuery, RollBackPolicies, TagsJson,
};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/policies", Right::Look, "Lists declarations, with on how many devices they stand where")
        .query::<PolicySetQuery>()
        .gives_all::<PolicyJson>(200),
    Route::post("/policies/apply", Right::Author, "Publishes all declarations of a set")
        .repeatable()
        .guarded()
        .body::<ApplyPolicies>()
        .gives::<AppliedPolicies>(200),
    Route::post("/policies/rollback", Right::Author, "Publishes a set again as it was with a revision")
        .repeatable()
        .body::<RollBackPolicies>()
        .gives::<AppliedPolicies>(200),
    Route::get("/policies/export", Right::Look, "Gives declarations as they stand in files")
        .query::<PolicySetQuery>()
        .gives::<ExportedPolicies>(200),
    Route::get("/policies/progress", Right::Look, "Says how far what was published last went")
        .gives::<PolicyProgressJson>(200),
    Route::get("/policies/revisions", Right::Look, "Lists what was published, newest first")
        .query::<PolicyRevisionQuery>()
        .gives::<PageJson<PolicyRevisionJson>>(200),
    Route::get("/policies/revisions/{number}", Right::Look, "Shows a revision").gives::<PolicyRevisionJson>(200),
    Route::get("/policies/revisions/{number}/diff", Right::Look, "Compares a revision with an earlier one")
        .query::<PolicyDiffQuery>()
        .gives::<PolicyDiffJson>(200),
    Route::get("/policies/declarations/{identifier}", Right::Look, "Shows a declaration")
        .versioned()
        .gives::<PolicyDetailJson>(200),
    Route::get(
        "/policies/declarations/{identifier}/devices",
        Right::Look,
        "Lists where a declaration stands on devices",
    )
    .query::<DevicePolicyQuery>()
    .gives::<PageJson<PolicyDeviceJson>>(200),
    Route::get("/devices/{id}/policies", Right::Look, "Shows what a device is to have, and what became of it")
        .gives::<DevicePoliciesJson>(200),
    Route::get("/devices/{id}/tags", Right::Look, "Shows the tags of a device").gives::<TagsJson>(200),
    Route::post("/devices/{id}/tags", Right::Author, "Sets tags of a device, and takes others away")
        .body::<ChangeTags>()
        .gives::<TagsJson>(200),
];

/// Bytes of all declarations of a set.
const MAX_SET: usize = 16 * 1024 * 1024;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    let get = || only("GET");
    let large = || web::PayloadConfig::new(MAX_SET);
    routes
        .service(web::resource("/policies").route(web::get().to(list)).default_service(get()))
        .service(
            web::resource("/policies/apply")
                .app_data(large())
                .route(web::post().to(apply))
                .default_service(only("POST")),
        )
        .service(web::resource("/policies/rollback").route(web::post().to(roll_back)).default_service(only("POST")))
        .service(web::resource("/policies/export").route(web::get().to(export)).default_service(get()))
        .service(web::resource("/policies/progress").route(web::get().to(progress)).default_service(get()))
        .service(web::resource("/policies/revisions").route(web::get().to(revisions)).default_service(get()))
        .service(web::resource("/policies/revisions/{number}").route(web::get().to(revision)).default_service(get()))
        .service(web::resource("/policies/revisions/{number}/diff").route(web::get().to(diff)).default_service(get()))
        .service(web::resource("/policies/declarations/{identifier}").route(web::get().to(show)).default_service(get()))
        .service(
            web::resource("/policies/declarations/{identifier}/devices")
                .route(web::get().to(devices))
                .default_service(get()),
        )
        .service(web::resource("/devices/{id}/policies").route(web::get().to(of_device)).default_service(get()))
        .service(
            web::resource("/devices/{id}/tags")
                .route(web::get().to(tags))
                .route(web::post().to(change_tags))
                .default_service(only("GET, POST")),
        );
}

async fn list(admin: Data<Admin>, Query(query): Query<PolicySetQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policies(query).await?))
}

async fn apply(
    admin: Data<Admin>,
    caller: Caller,
    _: Query<NoQuery>,
    seen: IfMatch,
    repeat: Repeat,
    body: Body<ApplyPolicies>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    let applied = admin.apply_policies(body.value, seen.0, &caller.actor, repetition, now()).await?;
    let tag = applied.revision.map(|revision| revision.to_string());
    Ok(tag.map_or_else(|| HttpResponse::Ok().json(&applied), |tag| tagged(&tag, &applied)))
}

async fn roll_back(
    admin: Data<Admin>,
    caller: Caller,
    _: Query<NoQuery>,
    repeat: Repeat,
    body: Body<RollBackPolicies>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    Ok(HttpResponse::Ok().json(admin.roll_back_policies(body.value, &caller.actor, repetition, now()).await?))
}

async fn export(admin: Data<Admin>, Query(query): Query<PolicySetQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.export_policies(query).await?))
}

async fn progress(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_progress().await?))
}

async fn revisions(admin: Data<Admin>, Query(query): Query<PolicyRevisionQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_revisions(query).await?))
}

async fn revision(admin: Data<Admin>, number: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_revision(&number).await?))
}

async fn diff(admin: Data<Admin>, number: Path<String>, Query(query): Query<PolicyDiffQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_diff(&number, query).await?))
}

async fn show(admin: Data<Admin>, identifier: Path<String>, _: Query<NoQuery>) -> Answer {
    let policy = admin.policy(&identifier).await?;
    Ok(tagged(&policy.policy.token, &policy))
}

async fn devices(admin: Data<Admin>, identifier: Path<String>, Query(query): Query<DevicePolicyQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_devices(&identifier, query).await?))
}

async fn of_device(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.device_policies(&id).await?))
}

async fn tags(admin: Data<Admin>, id: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.tags(&id).await?))
}

async fn change_tags(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    body: Body<ChangeTags>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.change_tags(&id, body.value, &caller.actor, now()).await?))
}
