//! The journal: exchanges and events, written once and never changed.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, SessionId, Timestamp};

use super::fragments::{at_most, columns};
use super::schema::{events, exchanges};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Cursor, Event, EventFilter, Exchange, ExchangeFilter, ExchangeId, Page, Proof, Told};

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = exchanges, treat_none_as_default_value = false)]
struct ExchangeRow {
    id: String,
    session: Option<String>,
    enrollment: Option<String>,
    device_id: Option<String>,
    folded_id: Option<String>,
    session_id: Option<String>,
    received_at: i64,
    duration_us: i64,
    stored_bytes: i64,
    peer: String,
    encoding: Option<String>,
    client_message: Option<i64>,
    server_message: Option<i64>,
    outcome: String,
    detail: Option<String>,
    headers: String,
    request_size: i64,
    reply_size: i64,
    request: Option<Vec<u8>>,
    reply: Option<Vec<u8>>,
    proofs: Option<String>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub(super) struct EventRow {
    id: String,
    device_id: Option<String>,
    folded_id: Option<String>,
    enrollment: Option<String>,
    session: Option<String>,
    exchange: Option<String>,
    at: i64,
    kind: String,
    code: String,
    mime: Option<String>,
    source: Option<String>,
    format: Option<String>,
    mark: Option<String>,
    detail: Option<String>,
    data: Option<Vec<u8>>,
}

/// Bytes of an exchange beside its bodies, indexes included, as a rule of thumb.
const ROW_BYTES: i64 = 600;

impl Tx<'_> {
    /// Writes an exchange down: one statement.
    pub fn record_exchange(&mut self, exchange: &Exchange) -> Result<(), Error> {
        let id = exchange.id.as_str();
        let request = exchange.request.as_ref().map(|body| self.key.seal(request_of(id), body)).transpose()?;
        let reply = exchange.reply.as_ref().map(|body| self.key.seal(reply_of(id), body)).transpose()?;
        let size = |body: Option<&Vec<u8>>| body.map_or(0, |body| i64::try_from(body.len()).unwrap_or(i64::MAX));
        let headers = exchange.headers.to_string();
        let proofs = proofs_text(&exchange.proofs)?;
        let row = ExchangeRow {
            id: id.to_owned(),
            session: exchange.session.as_ref().map(ToString::to_string),
            enrollment: exchange.enrollment.as_ref().map(ToString::to_string),
            device_id: exchange.device.as_ref().map(ToString::to_string),
            folded_id: exchange.device.as_ref().map(DeviceId::key),
            session_id: exchange.session_id.as_ref().map(ToString::to_string),
            received_at: exchange.received_at.0,
            duration_us: exchange.duration_us,
            stored_bytes: ROW_BYTES
                .saturating_add(size(request.as_ref()))
                .saturating_add(size(reply.as_ref()))
                .saturating_add(i64::try_from(headers.len()).unwrap_or(0))
                .saturating_add(proofs.as_ref().map_or(0, |text| i64::try_from(text.len()).unwrap_or(0))),
            peer: words::text(&exchange.peer),
            encoding: exchange.encoding.map(|encoding| encoding.as_str().to_owned()),
            client_message: exchange.client_message.map(i64::from),
            server_message: exchange.server_message.map(i64::from),
            outcome: words::text(&exchange.outcome),
            detail: words::optional_text(exchange.detail.as_ref()),
            headers,
            request_size: exchange.request_size,
            reply_size: exchange.reply_size,
            request,
            reply,
            proofs,
        };
        on_backend!(self, |conn| diesel::insert_into(exchanges::table).values(row).execute(conn)).map(drop)
    }

