//! Sessions and what was said in them, as JSON.

use serde::{Deserialize, Serialize};
use transom_protocol::session::Phase;

use super::commands::device_id;
use super::{Admin, Error, PageJson, Part};
use crate::management::conversation::{Line, Told, tell};
use crate::management::text_of;
use crate::model::{
    Event, EventFilter, Exchange, ExchangeFilter, SessionFilter, SessionKey, SessionRecord, Timestamp, parse_rfc3339,
    rfc3339,
};
use crate::store::Tx;

/// Messages of one session that are looked at together.
const MAX_MESSAGES: usize = 500;

/// How long before its first authenticated message a session's challenge may have been, in milliseconds.
const CHALLENGE_AGE: i64 = 10 * 60 * 1000;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionJson {
    /// Ours.
    pub id: String,
    /// Whose.
    pub device_id: String,
    /// The client's `SessionID`.
    pub session_id: String,
    /// When its first authenticated message came.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: Timestamp,
    /// When its last message came.
    #[serde(serialize_with = "rfc3339")]
    pub last_at: Timestamp,
    /// `open`, `quiet`, or how it ended.
    pub phase: &'static str,
    /// `digest`, `basic` or `transport`.
    pub authentication: &'static str,
    /// Who was signed in, by the device's own word.
    pub login: String,
    /// Authenticated messages of the device.
    pub messages: i64,
    /// Commands that were sent.
    pub commands_sent: i64,
    /// Commands that were answered.
    pub commands_answered: i64,
}

/// A session with what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionDetail {
    /// The session.
    #[serde(flatten)]
    pub session: SessionJson,
    /// What was said, each command with its answer.
    pub conversation: Vec<Line>,
    /// What else happened.
    pub events: Vec<EventJson>,
}

/// One message and the reply to it, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageJson {
    /// Its id.
    pub id: String,
    /// When the device's message was complete.
    #[serde(serialize_with = "rfc3339")]
    pub received_at: Timestamp,
    /// From then until the reply was ready, in microseconds.
    pub duration_us: i64,
    /// Address of the sender.
    pub peer: String,
    /// `xml` or `wbxml`.
    pub encoding: Option<&'static str>,
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
}

/// An alert, an anomaly, a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventJson {
    /// Its id.
    pub id: String,
    /// To whom.
    pub device_id: Option<String>,
    /// In which session.
    pub session_id: Option<String>,
    /// When.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// What sort of thing.
    pub kind: &'static str,
    /// Alert code, or a word.
    pub code: String,
    /// Type of an alert.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The node that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How grave it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Data of an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// In a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Which sessions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionQuery {
    /// Only those of this device.
    #[serde(default, alias = "device")]
    pub device_id: Option<String>,
    /// Only those that began then or later (RFC 3339).
    #[serde(default)]
    pub from: Option<String>,
    /// Only those that began before (RFC 3339).
    #[serde(default)]
    pub until: Option<String>,
    /// Entries at most.
    #[serde(default)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl Admin {
    /// Sessions, newest first.
    pub async fn sessions(&self, query: SessionQuery) -> Result<PageJson<SessionJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit(), part.cursor()?);
        let time = |at: &str, text: Option<String>| {
            let parse = |text: String| parse_rfc3339(&text).ok_or_else(|| Error::invalid(at, "this is no time"));
            text.map(parse).transpose()
        };
        let filter = SessionFilter {
            device: query.device_id.as_deref().map(device_id).transpose()?,
            from: time("/from", query.from)?,
            until: time("/until", query.until)?,
        };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.sessions(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, |record| SessionJson::from(&record)))
    }

    /// One session as a person would tell it.
    pub async fn session(&self, id: &str) -> Result<SessionDetail, Error> {
        let key = session_key(id)?;
        let (record, exchanges, events) = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let record = tx.session(&key)?.ok_or(Error::NotFound("session"))?;
                let exchanges = exchanges_of(tx, &record)?;
                let events = tx.events(&EventFilter::OfSession(key), None, MAX_MESSAGES)?;
                Ok::<_, Error>((record, exchanges, events))
            })
            .await?;
        let texts: Vec<(Timestamp, String, String)> = exchanges
            .iter()
            .map(|exchange| (exchange.received_at, text(exchange.request.as_ref()), text(exchange.reply.as_ref())))
            .collect();
        let told: Vec<Told<'_>> = texts.iter().map(|(at, request, reply)| Told { at: *at, request, reply }).collect();
        let mut events: Vec<EventJson> = events.items.into_iter().map(EventJson::from).collect();
        events.reverse();
        Ok(SessionDetail { session: SessionJson::from(&record), conversation: tell(&told), events })
    }

    /// Every message of a session, without secrets, in the order in which they came.
    pub async fn messages(&self, id: &str) -> Result<Vec<MessageJson>, Error> {
        let key = session_key(id)?;
        let exchanges = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let record = tx.session(&key)?.ok_or(Error::NotFound("session"))?;
                exchanges_of(tx, &record)
            })
            .await?;
        Ok(exchanges.into_iter().map(MessageJson::from).collect())
    }

    /// What happened to a device, newest first.
    pub async fn events(&self, device: &str, part: Part) -> Result<PageJson<EventJson>, Error> {
        let (limit, cursor) = (part.limit(), part.cursor()?);
        let filter = EventFilter::OfDevice(device_id(device)?);
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.events(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, EventJson::from))
    }
}

