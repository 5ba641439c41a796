//! What happened, and the programs that are told.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::{Failure, Reply, Visitor, page};
use crate::admin::{Admin, Error, FeedQuery, NewWebhookJson, WebhookTest};
use crate::http::{api::now, problem::Problem};
use crate::model::Right;
use crate::ui::events::{EventsPage, WebhooksPage};
use crate::ui::{Frame, Section, text::part, texts};

/// Numbers that one page looks at.
const NUMBERS: i64 = 100;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/events").route(web::get().to(list)))
        .service(web::resource("/webhooks").route(web::get().to(receivers)).route(web::post().to(add)))
        .service(web::resource("/webhooks/{id}/{deed}").route(web::post().to(change)));
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    device: String,
    before: Option<i64>,
}

#[derive(Deserialize)]
struct Added {
    csrf: String,
    name: String,
    url: String,
    #[serde(default)]
    types: String,
}

#[derive(Deserialize)]
struct Changed {
    csrf: String,
    seen: String,
}

async fn list(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Listed>) -> Reply {
    let (kind, device) = (query.kind.trim(), query.device.trim());
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let latest = FeedQuery { after: Some(i64::MAX), limit: Some(1), ..FeedQuery::default() };
    let before = match query.before {
        Some(before) => before.clamp(1, i64::MAX - 1),
        None => admin.feed(latest).await?.head.saturating_add(1),
    };
    let after = before.saturating_sub(NUMBERS + 1).max(0);
    let asked = FeedQuery {
        after: Some(after),
        limit: Some(usize::try_from(NUMBERS).unwrap_or_default()),
        kind: given(kind),
        device: given(device),
    };
    let (mut events, oldest, error) = match admin.feed(asked).await {
        Ok(found) => (found.items, found.oldest, None),
        Err(Error::Parameter(fault)) => (Vec::new(), i64::MAX, Some(fault.what)),
        Err(error) => return Err(error.into()),
    };
    events.retain(|event| event.number < before);
    events.reverse();
    let first = after.saturating_add(1);
    let older = (after > 0 && oldest < first)
        .then(|| format!("/events?type={}&device={}&before={first}", part(kind), part(device)));
    Ok(page(&EventsPage {
        frame: Frame::new(texts::events::TITLE, Section::Events, &visitor.viewer),
        kind,
        device,
        error: error.as_deref(),
        events: &events,
        older,
    }))
}

async fn receivers(visitor: Visitor, admin: Data<Admin>) -> Reply {
    visitor.require(Right::Settings)?;
    shown(&visitor, &admin, None, None, None).await
}

async fn shown(
    visitor: &Visitor,
    admin: &Admin,
    secret: Option<&str>,
    test: Option<&WebhookTest>,
    error: Option<&str>,
) -> Reply {
    let hooks = admin.webhooks().await?;
    let frame = Frame::new(texts::events::RECEIVERS, Section::Events, &visitor.viewer);
    Ok(page(&WebhooksPage { frame, hooks: &hooks, secret, test, error }))
}

async fn add(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Added>) -> Reply {
    visitor.verify(&form.csrf, Right::Trust)?;
    let types = form.types.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
    let (name, url) = (form.name.trim().to_owned(), form.url.trim().to_owned());
    let new = NewWebhookJson { name, url, types, devices: Vec::new(), after: None, secret: None };
    match admin.create_webhook(new, visitor.actor(), None, now()).await {
        Ok(made) => shown(&visitor, &admin, Some(made.secret.secret().expose()), None, None).await,
        Err(Error::Invalid { summary: why, .. } | Error::Conflict(why)) => {
            shown(&visitor, &admin, None, None, Some(&why)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn change(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(form): Form<Changed>,
) -> Reply {
    visitor.verify(&form.csrf, Right::Trust)?;
    let ((id, deed), by, seen) = (path.into_inner(), visitor.actor(), Some(form.seen));
    match deed.as_str() {
        "test" => {
            let tested = admin.test_webhook(&id, visitor.actor(), now()).await?;
            return shown(&visitor, &admin, None, Some(&tested), None).await;
        }
        "pause" => drop(admin.pause_webhook(&id, seen, by, now()).await?),
        "resume" => drop(admin.resume_webhook(&id, seen, by, now()).await?),
        "remove" => drop(admin.remove_webhook(&id, seen, by, now()).await?),
        _ => return Err(Failure::Problem(Problem::not_found())),
    }
    Ok(see_other("/webhooks"))
}