    /// Writes events down, and tells of them.
    pub fn add_events(&mut self, new: &[Event]) -> Result<(), Error> {
        if new.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(new.len());
        for event in new {
            self.tell(Told::of_journal(event));
            let id = event.id.as_str();
            let data = event.data.as_ref().map(|data| self.key.seal(data_of(id), data.as_bytes())).transpose()?;
            rows.push(EventRow {
                id: id.to_owned(),
                device_id: event.device.as_ref().map(ToString::to_string),
                folded_id: event.device.as_ref().map(DeviceId::key),
                enrollment: event.enrollment.as_ref().map(ToString::to_string),
                session: event.session.as_ref().map(ToString::to_string),
                exchange: event.exchange.as_ref().map(ToString::to_string),
                at: event.at.0,
                kind: event.kind.as_str().to_owned(),
                code: words::text(&event.code),
                mime: words::optional_text(event.mime.as_ref()),
                source: words::optional_text(event.source.as_ref()),
                format: words::optional_text(event.format.as_ref()),
                mark: words::optional_text(event.mark.as_ref()),
                detail: words::optional_text(event.detail.as_ref()),
                data,
            });
        }
        on_backend!(self, |conn| diesel::insert_into(events::table).values(rows).execute(conn)).map(drop)
    }

    /// Exchanges with their bodies, oldest first.
    pub fn exchanges(
        &mut self,
        filter: &ExchangeFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Exchange>, Error> {
        let rows: Vec<ExchangeRow> = on_backend!(self, |conn| {
            let query = exchanges::table
                .filter(exchanges::id.gt(after.map_or("", Cursor::sort_key)))
                .order(exchanges::id.asc())
                .limit(one_more(limit))
                .select(columns::<ExchangeRow>())
                .into_boxed();
            match filter {
                ExchangeFilter::OfSession(session) => query.filter(exchanges::session.eq(session.as_str())),
                ExchangeFilter::Unauthenticated(device) => {
                    query.filter(exchanges::session.is_null()).filter(exchanges::folded_id.eq(device.key()))
                }
                ExchangeFilter::Challenges { device, session_id, from, until } => query
                    .filter(exchanges::session.is_null())
                    .filter(exchanges::folded_id.eq(device.key()))
                    .filter(exchanges::session_id.eq(session_id.as_str()))
                    .filter(exchanges::received_at.between(from.0, until.0)),
            }
            .load(conn)
        })?;
        let exchanges = rows.into_iter().map(|row| self.exchange(row)).collect::<Result<_, _>>()?;
        Ok(Page::of(exchanges, limit, |exchange: &Exchange| exchange.id.to_string()))
    }

    /// One exchange with its bodies.
    pub fn exchange_with_id(&mut self, id: &ExchangeId) -> Result<Option<Exchange>, Error> {
        let query = exchanges::table.find(id.as_str()).select(columns::<ExchangeRow>());
        let row: Option<ExchangeRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(|row| self.exchange(row)).transpose()
    }

    /// The last exchanges that claim to be from a device and were turned away, newest first. A challenge turns nobody
    /// away: every session begins with one.
    pub fn refused_exchanges(&mut self, device: &DeviceId, limit: i64) -> Result<Vec<Exchange>, Error> {
        let query = exchanges::table
            .filter(exchanges::session.is_null())
            .filter(exchanges::folded_id.eq(device.key()))
            .filter(exchanges::outcome.ne("challenged"))
            .order(exchanges::id.desc())
            .select(columns::<ExchangeRow>());
        let rows: Vec<ExchangeRow> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        rows.into_iter().map(|row| self.exchange(row)).collect()
    }

    /// Events, newest first.
    pub fn events(&mut self, filter: &EventFilter, after: Option<&Cursor>, limit: usize) -> Result<Page<Event>, Error> {
        let rows: Vec<EventRow> = on_backend!(self, |conn| {
            let mut query = events::table
                .order(events::id.desc())
                .limit(one_more(limit))
                .select(columns::<EventRow>())
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(events::id.lt(after.sort_key()));
            }
            match filter {
                EventFilter::OfDevice(device) => query.filter(events::folded_id.eq(device.key())),
                EventFilter::OfSession(session) => query.filter(events::session.eq(session.as_str())),
            }
            .load(conn)
        })?;
        let events = rows.into_iter().map(|row| self.event(row)).collect::<Result<_, _>>()?;
        Ok(Page::of(events, limit, |event: &Event| event.id.to_string()))
    }

