//! The catalogue of settings: imported, searched, asked.

use actix_web::{
    HttpResponse,
    web::{self, Data, Path},
};

use super::{
    Answer, Body, Caller, NoBody, NoQuery, Query,
    body::{RawBody, sized},
    now, only,
    route::Route,
    tag::{IfMatch, tagged},
};
use crate::admin::{
    Admin, CheckSetting, CheckedJson, CspInfoJson, CspNodeJson, CspNodesJson, DiffJson, DiffQuery, ImportQuery,
    ImportedDropJson, ImportedTemplatesJson, MAX_IMPORT, NodeQuery, SearchQuery, TemplateJson, UseDrops,
};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/csp", Right::Look, "Shows what the catalogue of settings is made of")
        .versioned()
        .gives::<CspInfoJson>(200),
    Route::post("/csp/drops", Right::Author, "Imports descriptions of settings")
        .query::<ImportQuery>()
        .body_of_bytes("application/octet-stream")
        .gives::<ImportedDropJson>(201),
    Route::delete("/csp/drops/{name}", Right::Author, "Forgets an import").guarded().gives::<CspInfoJson>(200),
    Route::post("/csp/use", Right::Author, "Chooses which imports count")
        .guarded()
        .body::<UseDrops>()
        .gives::<CspInfoJson>(200),
    Route::get("/csp/diff", Right::Look, "Compares two imports").query::<DiffQuery>().gives::<DiffJson>(200),
    Route::get("/csp/nodes", Right::Look, "Finds settings by words of their address")
        .query::<SearchQuery>()
        .gives::<CspNodesJson>(200),
    Route::get("/csp/node", Right::Look, "Shows a setting").query::<NodeQuery>().gives::<CspNodeJson>(200),
    Route::post("/csp/check", Right::Look, "Says whether a setting would be taken")
        .body::<CheckSetting>()
        .gives::<CheckedJson>(200),
    Route::get("/csp/templates", Right::Look, "Lists administrative templates").gives_all::<TemplateJson>(200),
    Route::post("/csp/templates", Right::Author, "Imports administrative templates")
        .query::<ImportQuery>()
        .body_of_bytes("application/octet-stream")
        .gives::<ImportedTemplatesJson>(201),
    Route::delete("/csp/templates/{file}", Right::Author, "Forgets an administrative template")
        .gives_all::<TemplateJson>(200),
];

/// Bytes of an archive, at most.
pub(super) const MAX_ARCHIVE: usize = MAX_IMPORT;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/csp").route(web::get().to(info)).default_service(only("GET")))
        .service(sized("/csp/drops", MAX_ARCHIVE).route(web::post().to(import)).default_service(only("POST")))
        .service(web::resource("/csp/drops/{name}").route(web::delete().to(forget)).default_service(only("DELETE")))
        .service(web::resource("/csp/use").route(web::post().to(choose)).default_service(only("POST")))
        .service(web::resource("/csp/diff").route(web::get().to(diff)).default_service(only("GET")))
        .service(web::resource("/csp/nodes").route(web::get().to(search)).default_service(only("GET")))
        .service(web::resource("/csp/node").route(web::get().to(node)).default_service(only("GET")))
        .service(web::resource("/csp/check").route(web::post().to(check)).default_service(only("POST")))
        .service(
            sized("/csp/templates", MAX_ARCHIVE)
                .route(web::get().to(templates))
                .route(web::post().to(import_templates))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/csp/templates/{file}")
                .route(web::delete().to(forget_template))
                .default_service(only("DELETE")),
        );
}

fn shown(info: &CspInfoJson) -> HttpResponse {
    tagged(&info.generation.to_string(), info)
}

async fn info(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(shown(&admin.csp_info().await?))
}

async fn import(admin: Data<Admin>, caller: Caller, Query(query): Query<ImportQuery>, archive: RawBody) -> Answer {
    let imported = admin.import_csp(query, archive.0.to_vec(), &caller.actor, now()).await?;
    Ok(HttpResponse::Created().json(imported))
}

async fn forget(
    admin: Data<Admin>,
    caller: Caller,
    name: Path<String>,
    seen: IfMatch,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(shown(&admin.forget_csp(&name, seen.0, &caller.actor, now()).await?))
}

async fn choose(admin: Data<Admin>, caller: Caller, seen: IfMatch, _: Query<NoQuery>, body: Body<UseDrops>) -> Answer {
    Ok(shown(&admin.use_csp(body.value, seen.0, &caller.actor, now()).await?))
}

async fn diff(admin: Data<Admin>, Query(query): Query<DiffQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.diff_csp(query).await?))
}

async fn search(admin: Data<Admin>, Query(query): Query<SearchQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.search_csp(query).await?))
}

async fn node(admin: Data<Admin>, Query(query): Query<NodeQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.csp_node(query).await?))
}

async fn check(admin: Data<Admin>, _: Query<NoQuery>, body: Body<CheckSetting>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.check_csp(body.value).await?))
}

async fn templates(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.csp_templates().await?))
}

async fn import_templates(
    admin: Data<Admin>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    archive: RawBody,
) -> Answer {
    let imported = admin.import_templates(query, archive.0.to_vec(), &caller.actor, now()).await?;
    Ok(HttpResponse::Created().json(imported))
}

async fn forget_template(
    admin: Data<Admin>,
    caller: Caller,
    file: Path<String>,
    _: Query<NoQuery>,
    _: NoBody,
) -> Answer {
    Ok(HttpResponse::Ok().json(admin.forget_template(&file, &caller.actor, now()).await?))
}