/// The exchanges of a session, with the challenge that came before it was authenticated.
fn exchanges_of(tx: &mut Tx<'_>, record: &SessionRecord) -> Result<Vec<Exchange>, Error> {
    let own = tx.exchanges(&ExchangeFilter::OfSession(record.id.clone()), None, MAX_MESSAGES)?.items;
    let before = ExchangeFilter::Challenges {
        device: record.device_id.clone(),
        session_id: record.session_id.clone(),
        from: record.started_at.plus_millis(-CHALLENGE_AGE),
        until: record.started_at,
    };
    let mut all = tx.exchanges(&before, None, MAX_MESSAGES)?.items;
    // Of an earlier attempt with the same SessionID only what led to this session belongs here.
    if let Some(first) = all.iter().rposition(|exchange| exchange.client_message == Some(1)) {
        all.drain(..first);
    }
    all.extend(own);
    all.sort_by_key(|exchange| (exchange.received_at, exchange.client_message));
    Ok(all)
}

fn session_key(text: &str) -> Result<SessionKey, Error> {
    SessionKey::parse(text).ok_or(Error::NotFound("session"))
}

fn text(kept: Option<&Vec<u8>>) -> String {
    kept.map(|kept| text_of(kept)).unwrap_or_default()
}

impl From<&SessionRecord> for SessionJson {
    fn from(record: &SessionRecord) -> Self {
        Self {
            id: record.id.to_string(),
            device_id: record.device_id.to_string(),
            session_id: record.session_id.to_string(),
            started_at: record.started_at,
            last_at: record.last_at,
            phase: phase_word(record.phase),
            authentication: record.authentication.as_str(),
            login: serde_json::to_value(record.login)
                .ok()
                .and_then(|word| word.as_str().map(str::to_owned))
                .unwrap_or_default(),
            messages: record.exchanges,
            commands_sent: record.commands_sent,
            commands_answered: record.commands_answered,
        }
    }
}

const fn phase_word(phase: Phase) -> &'static str {
    use transom_protocol::session::Ending;
    match phase {
        Phase::Open => "open",
        Phase::Quiet => "quiet",
        Phase::Ended(Ending::AbortedByDevice) => "aborted_by_device",
        Phase::Ended(Ending::AbortedByServer) => "aborted_by_server",
        Phase::Ended(Ending::Replaced) => "replaced",
        Phase::Ended(Ending::TimedOut) => "timed_out",
        Phase::Ended(Ending::Unenrolled) => "unenrolled",
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
            encoding: exchange.encoding.map(transom_protocol::syncml::codec::Encoding::as_str),
            client_message: exchange.client_message,
            server_message: exchange.server_message,
            outcome: exchange.outcome,
            detail: exchange.detail,
            headers: exchange.headers,
            request: shown(exchange.request),
            reply: shown(exchange.reply),
            request_size: exchange.request_size,
            reply_size: exchange.reply_size,
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
            kind: event.kind.as_str(),
            code: event.code,
            mime: event.mime,
            source: event.source,
            mark: event.mark,
            data: event.data,
            detail: event.detail,
        }
    }
}
