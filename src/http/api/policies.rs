//! Policies: published, looked at, and what became of them.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::tag::{IfMatch, tagged};
use super::{Answer, Body, Caller, NoBody, NoQuery, Query, body::sized, now, only, repeat::Repeat, route::Route};
use crate::admin::{
    Admin, AppliedPolicies, ApplyPolicies, ChangeTags, CheckPolicies, CheckedPolicies, DevicePoliciesJson,
    DevicePolicyQuery, Error, ExportedPolicies, ImportPolicies, ImportedPolicies, MAX_PROFILE, PageJson, PlanPolicies,
    PlannedPolicies, PolicyDetailJson, PolicyDeviceJson, PolicyDiffJson, PolicyDiffQuery, PolicyDraftDetailJson,
    PolicyDraftJson, PolicyJson, PolicyProgressJson, PolicyRevisionJson, PolicyRevisionQuery, PolicySecretJson,
    PolicySecretsJson, PolicySetQuery, PolicyStageJson, PublishPolicyDraft, RetryDevicePolicies, RetryPolicies,
    RollBackPolicies, SetPolicySecret, StageDeed, TagsJson, WritePolicyDraft,
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
        .guarded()
        .body::<RollBackPolicies>()
        .gives::<AppliedPolicies>(200),
    Route::post("/policies/check", Right::Look, "Says what is wrong with declarations, and keeps nothing")
        .body::<CheckPolicies>()
        .gives::<CheckedPolicies>(200),
    Route::post("/policies/plan", Right::Look, "Says on how many devices something would change and what one would be sent, and sends nothing")
        .body::<PlanPolicies>()
        .gives::<PlannedPolicies>(200),
    Route::post(
        "/policies/import",
        Right::Look,
        "Makes declarations of a profile of another server, and keeps nothing",
    )
    .body::<ImportPolicies>()
    .gives::<ImportedPolicies>(200),
    Route::get("/policies/drafts", Right::Author, "Lists one's own drafts of sets")
        .gives::<PageJson<PolicyDraftJson>>(200),
    Route::get("/policies/drafts/{set}", Right::Author, "Shows one's own draft of a set")
        .versioned()
        .gives::<PolicyDraftDetailJson>(200),
    Route::post("/policies/drafts/{set}", Right::Author, "Writes one's own draft of a set")
        .guarded()
        .body::<WritePolicyDraft>()
        .gives::<PolicyDraftDetailJson>(200),
    Route::delete("/policies/drafts/{set}", Right::Author, "Discards one's own draft of a set")
        .gives::<PageJson<PolicyDraftJson>>(200),
    Route::post("/policies/drafts/{set}/publish", Right::Author, "Publishes one's own draft of a set")
        .conditional()
        .body::<PublishPolicyDraft>()
        .gives::<AppliedPolicies>(200),
    Route::get("/policies/export", Right::Look, "Gives declarations as they stand in files")
        .query::<PolicySetQuery>()
        .gives::<ExportedPolicies>(200),
    Route::get("/policies/progress", Right::Look, "Says how far what was published last went")
        .gives::<PolicyProgressJson>(200),
    Route::get("/policies/stages", Right::Look, "Lists what goes, or went, to devices in stages, newest first")
        .gives_all::<PolicyStageJson>(200),
    Route::get("/policies/stages/{revision}", Right::Look, "Shows a revision that goes, or went, to devices in stages")
        .gives::<PolicyStageJson>(200),
    Route::get(
        "/policies/stages/{revision}/devices",
        Right::Look,
        "Lists where a revision that goes to devices in stages stands on those that have it",
    )
    .query::<DevicePolicyQuery>()
    .gives::<PageJson<PolicyDeviceJson>>(200),
    Route::post("/policies/stages/{revision}/{deed}", Right::Author, "Lets a revision go on (advance), holds it (pause), or lets it go on after that or after it has stopped (resume)")
        .gives::<PolicyStageJson>(200),
    Route::post("/policies/retry", Right::Author, "Sends settings again that failed, drifted, or could not be taken back")
        .body::<RetryPolicies>()
        .gives::<RetryPolicies>(202),
    Route::get("/policies/secrets", Right::Look, "Lists which secrets have a value, without it")
        .gives::<PolicySecretsJson>(200),
    Route::post(
        "/policies/secrets/{name}",
        Right::Author,
        "Gives a secret asset a value, which nobody gets to see again",
    )
    .body::<SetPolicySecret>()
    .gives::<PolicySecretJson>(200),
    Route::delete("/policies/secrets/{name}", Right::Author, "Takes the value of a secret asset away")
        .gives::<PolicySecretsJson>(200),
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
    Route::post("/devices/{id}/policies/retry", Right::Act, "Sends settings again that failed, drifted, or could not be taken back on a device")
        .body::<RetryDevicePolicies>()
        .gives::<RetryPolicies>(202),
    Route::get("/devices/{id}/tags", Right::Look, "Shows the tags of a device").gives::<TagsJson>(200),
    Route::post("/devices/{id}/tags", Right::Author, "Sets tags of a device, and takes others away")
        .body::<ChangeTags>()
        .gives::<TagsJson>(200),
];

