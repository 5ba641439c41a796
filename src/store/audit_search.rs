//! Looking for entries of the audit log.
//!
//! Without conditions they come in the order of the chain. With some they come by time, which one index knows: that of
//! the subject, of the actor, of the action or of time itself, whichever is asked for first in that order. What else is
//! asked for is held against the entries that the index gives, and of those a page looks at a bounded number: where few
//! fit, a page is short and has one after it.

use std::cmp::Reverse;

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::audit::AuditRow;
use super::fragments::columns;
use super::journal::one_more;
use super::schema::audit;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{AuditEntry, AuditFilter, Cursor, Page};

/// Entries that one page looks at, where more than one thing is asked for.
const LOOKED_AT: usize = 5_000;

/// And of these so many at once.
const TOGETHER: usize = 500;

/// The kinds of action that begin alike, at most: there are far fewer in all.
const MOST_ACTIONS: usize = 200;

/// What decides whether an entry is of those that are looked for.
#[derive(Debug, Clone, Queryable)]
struct Seen {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    subject: String,
}

/// By what the index finds.
enum By<'f> {
    Subject(&'f str),
    Actor(&'f str),
    Actions(Vec<String>),
    Time,
}

/// Behind this entry, by time.
#[derive(Clone, Copy)]
struct Place {
    at: i64,
    seq: i64,
}

/// The same question on both engines: of one index, newest first.
macro_rules! seen {
    ($filter:expr, $place:expr, $limit:expr, $($condition:expr)?) => {{
        let place: Place = $place;
        let query = audit::table
            // The bound of the index first, the tie after it: both engines read a range of it so.
            .filter(audit::at.le(place.at))
            .filter(audit::at.lt(place.at).or(audit::seq.lt(place.seq)))
            .filter(audit::at.ge($filter.since.map_or(i64::MIN, |since| since.0)))
            .order((audit::at.desc(), audit::seq.desc()))
            .limit($limit)
            .select((audit::seq, audit::at, audit::actor, audit::action, audit::subject));
        $(let query = query.filter($condition);)?
        query
    }};
}

impl Tx<'_> {
    /// Whether a page of such entries can go on from here: a place of another list, or of entries that were looked for
    /// otherwise, is none.
    pub fn is_place_of_audit(filter: &AuditFilter, cursor: &Cursor) -> bool {
        if *filter == AuditFilter::default() {
            return cursor.sort_key().parse::<i64>().is_ok();
        }
        place_of(cursor).is_some()
    }

    /// Entries, newest first.
    pub fn audit_entries(
        &mut self,
        filter: &AuditFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, Error> {
        if *filter == AuditFilter::default() {
            return self.audit_chain_entries(after, limit);
        }
        let by = match filter {
            AuditFilter { subject: Some(subject), .. } => By::Subject(subject),
            AuditFilter { actor: Some(actor), .. } => By::Actor(actor),
            AuditFilter { action: Some(prefix), .. } if prefix.ends_with('.') => {
                By::Actions(self.actions_like(prefix)?)
            }
            AuditFilter { action: Some(action), .. } => By::Actions(vec![action.clone()]),
            AuditFilter { .. } => By::Time,
        };
        let before = filter.until.map_or(Place { at: i64::MAX, seq: i64::MAX }, |Timestamp(until)| Place {
            at: until.saturating_sub(1),
            seq: i64::MAX,
        });
        let mut place = after.and_then(place_of).unwrap_or(before);
        let (mut found, mut looked, mut ended) = (Vec::new(), 0, false);
        while found.len() <= limit && !ended && looked < LOOKED_AT {
            let seen = self.audit_seen(filter, &by, place, TOGETHER.max(limit + 1))?;
            ended = seen.len() < TOGETHER.max(limit + 1);
            looked += seen.len();
            for entry in seen {
                place = Place { at: entry.at, seq: entry.seq };
                if fits(filter, &entry) {
                    found.push(place);
                    if found.len() > limit {
                        break;
                    }
                }
            }
        }
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().copied()
        } else {
            (!ended).then_some(place)
        };
        let items = self.audit_entries_at(&found)?;
        Ok(Page { items, next: next.map(|place| Cursor::after(format!("{} {}", place.at, place.seq))) })
    }

    /// All entries, in the order of the chain, the last first.
    fn audit_chain_entries(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Page<AuditEntry>, Error> {
        let before = after.and_then(|cursor| cursor.sort_key().parse().ok()).unwrap_or(i64::MAX);
        let query = audit::table
            .filter(audit::seq.lt(before))
            .order(audit::seq.desc())
            .limit(one_more(limit))
            .select(columns::<AuditRow>());
        let rows: Vec<AuditRow> = on_backend!(self, |conn| query.load(conn))?;
        let entries = rows.into_iter().map(AuditEntry::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(entries, limit, |entry: &AuditEntry| entry.seq.to_string()))
    }

    /// What the index gives behind a place.
    fn audit_seen(
        &mut self,
        filter: &AuditFilter,
        by: &By<'_>,
        place: Place,
        limit: usize,
    ) -> Result<Vec<Seen>, Error> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        match by {
            By::Subject(subject) => {
                let query = seen!(filter, place, most, audit::subject.eq(words::text(subject)));
                on_backend!(self, |conn| query.load(conn))
            }
            By::Actor(actor) => {
                let query = seen!(filter, place, most, audit::actor.eq(words::text(actor)));
                on_backend!(self, |conn| query.load(conn))
            }
            By::Time => {
                let query = seen!(filter, place, most,);
                on_backend!(self, |conn| query.load(conn))
            }
            // Those of each are in order, those of all together are not.
            By::Actions(actions) => {
                let mut all: Vec<Seen> = Vec::new();
                for action in actions {
                    let query = seen!(filter, place, most, audit::action.eq(words::text(action)));
                    let some: Vec<Seen> = on_backend!(self, |conn| query.load(conn))?;
                    all.extend(some);
                }
                all.sort_by_key(|entry| Reverse((entry.at, entry.seq)));
                all.truncate(limit);
                Ok(all)
            }
        }
    }

    /// The actions in the log that begin so, one look into the index for each.
    fn actions_like(&mut self, prefix: &str) -> Result<Vec<String>, Error> {
        let prefix = words::text(prefix);
        let end = words::end_of_prefix(&prefix).unwrap_or_default();
        let (mut actions, mut last): (Vec<String>, String) = (Vec::new(), prefix);
        while actions.len() < MOST_ACTIONS {
            let query = audit::table
                .filter(audit::action.gt(last.as_str()))
                .filter(audit::action.lt(end.as_str()))
                .order(audit::action.asc())
                .select(audit::action);
            let next: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
            let Some(next) = next else { break };
            last.clone_from(&next);
            actions.push(next);
        }
        Ok(actions)
    }

    fn audit_entries_at(&mut self, places: &[Place]) -> Result<Vec<AuditEntry>, Error> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let numbers: Vec<i64> = places.iter().map(|place| place.seq).collect();
        let query = audit::table.filter(audit::seq.eq_any(numbers)).select(columns::<AuditRow>());
        let rows: Vec<AuditRow> = on_backend!(self, |conn| query.load(conn))?;
        let mut entries: Vec<AuditEntry> = rows.into_iter().map(AuditEntry::try_from).collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| Reverse((entry.at.0, entry.seq)));
        Ok(entries)
    }
}

/// Whether an entry that the index gave is all that is asked for; its time is.
fn fits(filter: &AuditFilter, entry: &Seen) -> bool {
    let is = |wanted: Option<&String>, has: &str| wanted.is_none_or(|wanted| words::text(wanted) == has);
    let acts = filter.action.as_deref().map(words::text).is_none_or(|action| match action.strip_suffix('.') {
        Some(_) => entry.action.starts_with(&action),
        None => entry.action == action,
    });
    acts && is(filter.actor.as_ref(), &entry.actor) && is(filter.subject.as_ref(), &entry.subject)
}

fn place_of(cursor: &Cursor) -> Option<Place> {
    let (at, seq) = cursor.sort_key().split_once(' ')?;
    Some(Place { at: at.parse().ok()?, seq: seq.parse().ok()? })
}
