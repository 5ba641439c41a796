//! Retention: history is bounded by age and, where it is large, by size (design, promise 10).
//!
//! Works in small transactions, oldest first, so that messages of devices run in between. Never deletes what is still
//! needed: a command without an outcome, one that such a command waits for, the newest session of a live enrollment.

use std::collections::HashSet;
use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use transom_protocol::session::{CommandState, Timestamp};

use super::fragments::among;
use super::schema::{commands, enrollments, events, exchanges, idempotency_keys, journal_size, sessions};
use super::tx::{Tx, on_backend};
use super::{Error, Store, words};

/// How much history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionRules {
    /// Exchanges, events, sessions, changes of facts and commands with an outcome go at this age.
    pub age: Duration,
    /// So do the records of wipes and their like, and of commands whose outcome nobody knows.
    pub proof_age: Duration,
    /// The oldest exchanges go when all of them take more bytes than this.
    pub journal_bytes: u64,
    /// Answers to repeated API requests go at this age.
    pub request_age: Duration,
    /// Large objects that were not completed go at this age. The session core must have given them up by then.
    pub upload_age: Duration,
    /// The oldest attempts to enroll go when there are more than these.
    pub attempts: i64,
    /// Entries of the audit log go at this age.
    pub audit_age: Duration,
    /// Events of the feed go at this age.
    pub feed_age: Duration,
    /// The oldest events of the feed go when there are more than these.
    pub feed_events: i64,
    /// Rows that go in one transaction.
    pub batch: i64,
}

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Exchanges.
    pub exchanges: usize,
    /// Events.
    pub events: usize,
    /// Sessions.
    pub sessions: usize,
    /// Commands.
    pub commands: usize,
    /// Actions, which are kept as long as proofs.
    pub actions: usize,
    /// Chunks of large objects.
    pub upload_chunks: usize,
    /// Answers to API requests.
    pub requests: usize,
    /// Sign-ins at a provider.
    pub sign_ins: usize,
    /// Attempts to enroll.
    pub attempts: usize,
    /// Entries of the audit log.
    pub audits: usize,
    /// Events of the feed.
    pub feed: usize,
    /// Changes of facts.
    pub fact_changes: usize,
    /// Bytes that the remaining exchanges take.
    pub journal_bytes: i64,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for RetentionRules {
    fn default() -> Self {
        Self {
            age: DAY * 90,
            proof_age: DAY * 730,
            journal_bytes: 4 << 30,
            request_age: DAY,
            upload_age: DAY,
            attempts: 100_000,
            audit_age: DAY * 730,
            feed_age: DAY * 7,
            feed_events: 1_000_000,
            batch: 200,
        }
    }
}

/// When a session began, its id and when it was last heard of; the newest session of its enrollment, and when that ended.
type SessionRow = ((i64, String, i64), (Option<String>, Option<i64>));

/// A place in a list that is ordered by time.
type After = (i64, String);

