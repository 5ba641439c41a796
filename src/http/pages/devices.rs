//! Devices: the list and the page of one.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::{LISTED, Reply, Visitor, page};
use crate::admin::{ActionQuery, Admin, CommandQuery, DeviceJson, DeviceQuery, Error, PageJson, Part, SessionQuery};
use crate::http::api::now;
use crate::model::{NewSavedFilter, Right};
use crate::ui::device::{DevicePage, DevicesPage};
use crate::ui::facts::Known;
use crate::ui::{Frame, Section, text::part, texts};

/// Entries of each list on a device's page.
const SHOWN: usize = 10;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/devices/filters").route(web::post().to(save_filter)))
        .service(web::resource("/devices/filters/{id}/forget").route(web::post().to(forget_filter)))
        .service(web::resource("/devices").route(web::get().to(list)))
        .service(web::resource("/devices/{id}").route(web::get().to(show)));
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    q: String,
    #[serde(default, rename = "where")]
    condition: String,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Kept {
    csrf: String,
    name: String,
    #[serde(default)]
    q: String,
    #[serde(default, rename = "where")]
    condition: String,
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

#[derive(Deserialize)]
pub(super) struct Shown {
    pub(super) done: Option<String>,
}

async fn list(visitor: Visitor, admin: Data<Admin>, query: Query<Listed>) -> Reply {
    let Listed { q, condition, cursor } = query.into_inner();
    let (search, condition) = (q.trim(), condition.trim());
    let frame = Frame::new(texts::everywhere::DEVICES, Section::Devices, &visitor.viewer);
    let (found, error) = match found(&admin, search, condition, cursor).await {
        Ok(found) => (found, None),
        // A condition is written by a person: what is wrong with it is said where it is written.
        Err(Error::Parameter(fault)) if fault.at == "where" => {
            (PageJson { items: Vec::new(), next_cursor: None }, Some(fault.what))
        }
        Err(error) => return Err(error.into()),
    };
    let more = |cursor| format!("/devices?q={}&where={}&cursor={cursor}", part(search), part(condition));
    let next = found.next_cursor.map(more);
    let saved = admin.saved_filters(visitor.operator()).await?;
    let (error, devices) = (error.as_deref(), &found.items);
    Ok(page(&DevicesPage { frame, search, condition, error, saved: &saved, devices, next }))
}

async fn save_filter(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Kept>) -> Reply {
    visitor.verify(&form.csrf, Right::Look)?;
    let (search, condition) = (form.q.trim().to_owned(), form.condition.trim().to_owned());
    let shown = format!("/devices?q={}&where={}", part(&search), part(&condition));
    let operator = visitor.operator().clone();
    let new = NewSavedFilter { operator, name: form.name.trim().to_owned(), search, condition };
    admin.save_filter(new, visitor.actor(), now()).await?;
    Ok(see_other(&shown))
}

async fn forget_filter(visitor: Visitor, admin: Data<Admin>, id: Path<String>, form: Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Look)?;
    admin.forget_filter(visitor.operator(), &id, visitor.actor(), now()).await?;
    Ok(see_other("/devices"))
}

/// Devices by what begins so, and where nothing does, by serial number.
async fn found(
    admin: &Admin,
    search: &str,
    condition: &str,
    cursor: Option<String>,
) -> Result<PageJson<DeviceJson>, Error> {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let is_first = cursor.is_none();
    let query = DeviceQuery { begins_with: given(search), condition: given(condition), limit: Some(LISTED), cursor };
    let found = admin.devices(query).await?;
    let could_be_serial = !search.is_empty() && search.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !found.items.is_empty() || !is_first || !could_be_serial || !condition.is_empty() {
        return Ok(found);
    }
    let condition = format!("device.serial in ['{search}', '{}']", search.to_ascii_uppercase());
    admin.devices(DeviceQuery { condition: Some(condition), limit: Some(LISTED), ..DeviceQuery::default() }).await
}

async fn show(visitor: Visitor, admin: Data<Admin>, id: Path<String>, query: Query<Shown>) -> Reply {
    let device = admin.device(&id).await?;
    let device_id = Some(device.id.clone());
    let (limit, of) = (Some(SHOWN), device_id.clone());
    let commands = admin.commands(CommandQuery { device_id: of, limit, ..CommandQuery::default() }).await?;
    let sessions = admin.sessions(SessionQuery { device_id, limit, ..SessionQuery::default() }).await?;
    let events = admin.events(&device.id, Part { limit, cursor: None }).await?;
    let of = ActionQuery { limit, ..ActionQuery::default() };
    let actions = admin.actions_of(&device.id, of).await?;
    let keys = admin.recovery_keys(&device.id).await?;
    let policies = admin.device_policies(&device.id).await?;
    let offered = super::actions::offered(&admin, &visitor, &device.id).await?;
    let (last_failure, facts) = (admin.last_failure(&device).await?, admin.facts(&device.id).await?);
    let notice = query.done.as_deref().and_then(super::actions::notice);
    let title = device.info.name.clone().unwrap_or_else(|| device.id.clone());
    Ok(page(&DevicePage {
        frame: Frame::new(title, Section::Devices, &visitor.viewer),
        device: &device,
        commands: &commands.items,
        sessions: &sessions.items,
        events: &events.items,
        notice,
        offered: &offered,
        actions: &actions.items,
        keys: &keys,
        policies: &policies.settings,
        last_failure: last_failure.as_ref(),
        facts: Known { facts: &facts, now: now() },
    }))
}