/// Bytes of all declarations of a set.
pub(super) const MAX_SET: usize = 16 * 1024 * 1024;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    let get = || only("GET");
    routes
        .service(web::resource("/policies").route(web::get().to(list)).default_service(get()))
        .service(sized("/policies/apply", MAX_SET).route(web::post().to(apply)).default_service(only("POST")))
        .service(sized("/policies/check", MAX_SET).route(web::post().to(check)).default_service(only("POST")))
        .service(sized("/policies/plan", MAX_SET).route(web::post().to(plan)).default_service(only("POST")))
        .service(sized("/policies/import", 2 * MAX_PROFILE).route(web::post().to(import)).default_service(only("POST")))
        .service(web::resource("/policies/drafts").route(web::get().to(drafts)).default_service(get()))
        .service(
            sized("/policies/drafts/{set}", MAX_SET)
                .route(web::get().to(draft))
                .route(web::post().to(write_draft))
                .route(web::delete().to(discard_draft))
                .default_service(only("GET, POST, DELETE")),
        )
        .service(
            web::resource("/policies/drafts/{set}/publish")
                .route(web::post().to(publish_draft))
                .default_service(only("POST")),
        )
        .service(web::resource("/policies/rollback").route(web::post().to(roll_back)).default_service(only("POST")))
        .service(web::resource("/policies/export").route(web::get().to(export)).default_service(get()))
        .service(web::resource("/policies/progress").route(web::get().to(progress)).default_service(get()))
        .service(web::resource("/policies/stages").route(web::get().to(stages)).default_service(get()))
        .service(web::resource("/policies/stages/{revision}").route(web::get().to(stage)).default_service(get()))
        .service(
            web::resource("/policies/stages/{revision}/devices")
                .route(web::get().to(stage_devices))
                .default_service(get()),
        )
        .service(
            web::resource("/policies/stages/{revision}/{deed}")
                .route(web::post().to(change_stage))
                .default_service(only("POST")),
        )
        .service(web::resource("/policies/retry").route(web::post().to(retry)).default_service(only("POST")))
        .service(web::resource("/policies/secrets").route(web::get().to(secrets)).default_service(get()))
        .service(
            web::resource("/policies/secrets/{name}")
                .route(web::post().to(set_secret))
                .route(web::delete().to(remove_secret))
                .default_service(only("POST, DELETE")),
        )
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
            web::resource("/devices/{id}/policies/retry")
                .route(web::post().to(retry_device))
                .default_service(only("POST")),
        )
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
    seen: IfMatch,
    repeat: Repeat,
    body: Body<RollBackPolicies>,
) -> Answer {
    let repetition = repeat.of(&caller, &body.bytes);
    let applied = admin.roll_back_policies(body.value, seen.0, &caller.actor, repetition, now()).await?;
    let tag = applied.revision.map(|revision| revision.to_string());
    Ok(tag.map_or_else(|| HttpResponse::Ok().json(&applied), |tag| tagged(&tag, &applied)))
}