/// When what reaches an age now was made.
fn before(age: Duration, now: Timestamp) -> Timestamp {
    now.plus_millis(-i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

impl Store {
    /// Deletes what the rules no longer keep. Walks over all that is old, and so over what has to stay: not to be done all
    /// the time.
    pub async fn prune(&self, now: Timestamp, rules: RetentionRules) -> Result<Pruned, Error> {
        let pruned = self.prune_oldest(now, rules).await?;
        self.prune_unneeded(now, rules, pruned).await
    }

    /// Deletes of what the rules no longer keep that of which nothing has to stay: the oldest goes, and the rest is not
    /// looked at.
    pub async fn prune_oldest(&self, now: Timestamp, rules: RetentionRules) -> Result<Pruned, Error> {
        let before = |age| before(age, now);
        let batch = rules.batch.max(1);
        let full = |deleted: usize| i64::try_from(deleted).is_ok_and(|deleted| deleted >= batch);
        let mut pruned = Pruned::default();

        let (requests, uploads) = (before(rules.request_age), before(rules.upload_age));
        pruned.requests = self.write(move |tx| tx.prune_requests(requests)).await?;
        pruned.upload_chunks = self.write(move |tx| tx.prune_uploads(uploads)).await?;
        self.write(move |tx| tx.prune_operator_sessions(requests)).await?;
        self.write(move |tx| tx.prune_operator_links(requests)).await?;
        pruned.sign_ins = self.write(move |tx| tx.prune_sign_ins(requests)).await?;

        self.write(|tx: &mut Tx<'_>| tx.prune_policy_counts()).await?;

        let failures = before(DAY);
        self.write(move |tx| tx.prune_failures(failures)).await?;

        let old = before(rules.age);
        loop {
            let deleted = self.write(move |tx| tx.prune_attempts(old, rules.attempts, batch)).await?;
            pruned.attempts += deleted;
            if !full(deleted) {
                break;
            }
        }
        let audits = before(rules.audit_age);
        loop {
            let deleted = self.write(move |tx| tx.prune_audit(audits, batch)).await?;
            pruned.audits += deleted;
            if !full(deleted) {
                break;
            }
        }
        let told = before(rules.feed_age);
        loop {
            let deleted = self.write(move |tx| tx.prune_feed(told, rules.feed_events, batch)).await?;
            pruned.feed += deleted;
            if deleted == 0 {
                break;
            }
        }
        loop {
            let deleted = self.write(move |tx| tx.prune_events(old, batch)).await?;
            pruned.events += deleted;
            if !full(deleted) {
                break;
            }
        }
        loop {
            let deleted = self.write(move |tx| tx.prune_fact_changes(old, batch)).await?;
            pruned.fact_changes += deleted;
            if !full(deleted) {
                break;
            }
        }
        loop {
            let (deleted, _) = self.write(move |tx| tx.prune_exchanges(old, batch)).await?;
            pruned.exchanges += deleted;
            if !full(deleted) {
                break;
            }
        }
        let most = i64::try_from(rules.journal_bytes).unwrap_or(i64::MAX);
        let mut size = self.write(move |tx| tx.journal_bytes(now)).await?;
        while size > most {
            let (deleted, bytes) = self.write(move |tx| tx.prune_exchanges(Timestamp(i64::MAX), batch)).await?;
            pruned.exchanges += deleted;
            size -= bytes;
            if deleted == 0 {
                break;
            }
        }
        pruned.journal_bytes = size;
        Ok(pruned)
    }

    /// Sessions, commands and actions, of which some are kept whatever their age.
    async fn prune_unneeded(&self, now: Timestamp, rules: RetentionRules, mut pruned: Pruned) -> Result<Pruned, Error> {
        let (batch, old) = (rules.batch.max(1), before(rules.age, now));
        // Looked for while reading, so that what has to be skipped does not keep writers waiting.
        let mut after = Some((i64::MIN, String::new()));
        while let Some(from) = after {
            let (ids, next) = self.read(move |tx| tx.outdated_sessions(old, &from, batch)).await?;
            if !ids.is_empty() {
                pruned.sessions += self.write(move |tx| tx.delete_sessions(&ids)).await?;
            }
            after = next;
        }
        let proofs = before(rules.proof_age.max(rules.age), now);
        let mut after = Some((i64::MIN, String::new()));
        while let Some(from) = after {
            let (ids, next) = self.read(move |tx| tx.outdated_commands(old, proofs, &from, batch)).await?;
            if !ids.is_empty() {
                pruned.commands += self.write(move |tx| tx.delete_commands(&ids, old)).await?;
            }
            after = next;
        }
        loop {
            let deleted = self.write(move |tx| tx.prune_actions(proofs, batch)).await?;
            pruned.actions += deleted;
            if i64::try_from(deleted).is_ok_and(|deleted| deleted < batch) {
                break;
            }
        }
        Ok(pruned)
    }
}

impl Tx<'_> {
    fn prune_requests(&mut self, before: Timestamp) -> Result<usize, Error> {
        let query = diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(before.0)));
        on_backend!(self, |conn| query.execute(conn))
    }

    fn prune_events(&mut self, before: Timestamp, batch: i64) -> Result<usize, Error> {
        let query =
            events::table.filter(events::at.lt(before.0)).order(events::at.asc()).limit(batch).select(events::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        let query = diesel::delete(events::table.filter(among(events::id, ids)));
        on_backend!(self, |conn| query.execute(conn))
    }

    /// Deletes the oldest exchanges before a time, and says how many and how many bytes.
    fn prune_exchanges(&mut self, before: Timestamp, batch: i64) -> Result<(usize, i64), Error> {
        let (counted_until, _) = self.journal_size()?;
        let query = exchanges::table
            .filter(exchanges::received_at.lt(before.0))
            .order(exchanges::received_at.asc())
            .limit(batch)
            .select(exchanges::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        if ids.is_empty() {
            return Ok((0, 0));
        }
        let query = diesel::delete(exchanges::table.filter(among(exchanges::id, ids)))
            .returning((exchanges::received_at, exchanges::stored_bytes));
        let deleted: Vec<(i64, i64)> = on_backend!(self, |conn| query.get_results(conn))?;
        let counted: i64 = deleted.iter().filter(|(at, _)| *at < counted_until).map(|(_, bytes)| bytes).sum();
        let query = diesel::update(journal_size::table)
            .set(journal_size::stored_bytes.eq(journal_size::stored_bytes - counted));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok((deleted.len(), deleted.iter().map(|(_, bytes)| bytes).sum()))
    }

    /// Bytes that all exchanges take. Adds up only what is new since the last time.
    fn journal_bytes(&mut self, now: Timestamp) -> Result<i64, Error> {
        let (counted_until, counted) = self.journal_size()?;
        // What is younger may still be joined by a transaction that began earlier.
        let until = counted_until.max(now.plus_millis(-COUNT_AFTER).0);
        let newly = self.bytes_between(counted_until, until)?;
        let query = diesel::update(journal_size::table)
            .set((journal_size::counted_until.eq(until), journal_size::stored_bytes.eq(counted.saturating_add(newly))));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(counted.saturating_add(newly).saturating_add(self.bytes_between(until, i64::MAX)?))
    }

    /// Up to when exchanges are added up, and their sum. Whoever deletes or adds up waits here for the one before.
    fn journal_size(&mut self) -> Result<(i64, i64), Error> {
        let size = journal_size::table.select((journal_size::counted_until, journal_size::stored_bytes));
        on_backend!(
            self,
            sqlite => |conn| size.first(conn),
            postgres => |conn| size.for_update().first(conn)
        )
    }

    fn bytes_between(&mut self, from: i64, until: i64) -> Result<i64, Error> {
        let query = exchanges::table
            .filter(exchanges::received_at.ge(from))
            .filter(exchanges::received_at.lt(until))
            .select(sql::<BigInt>("CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT)"));
        on_backend!(self, |conn| query.first(conn))
    }

    /// Sessions that began and ended before a time and are not the newest of a live enrollment.
    fn outdated_sessions(
        &mut self,
        before: Timestamp,
        after: &After,
        batch: i64,
    ) -> Result<(Vec<String>, Option<After>), Error> {
        let query = sessions::table
            .inner_join(enrollments::table)
            .filter(sessions::started_at.lt(before.0))
            .filter(sessions::started_at.ge(after.0))
            .filter(sessions::started_at.gt(after.0).or(sessions::id.gt(&after.1)))
            .order((sessions::started_at.asc(), sessions::id.asc()))
            .limit(batch)
            .select((
                (sessions::started_at, sessions::id, sessions::last_at),
                (enrollments::session, enrollments::ended_at),
            ));
        let rows: Vec<SessionRow> = on_backend!(self, |conn| query.load(conn))?;
        let next = rows.last().map(|((started_at, id, _), _)| (*started_at, id.clone()));
        let is_needed = |id: &String, (newest, ended_at): &(Option<String>, Option<i64>)| {
            ended_at.is_none() && newest.as_ref() == Some(id)
        };
        let outdated = rows
            .into_iter()
            .filter(|((_, id, last_at), life)| *last_at < before.0 && !is_needed(id, life))
            .map(|((_, id, _), _)| id);
        Ok((outdated.collect(), next))
    }

    fn delete_sessions(&mut self, ids: &[String]) -> Result<usize, Error> {
        self.discard_uploads(ids)?;
        let query = diesel::delete(sessions::table.filter(among(sessions::id, ids)));
        on_backend!(self, |conn| query.execute(conn))
    }

    /// Commands that got their outcome before a time and are not waited for; proofs before another.
    fn outdated_commands(
        &mut self,
        before: Timestamp,
        proofs_before: Timestamp,
        after: &After,
        batch: i64,
    ) -> Result<(Vec<String>, Option<After>), Error> {
        let query = commands::table
            .filter(commands::settled_at.lt(before.0))
            .filter(commands::settled_at.ge(after.0))
            .filter(commands::settled_at.gt(after.0).or(commands::id.nullable().gt(&after.1)))
            .order((commands::settled_at.asc(), commands::id.asc()))
            .limit(batch)
            .select((
                commands::settled_at.assume_not_null(),
                commands::id,
                commands::enrollment,
                commands::proof,
                commands::state,
            ));
        let rows: Vec<(i64, String, String, bool, String)> = on_backend!(self, |conn| query.load(conn))?;
        let next = rows.last().map(|(settled_at, id, ..)| (*settled_at, id.clone()));
        let awaited = self.awaited_commands(rows.iter().map(|(_, _, enrollment, ..)| enrollment.as_str()))?;
        let unknown = CommandState::Unknown.as_str();
        let outdated = rows
            .into_iter()
            .filter(|(settled_at, _, _, proof, state)| !(*proof || state == unknown) || *settled_at < proofs_before.0)
            .map(|(_, id, ..)| id)
            .filter(|id| !awaited.contains(id));
        Ok((outdated.collect(), next))
    }

    /// What open commands of these enrollments wait for.
    fn awaited_commands<'a>(&mut self, of: impl Iterator<Item = &'a str>) -> Result<HashSet<String>, Error> {
        let query = commands::table
            .filter(among(commands::enrollment, of))
            .filter(commands::settled_at.is_null())
            .filter(commands::depends_on.is_not_null())
            .select(commands::depends_on);
        let rows: Vec<Option<String>> = on_backend!(self, |conn| query.load(conn))?;
        let mut awaited = HashSet::new();
        for row in rows {
            awaited.extend(words::dependencies(row.as_deref())?.into_iter().map(|id| id.0));
        }
        Ok(awaited)
    }

    /// Deletes commands with their attempts, unless one was put back into the queue meanwhile.
    fn delete_commands(&mut self, ids: &[String], before: Timestamp) -> Result<usize, Error> {
        let query =
            diesel::delete(commands::table.filter(among(commands::id, ids)).filter(commands::settled_at.lt(before.0)));
        on_backend!(self, |conn| query.execute(conn))
    }
}

/// Exchanges are added up once when they are this old, in milliseconds.
const COUNT_AFTER: i64 = 10 * 60 * 1000;
