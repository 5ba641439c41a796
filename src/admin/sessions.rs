//! Sessions and what was said in them, as JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::devices::device_filter;
use super::{Admin, Error, EventJson, MessageJson, PageJson, Part};
use crate::management::conversation::{Line, Told, tell};
use crate::management::text_of;
use crate::model::{
    Cursor, Ending, EventFilter, Exchange, ExchangeFilter, Page, Phase, SessionFilter, SessionKey, SessionRecord,
    Timestamp, from_rfc3339, parse_rfc3339, rfc3339,
};
use crate::store::Tx;

/// Messages of one session that are told together; sessions end before.
const MAX_MESSAGES: usize = 500;

/// Bytes of messages that are told together.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Compressed bytes of messages that are read together.
const MAX_STORED: usize = 8 * 1024 * 1024;

/// Messages that are read at once, between looks at how large they are.
const STEP: usize = 25;

/// Messages of a challenge that are shown before a session.
const MAX_CHALLENGES: usize = 50;

/// How long before its first authenticated message a session's challenge may have been, in milliseconds.
const CHALLENGE_AGE: i64 = 10 * 60 * 1000;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionJson {
    /// Ours.
    pub id: String,
    /// Whose.
    pub device_id: String,
    /// The client's `SessionID`.
    pub session_id: String,
    /// When its first authenticated message came.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    pub started_at: Timestamp,
    /// When its last message came.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    pub last_at: Timestamp,
    /// `open`, `quiet`, or how it ended.
    pub phase: Cow<'static, str>,
    /// `digest`, `basic` or `transport`.
    pub authentication: Cow<'static, str>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDetail {
    /// The session.
    #[serde(flatten)]
    pub session: SessionJson,
    /// What was said, each command with its answer.
    pub conversation: Vec<Line>,
    /// Whether there was more than is told here.
    pub truncated: bool,
    /// What else happened, newest last.
    pub events: Vec<EventJson>,
}

/// Which sessions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionQuery {
    /// Only those of this device.
    #[serde(default, alias = "device", skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Only those that began then or later (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only those that began before (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Admin {
    /// Sessions, newest first.
    pub async fn sessions(&self, query: SessionQuery) -> Result<PageJson<SessionJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let filter = SessionFilter {
            device: device_filter(query.device_id.as_deref())?,
            from: time("from", query.from.as_deref())?,
            until: time("until", query.until.as_deref())?,
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
                let exchanges = exchanges_of(tx, &record, None, MAX_MESSAGES)?;
                let events = tx.events(&EventFilter::OfSession(key), None, MAX_MESSAGES)?;
                Ok::<_, Error>((record, exchanges, events))
            })
            .await?;
        let mut truncated = exchanges.next.is_some() || events.next.is_some();
        let mut texts: Vec<(Timestamp, String, String)> = Vec::with_capacity(exchanges.items.len());
        let mut bytes = 0;
        for exchange in exchanges.items {
            let (request, reply) = (text(exchange.request.as_ref()), text(exchange.reply.as_ref()));
            bytes += request.len() + reply.len();
            if bytes > MAX_BYTES {
                truncated = true;
                break;
            }
            texts.push((exchange.received_at, request, reply));
        }
        let told: Vec<Told<'_>> = texts.iter().map(|(at, request, reply)| Told { at: *at, request, reply }).collect();
        let mut events: Vec<EventJson> = events.items.into_iter().map(EventJson::from).collect();
        events.reverse();
        Ok(SessionDetail { session: SessionJson::from(&record), conversation: tell(&told), truncated, events })
    }

    /// The messages of a session, without secrets, in the order in which they came. A page may be shorter than asked
    /// for where messages are large.
    pub async fn messages(&self, id: &str, part: Part) -> Result<PageJson<MessageJson>, Error> {
        let key = session_key(id)?;
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let page = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let record = tx.session(&key)?.ok_or(Error::NotFound("session"))?;
                exchanges_of(tx, &record, cursor.as_ref(), limit)
            })
            .await?;
        Ok(shown(page))
    }
}

/// Exchanges of a session, in their order. Before the first stand those of the challenge that led to it.
fn exchanges_of(
    tx: &mut Tx<'_>,
    record: &SessionRecord,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page<Exchange>, Error> {
    let filter = ExchangeFilter::OfSession(record.id.clone());
    let mut own = Page { items: Vec::new(), next: after.cloned() };
    let mut bytes = 0;
    loop {
        let some = tx.exchanges(&filter, own.next.as_ref(), STEP.min(limit - own.items.len()))?;
        bytes += some.items.iter().map(stored_bytes).sum::<usize>();
        own.items.extend(some.items);
        own.next = some.next;
        if own.next.is_none() || own.items.len() >= limit || bytes > MAX_STORED {
            break;
        }
    }
    if after.is_some() {
        return Ok(own);
    }
    let before = ExchangeFilter::Challenges {
        device: record.device_id.clone(),
        session_id: record.session_id.clone(),
        from: record.started_at.plus_millis(-CHALLENGE_AGE),
        until: record.started_at,
    };
    let mut all = tx.exchanges(&before, None, MAX_CHALLENGES)?.items;
    // Of an earlier attempt with the same SessionID only what led to this session belongs here.
    if let Some(first) = all.iter().rposition(|exchange| exchange.client_message == Some(1)) {
        all.drain(..first);
    }
    all.extend(own.items);
    all.sort_by_key(|exchange| (exchange.received_at, exchange.client_message));
    Ok(Page { items: all, next: own.next })
}

fn stored_bytes(exchange: &Exchange) -> usize {
    let len = |body: &Option<Vec<u8>>| body.as_ref().map_or(0, Vec::len);
    len(&exchange.request) + len(&exchange.reply)
}

/// The page as JSON, cut where it becomes too large.
fn shown(page: Page<Exchange>) -> PageJson<MessageJson> {
    let mut shown = PageJson { items: Vec::new(), next_cursor: page.next.as_ref().map(ToString::to_string) };
    let mut bytes = 0;
    let mut last: Option<(String, bool)> = None;
    for exchange in page.items {
        let (id, is_own) = (exchange.id.to_string(), exchange.session.is_some());
        let message = MessageJson::from(exchange);
        bytes += message.size();
        if let Some((before, true)) = last.as_ref().filter(|_| bytes > MAX_BYTES) {
            shown.next_cursor = Some(Cursor::after(before.clone()).to_string());
            break;
        }
        last = Some((id, is_own));
        shown.items.push(message);
    }
    shown
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let parse = |text| {
        parse_rfc3339(text).ok_or_else(|| Error::parameter(name, "this is no time; write it like 2026-11-20T22:00:00Z"))
    };
    text.map(parse).transpose()
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
            phase: phase_word(record.phase).into(),
            authentication: record.authentication.as_str().into(),
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
