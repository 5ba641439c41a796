//! The audit log.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use super::{Answer, NoQuery, Query, only, route::Route};
use crate::admin::{Admin, AuditJson, AuditProof, AuditQuery, PageJson};
use crate::model::Right;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/audit", Right::Audit, "Lists entries of the audit log, newest first")
        .query::<AuditQuery>()
        .gives::<PageJson<AuditJson>>(200),
    Route::get("/audit/proof", Right::Audit, "Walks along the chain of the audit log and tells whether it holds")
        .gives::<AuditProof>(200),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/audit").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/audit/proof").route(web::get().to(proof)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<AuditQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.audit(query).await?))
}

async fn proof(admin: Data<Admin>, _: Query<NoQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.verify_audit().await?))
}
