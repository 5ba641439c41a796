//! Alerts of all devices.

use actix_web::web::{self, Data, Query};
use serde::Deserialize;

use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, AlertQuery, Error, PageJson};
use crate::ui::alerts::{AlertsPage, LookedFor};
use crate::ui::{Frame, Section, text::part, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/alerts").route(web::get().to(list)));
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    device: String,
    #[serde(default)]
    code: String,
    #[serde(default, rename = "type")]
    kind: String,
    cursor: Option<String>,
}

async fn list(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Listed>) -> Reply {
    let looked_for = LookedFor { device: query.device.trim(), code: query.code.trim(), kind: query.kind.trim() };
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let asked = AlertQuery {
        device_id: given(looked_for.device),
        code: given(looked_for.code),
        mime: given(looked_for.kind),
        limit: Some(LISTED),
        cursor: query.cursor,
        ..AlertQuery::default()
    };
    let (found, error) = match admin.alerts(asked).await {
        Ok(found) => (found, None),
        Err(Error::Parameter(fault)) => (PageJson { items: Vec::new(), next_cursor: None }, Some(fault.what)),
        Err(error) => return Err(error.into()),
    };
    let LookedFor { device, code, kind } = looked_for;
    let more = |cursor| {
        let (device, code, kind) = (part(device), part(code), part(kind));
        format!("/alerts?device={device}&code={code}&type={kind}&cursor={cursor}")
    };
    Ok(page(&AlertsPage {
        frame: Frame::new(texts::alerts::TITLE, Section::Alerts, &visitor.viewer),
        looked_for,
        error: error.as_deref(),
        alerts: &found.items,
        next: found.next_cursor.map(more),
    }))
}
