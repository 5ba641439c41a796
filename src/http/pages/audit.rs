//! The audit log: read, proved, and taken away as a file.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Bytes, Data, Query},
};
use futures_util::stream;
use serde::Deserialize;

use super::sessions::in_utc;
use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, AuditJson, AuditQuery, Error, MAX_LIMIT, PageJson};
use crate::model::Right;
use crate::ui::audit::{AuditPage, LookedFor, csv_entry, csv_head};
use crate::ui::{Frame, Section, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/audit").route(web::get().to(list)))
        .service(web::resource("/audit/proof").route(web::get().to(prove)))
        .service(web::resource("/audit/export.csv").route(web::get().to(export_csv)))
        .service(web::resource("/audit/export.jsonl").route(web::get().to(export_lines)));
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Listed {
    actor: String,
    action: String,
    subject: String,
    since: String,
    until: String,
    cursor: Option<String>,
}

impl Listed {
    fn looked_for(&self) -> LookedFor<'_> {
        LookedFor {
            actor: self.actor.trim(),
            action: self.action.trim(),
            subject: self.subject.trim(),
            since: self.since.trim(),
            until: self.until.trim(),
        }
    }

    fn query(&self, limit: usize) -> AuditQuery {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        AuditQuery {
            actor: given(&self.actor),
            action: given(&self.action),
            subject: given(&self.subject),
            since: given(&self.since).map(|text| in_utc(&text)),
            until: given(&self.until).map(|text| in_utc(&text)),
            limit: Some(limit),
            cursor: self.cursor.clone(),
        }
    }
}

async fn list(visitor: Visitor, admin: Data<Admin>, Query(listed): Query<Listed>) -> Reply {
    visitor.require(Right::Audit)?;
    let looked_for = listed.looked_for();
    let (found, error) = match admin.audit(listed.query(LISTED)).await {
        Ok(found) => (found, None),
        Err(Error::Parameter(fault)) if fault.at != "cursor" => {
            (PageJson { items: Vec::new(), next_cursor: None }, Some(format!("{}: {}", fault.at, fault.what)))
        }
        Err(error) => return Err(error.into()),
    };
    let next = found.next_cursor.map(|cursor| format!("/audit?{}&cursor={cursor}", looked_for.query()));
    let frame = Frame::new(texts::audit::TITLE, Section::Audit, &visitor.viewer);
    let error = error.as_deref();
    Ok(page(&AuditPage { frame, looked_for, error, entries: &found.items, next, proof: None }))
}

async fn prove(visitor: Visitor, admin: Data<Admin>) -> Reply {
    visitor.require(Right::Audit)?;
    let proof = admin.verify_audit().await?;
    let listed = Listed::default();
    let found = admin.audit(listed.query(LISTED)).await?;
    let next = found.next_cursor.map(|cursor| format!("/audit?cursor={cursor}"));
    let frame = Frame::new(texts::audit::TITLE, Section::Audit, &visitor.viewer);
    let (looked_for, entries) = (listed.looked_for(), &found.items);
    Ok(page(&AuditPage { frame, looked_for, error: None, entries, next, proof: Some(&proof) }))
}

async fn export_csv(visitor: Visitor, admin: Data<Admin>, Query(listed): Query<Listed>) -> Reply {
    export(&visitor, admin, listed, ("csv", "text/csv; charset=utf-8"), csv_head(), csv_entry).await
}

/// What `transom audit verify --file` reads, where nothing is left out.
async fn export_lines(visitor: Visitor, admin: Data<Admin>, Query(listed): Query<Listed>) -> Reply {
    let line = |entry: &AuditJson| serde_json::to_string(entry).map(|line| line + "\n").unwrap_or_default();
    export(&visitor, admin, listed, ("jsonl", "application/jsonl; charset=utf-8"), String::new(), line).await
}

/// A file that is made page by page while it is sent.
async fn export(
    visitor: &Visitor,
    admin: Data<Admin>,
    listed: Listed,
    (ending, kind): (&str, &str),
    head: String,
    line: fn(&AuditJson) -> String,
) -> Reply {
    visitor.require(Right::Audit)?;
    // What is wrong with the question is told before the file begins.
    let first = admin.audit(listed.query(MAX_LIMIT)).await?;
    let pages = stream::try_unfold((Some(first), listed, head), move |(page, mut listed, head)| {
        let admin = admin.clone();
        async move {
            let Some(page) = page else { return Ok::<_, Error>(None) };
            let text = page.items.iter().map(line).fold(head, |text, line| text + &line);
            let next = match page.next_cursor {
                Some(cursor) => {
                    listed.cursor = Some(cursor);
                    Some(admin.audit(listed.query(MAX_LIMIT)).await?)
                }
                None => None,
            };
            Ok(Some((Bytes::from(text), (next, listed, String::new()))))
        }
    });
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"audit.{ending}\"")))
        .streaming(Box::pin(pages)))
}
