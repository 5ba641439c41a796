//! What was said word for word, and what happened, as JSON.

use std::borrow::Cow;

use crate::model::Encoding;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, Error, PageJson, Part};
use crate::management::text_of;
use crate::model::{Event, EventFilter, Exchange, Proof, Timestamp, from_rfc3339, rfc3339};
use crate::store::Tx;

/// One message and the reply to it, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageJson {
    /// Its id.
    pub id: String,
    /// When the device's message was complete.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// From then until the reply was ready, in microseconds.
    pub duration_us: i64,
    /// Address of the sender.
    pub peer: String,
    /// `xml` or `wbxml`.
    pub encoding: Option<Cow<'static, str>>,
    /// `MsgID` of the device's message.
    pub client_message: Option<u32>,
    /// `MsgID` of the reply.
    pub server_message: Option<u32>,
    /// `answered`, `challenged`, `repeated`, …
    pub outcome: String,
    /// The same in a sentence.
    pub detail: Option<String>,
    /// Headers and query of the request.
    pub headers: serde_json::Value,
    /// The device's message as XML.
    pub request: Option<String>,
    /// Our reply as XML.
    pub reply: Option<String>,
    /// Bytes of the request as it came.
    pub request_size: i64,
    /// Bytes of the reply as it went.
    pub reply_size: i64,
    /// What proved who sent it, and how each proof was judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<Proof>,
}

/// An alert, an anomaly, a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventJson {
    /// Its id.
    pub id: String,
    /// To whom.
    pub device_id: Option<String>,
    /// In which session.
    pub session_id: Option<String>,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What sort of thing.
    pub kind: Cow<'static, str>,
    /// Alert code, or a word.
    pub code: String,
    /// Type of an alert.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub mime: Option<String>,
    /// The node that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// How grave it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mark: Option<String>,
    /// Data of an alert.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub data: Option<String>,
    /// In a sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

impl Admin {
    /// What happened to a device, newest first.
    pub async fn events(&self, device: &str, part: Part) -> Result<PageJson<EventJson>, Error> {
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let device = named_device(device)?;
        let page = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                tx.device(&device)?.ok_or(Error::NotFound("device"))?;
                Ok::<_, Error>(tx.events(&EventFilter::OfDevice(device), cursor.as_ref(), limit)?)
            })
            .await?;
        Ok(PageJson::of(page, EventJson::from))
    }

    /// The last messages that say they are from a device and were turned away, newest first.
    pub async fn refused(&self, device: &str) -> Result<PageJson<MessageJson>, Error> {
        let device = named_device(device)?;
        let exchanges = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                tx.device(&device)?.ok_or(Error::NotFound("device"))?;
                Ok::<_, Error>(tx.refused_exchanges(&device, REFUSED)?)
            })
            .await?;
        Ok(PageJson { items: exchanges.into_iter().map(MessageJson::from).collect(), next_cursor: None })
    }
}

/// Messages that were turned away, of one device, that are shown.
const REFUSED: i64 = 50;

impl MessageJson {
    /// Bytes of what it shows, about.
    pub(super) fn size(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        len(&self.request) + len(&self.reply)
    }
}

impl From<Exchange> for MessageJson {
    fn from(exchange: Exchange) -> Self {
        let shown = |kept: Option<Vec<u8>>| kept.map(|kept| text_of(&kept));
        Self {
            id: exchange.id.to_string(),
            received_at: exchange.received_at,
            duration_us: exchange.duration_us,
            peer: exchange.peer,
            encoding: exchange.encoding.map(Encoding::as_str).map(Cow::from),
            client_message: exchange.client_message,
            server_message: exchange.server_message,
            outcome: exchange.outcome,
            detail: exchange.detail,
            headers: exchange.headers,
            request: shown(exchange.request),
            reply: shown(exchange.reply),
            request_size: exchange.request_size,
            reply_size: exchange.reply_size,
            proofs: exchange.proofs,
        }
    }
}

impl From<Event> for EventJson {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            device_id: event.device.map(|device| device.to_string()),
            session_id: event.session.map(|session| session.to_string()),
            at: event.at,
            kind: event.kind.as_str().into(),
            code: event.code,
            mime: event.mime,
            source: event.source,
            mark: event.mark,
            data: event.data,
            detail: event.detail,
        }
    }
}