    /// Whether an event of this code was told of a device since then.
    pub fn was_told(&mut self, device: &DeviceId, code: &str, since: Timestamp) -> Result<bool, Error> {
        let query = events::table
            .filter(events::folded_id.eq(device.key()))
            .filter(events::code.eq(code))
            .filter(events::at.ge(since.0))
            .select(events::id);
        let told: Option<String> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        Ok(told.is_some())
    }

    fn exchange(&self, row: ExchangeRow) -> Result<Exchange, Error> {
        let open = |place, sealed: Option<Vec<u8>>| {
            sealed.map(|sealed| self.key.open(place, &sealed).map(|body| body.to_vec())).transpose()
        };
        let number = |number: Option<i64>| number.map(|number| words::count(number, "exchanges.message")).transpose();
        Ok(Exchange {
            request: open(request_of(&row.id), row.request)?,
            reply: open(reply_of(&row.id), row.reply)?,
            id: words::id(row.id)?,
            session: row.session.map(words::id).transpose()?,
            enrollment: row.enrollment.map(words::id).transpose()?,
            device: row.device_id.as_deref().map(words::device_id).transpose()?,
            session_id: row.session_id.as_deref().map(session_id).transpose()?,
            received_at: Timestamp(row.received_at),
            duration_us: row.duration_us,
            peer: row.peer,
            encoding: row.encoding.as_deref().map(|word| words::encoding(word, "exchanges.encoding")).transpose()?,
            client_message: number(row.client_message)?,
            server_message: number(row.server_message)?,
            outcome: row.outcome,
            detail: row.detail,
            headers: serde_json::from_str(&row.headers).map_err(|_| Error::corrupt("exchanges.headers"))?,
            request_size: row.request_size,
            reply_size: row.reply_size,
            proofs: row
                .proofs
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|_| Error::corrupt("exchanges.proofs"))?
                .unwrap_or_default(),
        })
    }

    pub(super) fn event(&self, row: EventRow) -> Result<Event, Error> {
        let data = row.data.map(|sealed| self.key.open(data_of(&row.id), &sealed)).transpose()?;
        let data = data.map(|data| String::from_utf8(data.to_vec())).transpose();
        Ok(Event {
            data: data.map_err(|_| Error::corrupt("events.data"))?,
            id: words::id(row.id)?,
            device: row.device_id.as_deref().map(words::device_id).transpose()?,
            enrollment: row.enrollment.map(words::id).transpose()?,
            session: row.session.map(words::id).transpose()?,
            exchange: row.exchange.map(words::id).transpose()?,
            at: Timestamp(row.at),
            kind: words::of_word(&row.kind, "events.kind")?,
            code: row.code,
            mime: row.mime,
            source: row.source,
            format: row.format,
            mark: row.mark,
            detail: row.detail,
        })
    }
}

/// Nothing for an exchange in which nobody looked for a proof.
fn proofs_text(proofs: &[Proof]) -> Result<Option<String>, Error> {
    if proofs.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(proofs).map(Some).map_err(|_| Error::corrupt("exchanges.proofs"))
}

/// One entry more than is shown tells whether there is another page.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX)
}

fn session_id(text: &str) -> Result<SessionId, Error> {
    SessionId::parse(text).ok_or_else(|| Error::corrupt("session_id"))
}

const fn request_of(exchange: &str) -> Place<'_> {
    Place { column: "exchanges.request", row: exchange }
}

const fn reply_of(exchange: &str) -> Place<'_> {
    Place { column: "exchanges.reply", row: exchange }
}

const fn data_of(event: &str) -> Place<'_> {
    Place { column: "events.data", row: event }
}
