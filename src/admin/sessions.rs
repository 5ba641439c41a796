//! Sessions and what was said in them, as JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::device_filter;
use super::{Admin, Error, EventJson, MessageJson, PageJson, Part};
use crate::management::conversation::Line;
use crate::management::words_asked_for;
use crate::model::{
    Cursor, Ending, Exchange, ExchangeFilter, Page, Phase, SessionFilter, SessionKey, SessionRecord, Timestamp,
    from_rfc3339, parse_rfc3339, rfc3339,
};
use crate::store::Tx;

/// Messages of one session that are told together; sessions end before.
pub(super) const MAX_MESSAGES: usize = 500;

/// Bytes of messages that are told together.
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Compressed bytes of messages that are read together.
const MAX_STORED: usize = 8 * 1024 * 1024;

/// Messages that are read at once, between looks at how large they are.
const STEP: usize = 25;

/// Messages of a challenge that are shown before a session.
const MAX_CHALLENGES: usize = 50;

/// How long before its first authenticated message a session's challenge may have been, in milliseconds.
const CHALLENGE_AGE: i64 = 10 * 60 * 1000;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionJson {
    /// Ours.
    pub id: String,
    /// Whose.
    pub device_id: String,
    /// What the computer calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The client's `SessionID`.
    pub session_id: String,
    /// When its first authenticated message came.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When its last message came.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// `open`, `quiet`, or how it ended.
    pub phase: Cow<'static, str>,
    /// `digest`, `basic` or `transport`.
    pub authentication: Cow<'static, str>,
    /// Who was signed in, by the device's own word.
    pub login: String,
    /// What it is for: `mixed`, `device` or `user`.
    #[serde(default = "mixed")]
    pub kind: Cow<'static, str>,
    /// Whose session it is, where a token said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether that token was checked; else the name is the device's word.
    #[serde(default)]
    pub user_verified: bool,
    /// The tenant of that user, where the token was checked.
    #[serde(default)]
    pub user_tenant: Option<String>,
    /// The user as the tenant keeps people apart, likewise.
    #[serde(default)]
    pub user_object_id: Option<String>,
    /// Authenticated messages of the device.
    pub messages: i64,
    /// Commands that were sent.
    pub commands_sent: i64,
    /// Commands that were answered.
    pub commands_answered: i64,
}

/// A session with what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
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
    /// Only those in which all these words were said: a node or its last part, a Status, an error code, a word of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
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
            words: words(query.text.as_deref())?,
        };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.sessions(&filter, cursor.as_ref(), limit)).await;
        let page = page.map_err(Part::misplaced)?;
        Ok(PageJson::of(page, |record| SessionJson::from(&record)))
    }

    /// One session as a person would tell it.
    pub async fn session(&self, id: &str) -> Result<SessionDetail, Error> {
        Ok(self.explore(id).await?.detail)
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
pub(super) fn exchanges_of(
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

const fn mixed() -> Cow<'static, str> {
    Cow::Borrowed("mixed")
}

/// The words that are asked for. A question without a word would find everything.
fn words(text: Option<&str>) -> Result<Vec<String>, Error> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Vec::new()) };
    let words = words_asked_for(text);
    if words.is_empty() {
        return Err(Error::parameter("text", "write a word of two characters or more"));
    }
    Ok(words)
}

pub(super) fn session_key(text: &str) -> Result<SessionKey, Error> {
    SessionKey::parse(text).ok_or(Error::NotFound("session"))
}

impl From<&SessionRecord> for SessionJson {
    fn from(record: &SessionRecord) -> Self {
        Self {
            id: record.id.to_string(),
            device_id: record.device_id.to_string(),
            device_name: record.device_name.clone(),
            session_id: record.session_id.to_string(),
            started_at: record.started_at,
            last_at: record.last_at,
            phase: phase_word(record.phase).into(),
            authentication: record.authentication.as_str().into(),
            login: serde_json::to_value(record.login)
                .ok()
                .and_then(|word| word.as_str().map(str::to_owned))
                .unwrap_or_default(),
            kind: record.kind.as_str().into(),
            user: record.user.clone(),
            user_verified: record.user_verified,
            user_tenant: record.user_tenant.clone(),
            user_object_id: record.user_object.clone(),
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
