//! Alerts of all devices.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::devices::device_filter;
use super::{Admin, Error, EventJson, PageJson, Part};
use crate::model::{AlertFilter, Timestamp, parse_rfc3339};
use crate::store::Tx;

/// Which alerts, and which part of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AlertQuery {
    /// Only of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Only with this code: 1201, 1224, 1226, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Only with this Meta/Type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Only about this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Only from this time on (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub since: Option<String>,
    /// Only before this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub until: Option<String>,
    /// Entries at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

fn time(text: Option<&str>, parameter: &'static str) -> Result<Option<Timestamp>, Error> {
    let what = "this is no time; write it like 2026-11-20T22:00:00Z";
    text.map(|text| parse_rfc3339(text).ok_or_else(|| Error::parameter(parameter, what))).transpose()
}

impl Admin {
    /// Alerts of devices, newest first. A page may be short, or empty, and still have one after it.
    pub async fn alerts(&self, query: AlertQuery) -> Result<PageJson<EventJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let filter = AlertFilter {
            device: device_filter(query.device_id.as_deref())?,
            code: query.code,
            mime: query.mime,
            source: query.source,
            from: time(query.since.as_deref(), "since")?,
            until: time(query.until.as_deref(), "until")?,
        };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.alerts(&filter, cursor.as_ref(), limit)).await;
        Ok(PageJson::of(page.map_err(Part::misplaced)?, EventJson::from))
    }
}
