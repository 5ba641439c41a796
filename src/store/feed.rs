//! The feed: what happened, in one order that everybody sees.
//!
//! Whoever tells something does so in the transaction in which it happens; it is written when that transaction ends,
//! in one statement. **A number is seen only when all before it are**: on SQLite the writer is alone and numbers grow
//! with the commits. On PostgreSQL a transaction that began earlier may commit later, so that [`Tx::number_feed`] gives
//! the numbers, one instance at a time, to what is committed.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use transom_protocol::session::{CommandId, DeviceId, Progress, Timestamp};

use super::fragments::{Small, among, at_most, columns};
use super::queue::progress_of;
use super::schema::{commands, enrollments, feed};
use super::seal::Place;
use super::tx::{Conn, Tx, on_backend};
use super::{Error, words};
use crate::model::{EnrollmentId, FeedEvent, FeedFilter, FeedKind, FeedPage, OWN, POLICY_ORDERS, Told};

#[derive(Insertable)]
#[diesel(table_name = feed, treat_none_as_default_value = false)]
struct NewRow {
    id: String,
    kind: &'static str,
    at: i64,
    device_id: Option<String>,
    folded_id: Option<String>,
    enrollment: Option<String>,
    session: Option<String>,
    exchange: Option<String>,
    trace_id: Option<String>,
    correlation: Option<String>,
    data: Vec<u8>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = feed)]
struct Row {
    number: i64,
    id: String,
    kind: String,
    at: i64,
    device_id: Option<String>,
    enrollment: Option<String>,
    session: Option<String>,
    exchange: Option<String>,
    trace_id: Option<String>,
    correlation: Option<String>,
    data: Vec<u8>,
}

/// A command that has its outcome.
#[derive(Queryable)]
struct Settled {
    id: String,
    enrollment: String,
    device_id: String,
    sequence: i64,
    batch: Option<String>,
    kind: String,
    target: String,
    state: String,
    reason: Option<String>,
    created_by: String,
    at: Option<i64>,
    progress: Option<Vec<u8>>,
}

/// Numbers that one look passes over at most: a filter that takes little does not make it longer.
const LOOK: i64 = 5_000;