async fn check(admin: Data<Admin>, _: Query<NoQuery>, body: Body<CheckPolicies>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.check_policies(body.value).await?))
}

async fn plan(admin: Data<Admin>, _: Query<NoQuery>, body: Body<PlanPolicies>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.plan_policies(body.value).await?))
}

async fn import(admin: Data<Admin>, _: Query<NoQuery>, body: Body<ImportPolicies>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.import_policies(body.value).await?))
}

async fn drafts(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_drafts(&caller.actor).await?))
}

fn shown(draft: &PolicyDraftDetailJson) -> HttpResponse {
    tagged(&draft.draft.version.to_string(), draft)
}

async fn draft(admin: Data<Admin>, caller: Caller, set: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(shown(&admin.policy_draft(&set, &caller.actor).await?))
}

async fn write_draft(
    admin: Data<Admin>,
    caller: Caller,
    set: Path<String>,
    _: Query<NoQuery>,
    seen: IfMatch,
    body: Body<WritePolicyDraft>,
) -> Answer {
    Ok(shown(&admin.write_policy_draft(&set, body.value, seen.0, &caller.actor, now()).await?))
}

async fn discard_draft(admin: Data<Admin>, caller: Caller, set: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    admin.discard_policy_draft(&set, &caller.actor, now()).await?;
    Ok(HttpResponse::Ok().json(admin.policy_drafts(&caller.actor).await?))
}

async fn publish_draft(
    admin: Data<Admin>,
    caller: Caller,
    set: Path<String>,
    _: Query<NoQuery>,
    seen: IfMatch,
    body: Body<PublishPolicyDraft>,
) -> Answer {
    let published = admin.publish_policy_draft(&set, body.value, seen.0, &caller.actor, now()).await?;
    Ok(HttpResponse::Ok().json(published))
}

async fn export(admin: Data<Admin>, Query(query): Query<PolicySetQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.export_policies(query).await?))
}

async fn progress(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_progress().await?))
}

async fn stages(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_stages().await?))
}

async fn stage(admin: Data<Admin>, revision: Path<String>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_stage(&revision).await?))
}

async fn stage_devices(admin: Data<Admin>, revision: Path<String>, Query(query): Query<DevicePolicyQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_stage_devices(&revision, query).await?))
}

async fn change_stage(
    admin: Data<Admin>,
    caller: Caller,
    path: Path<(String, String)>,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    let (revision, deed) = path.into_inner();
    let deed = StageDeed::parse(&deed).ok_or(Error::NotFound("deed: write advance, pause or resume"))?;
    Ok(HttpResponse::Ok().json(admin.change_policy_stage(&revision, deed, &caller.actor, now()).await?))
}

async fn retry(admin: Data<Admin>, caller: Caller, _: Query<NoQuery>, body: Body<RetryPolicies>) -> Answer {
    Ok(HttpResponse::Accepted().json(admin.retry_policies(body.value, &caller.actor, now()).await?))
}

async fn retry_device(
    admin: Data<Admin>,
    caller: Caller,
    id: Path<String>,
    _: Query<NoQuery>,
    body: Body<RetryDevicePolicies>,
) -> Answer {
    let retry = RetryPolicies { identifier: body.value.identifier, device_id: Some(id.into_inner()) };
    Ok(HttpResponse::Accepted().json(admin.retry_policies(retry, &caller.actor, now()).await?))
}

async fn secrets(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.policy_secrets().await?))
}

async fn set_secret(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    _: Query<NoQuery>,
    body: Body<SetPolicySecret>,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.set_policy_secret(&name, body.value, &caller.actor, now()).await?))
}

async fn remove_secret(admin: Data<Admin>, caller: Caller, name: Path<String>, _: Query<NoQuery>, _: NoBody) -> Answer {
    Ok(HttpResponse::Ok().json(admin.remove_policy_secret(&name, &caller.actor, now()).await?))
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