/// Events that get their number in one transaction.
const TOGETHER: i64 = 2_000;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Tx<'_> {
    /// Tells what happens in this transaction. It is written before the transaction ends.
    pub fn tell(&mut self, told: Told) {
        self.told.push(told);
    }

    /// Writes down what was told, and which commands got their outcome: one statement, and one more to look at the
    /// commands.
    pub(super) fn write_feed(&mut self) -> Result<(), Error> {
        let outcomes = self.outcomes()?;
        let mut told = std::mem::take(&mut self.told);
        // A session ends after what happened in it.
        let last = told.pop_if(|last| last.kind == FeedKind::SessionEnded);
        told.extend(outcomes);
        told.extend(last);
        if told.is_empty() {
            return Ok(());
        }
        let rows = told.into_iter().map(|told| self.feed_row(told)).collect::<Result<Vec<_>, _>>()?;
        on_backend!(self, |conn| diesel::insert_into(feed::table).values(rows).execute(conn)).map(drop)
    }

    fn feed_row(&self, told: Told) -> Result<NewRow, Error> {
        let id = told.id.as_str();
        let data = self.key.seal_json(data_of(id), &told.data)?;
        let (trace, correlation) = match &self.trace {
            Some(trace) => (Some(trace.id.clone()), trace.correlation.clone()),
            None => (None, None),
        };
        Ok(NewRow {
            kind: told.kind.as_str(),
            at: told.at.0,
            folded_id: told.device_id.as_ref().map(DeviceId::key),
            device_id: told.device_id.map(|device| device.to_string()),
            enrollment: told.enrollment_id.map(Into::into),
            session: told.session_id.map(Into::into),
            exchange: told.exchange_id.map(Into::into),
            trace_id: words::optional_text(told.trace_id.or(trace).as_ref()),
            correlation: words::optional_text(told.correlation.or(correlation).as_ref()),
            data,
            id: id.to_owned(),
        })
    }

    /// The commands that got their outcome in this transaction, without those of our own.
    fn outcomes(&mut self) -> Result<Vec<Told>, Error> {
        let ids: Vec<CommandId> = std::mem::take(&mut self.settled_commands);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = commands::table
            .inner_join(enrollments::table)
            .filter(among(commands::id, ids.into_iter().map(|id| id.0)))
            .filter(commands::created_by.not_like(format!("{OWN}%")).or(commands::created_by.eq(POLICY_ORDERS)))
            .order((commands::enrollment.asc(), commands::sequence.asc()))
            .select((
                commands::id,
                commands::enrollment,
                enrollments::device_id,
                commands::sequence,
                commands::batch,
                commands::kind,
                commands::target,
                commands::state,
                commands::reason,
                commands::created_by,
                commands::settled_at,
                Small(commands::progress),
            ));
        let rows: Vec<Settled> = on_backend!(self, |conn| query.load(conn))?;
        let mut told = Vec::with_capacity(rows.len());
        for row in rows {
            if row.created_by == POLICY_ORDERS {
                self.policy_ended(&words::id(row.enrollment)?, row.at)?;
                continue;
            }
            told.extend(self.outcome(row)?);
        }
        Ok(told)
    }

    /// A command that carries settings ended without a message that its settings were told of: it was canceled, say.
    fn policy_ended(&mut self, enrollment: &EnrollmentId, at: Option<i64>) -> Result<(), Error> {
        if !self.policies_heard.insert(enrollment.clone()) {
            return Ok(());
        }
        self.look_at_policies(enrollment, Timestamp(at.unwrap_or_default()))
    }

    fn outcome(&self, row: Settled) -> Result<Option<Told>, Error> {
        // What was put back into the queue meanwhile has no outcome.
        let (Some(kind), Some(at)) = (FeedKind::parse(&format!("command.{}", row.state)), row.at) else {
            return Ok(None);
        };
        let progress: Option<Progress> =
            row.progress.map(|sealed| self.key.open_json(progress_of(&row.id), &sealed)).transpose()?;
        let status = progress.and_then(|progress| {
            let mut items = progress.items.iter().filter_map(|item| item.status);
            progress.group_status.or_else(|| items.next_back()).map(|status| status.0)
        });
        let data = serde_json::json!({
            "command_id": row.id, "sequence": row.sequence, "kind": row.kind, "target": row.target,
            "created_by": row.created_by, "batch_id": row.batch, "status": status, "reason": row.reason,
        });
        let told = Told::new(kind, Timestamp(at), data);
        Ok(Some(Told {
            device_id: Some(words::device_id(&row.device_id)?),
            enrollment_id: Some(words::id(row.enrollment)?),
            ..told
        }))
    }

    /// Gives numbers to what is committed and has none, and says to how many. Nothing on SQLite, where each has its own
    /// from the beginning. Another instance that is about it is waited for.
    pub fn number_feed(&mut self) -> Result<usize, Error> {
        if matches!(self.conn, Conn::Sqlite(_)) {
            return Ok(0);
        }
        // The statements behind it see all that was committed before the lock was ours.
        let lock = diesel::sql_query("SELECT last AS number FROM feed_numbers FOR UPDATE");
        let Number { number: last } = on_backend!(self, |conn| lock.get_result(conn))?;
        let number = diesel::sql_query(NUMBER).bind::<BigInt, _>(last).bind::<BigInt, _>(TOGETHER);
        let numbered: usize = on_backend!(self, |conn| number.execute(conn))?;
        let new = i64::try_from(numbered).unwrap_or(0);
        if new > 0 {
            let keep = diesel::sql_query("UPDATE feed_numbers SET last = $1").bind::<BigInt, _>(last + new);
            on_backend!(self, |conn| keep.execute(conn))?;
        }
        Ok(numbered)
    }

    /// Whether something waits for its number.
    pub fn is_feed_unnumbered(&mut self) -> Result<bool, Error> {
        if matches!(self.conn, Conn::Sqlite(_)) {
            return Ok(false);
        }
        let query = diesel::sql_query("SELECT arrival AS number FROM feed WHERE number IS NULL LIMIT 1");
        let waiting: Option<Number> = on_backend!(self, |conn| query.get_result(conn).optional())?;
        Ok(waiting.is_some())
    }

    /// The last number that there is; 0 when there is none.
    pub fn feed_head(&mut self) -> Result<i64, Error> {
        let query = feed::table.filter(feed::number.gt(0)).order(feed::number.desc()).select(feed::number);
        let last: Option<i64> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        Ok(last.unwrap_or(0))
    }

    /// The first number that is still kept; 0 when there is none.
    pub(super) fn feed_oldest(&mut self) -> Result<i64, Error> {
        let query = feed::table.filter(feed::number.gt(0)).order(feed::number.asc()).select(feed::number);
        let first: Option<i64> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        Ok(first.unwrap_or(0))
    }

    /// Events behind a number, oldest first. Where a filter takes little there may be none, and `next` has grown.
    pub fn feed(&mut self, after: i64, filter: &FeedFilter, limit: usize) -> Result<FeedPage, Error> {
        let (head, oldest) = (self.feed_head()?, self.feed_oldest()?);
        let after = after.max(0);
        let until = after.max(oldest - 1).saturating_add(LOOK);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Row> = on_backend!(self, |conn| {
            let mut query = feed::table
                .filter(feed::number.gt(after))
                .filter(feed::number.le(until))
                .order(feed::number.asc())
                .limit(limit)
                .select(columns::<Row>())
                .into_boxed();
            if !filter.kinds.is_empty() {
                query = query.filter(feed::kind.eq_any(filter.kinds.iter().map(|kind| kind.as_str())));
            }
            if !filter.devices.is_empty() {
                query = query.filter(feed::folded_id.eq_any(&filter.devices));
            }
            query.load(conn)
        })?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|count| count >= limit);
        let next = match rows.last() {
            Some(last) if is_full => last.number,
            _ => until.min(head).max(after),
        };
        let items = rows.into_iter().map(|row| self.feed_event(row)).collect::<Result<_, _>>()?;
        Ok(FeedPage { items, next, head, oldest })
    }

    /// When the first event behind a number happened.
    pub fn feed_after(&mut self, position: i64) -> Result<Option<Timestamp>, Error> {
        let query = feed::table.filter(feed::number.gt(position)).order(feed::number.asc()).select(feed::at);
        let at: Option<i64> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        Ok(at.map(Timestamp))
    }

    /// The last number before a moment, to begin behind it.
    pub fn feed_before(&mut self, at: Timestamp) -> Result<i64, Error> {
        let query =
            feed::table.filter(feed::number.gt(0)).filter(feed::at.ge(at.0)).order(feed::number).select(feed::number);
        let first: Option<i64> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        first.map_or_else(|| self.feed_head(), |first| Ok(first - 1))
    }

    /// Deletes the oldest events that are older than a moment, or more than `most`: up to `batch` of them.
    pub(super) fn prune_feed(&mut self, before: Timestamp, most: i64, batch: i64) -> Result<usize, Error> {
        let beyond = self.feed_head()?.saturating_sub(most);
        let query = feed::table
            .filter(feed::number.gt(0))
            .order(feed::number.asc())
            .limit(batch)
            .select((feed::number, feed::at));
        let oldest: Vec<(i64, i64)> = on_backend!(self, |conn| query.load(conn))?;
        let gone = oldest.iter().take_while(|(number, at)| *at < before.0 || *number <= beyond).last();
        let Some((last, _)) = gone else { return Ok(0) };
        let query = diesel::delete(feed::table.filter(feed::number.le(*last)));
        on_backend!(self, |conn| query.execute(conn))
    }

    fn feed_event(&self, row: Row) -> Result<FeedEvent, Error> {
        let data = self.key.open_json(data_of(&row.id), &row.data)?;
        Ok(FeedEvent {
            number: row.number,
            told: Told {
                id: words::id(row.id)?,
                kind: words::of_word(&row.kind, "feed.kind")?,
                at: Timestamp(row.at),
                device_id: row.device_id.as_deref().map(words::device_id).transpose()?,
                enrollment_id: row.enrollment.map(words::id).transpose()?,
                session_id: row.session.map(words::id).transpose()?,
                exchange_id: row.exchange.map(words::id).transpose()?,
                trace_id: row.trace_id,
                correlation: row.correlation,
                data,
            },
        })
    }
}

const NUMBER: &str = "UPDATE feed SET number = given.number \
    FROM (SELECT arrival, $1 + row_number() OVER (ORDER BY arrival) AS number \
          FROM (SELECT arrival FROM feed WHERE number IS NULL ORDER BY arrival LIMIT $2) AS waiting) AS given \
    WHERE feed.arrival = given.arrival";

const fn data_of(event: &str) -> Place<'_> {
    Place { column: "feed.data", row: event }
}
