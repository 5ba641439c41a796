//! What real devices left behind, to be copied: read once, with what was sealed opened.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::rows::{
    ActionRow, AttemptRow, ChangeRow, CommandRow, DeviceRow, EnrollmentRow, EventRow, ExchangeRow, FactRow, FeedRow,
    ItemRow, SessionRow, TermRow,
};
use crate::store::Error;
use crate::store::fragments::{among, columns};
use crate::store::schema::{
    actions, attempts, commands, devices, enrollments, events, exchanges, fact_changes, fact_items, facts, feed,
    session_terms, sessions,
};
use crate::store::seal::Place;
use crate::store::tx::{Tx, on_backend};

/// A device with all that happened to it. Sealed columns hold what was sealed.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) device: DeviceRow,
    pub(super) enrollment: EnrollmentRow,
    pub(super) facts: Vec<FactRow>,
    pub(super) items: Vec<ItemRow>,
    pub(super) changes: Vec<ChangeRow>,
    pub(super) chapters: Vec<Chapter>,
}

/// What happened between two moments.
#[derive(Debug, Default)]
pub(super) struct Chapter {
    pub(super) began: i64,
    pub(super) sessions: Vec<SessionRow>,
    pub(super) terms: Vec<TermRow>,
    pub(super) exchanges: Vec<ExchangeRow>,
    pub(super) commands: Vec<CommandRow>,
    pub(super) attempts: Vec<AttemptRow>,
    pub(super) events: Vec<EventRow>,
    pub(super) feed: Vec<FeedRow>,
    pub(super) actions: Vec<ActionRow>,
}

/// The rows of a table in which a column has this value.
macro_rules! rows_where {
    ($tx:expr, $row:ty, $table:ident . $column:ident = $value:expr) => {{
        let query = $table::table.filter($table::$column.eq($value)).select(columns::<$row>());
        let rows: Vec<$row> = on_backend!($tx, |conn| query.load(conn))?;
        rows
    }};
}

impl Tx<'_> {
    /// The life of a device, cut at these moments.
    pub(super) fn life(&mut self, device: &DeviceId, cuts: &[Timestamp]) -> Result<Life, Error> {
        let folded = device.key();
        let row = rows_where!(self, DeviceRow, devices.folded_id = &folded).pop().ok_or(Error::NotFound("device"))?;
        let mut enrollment = rows_where!(self, EnrollmentRow, enrollments.folded_id = &folded)
            .pop()
            .ok_or(Error::NotFound("enrollment"))?;
        let id = enrollment.id.clone();
        enrollment.account = self.unsealed(ACCOUNT, &id, enrollment.account.as_deref())?;
        enrollment.session_snapshot = self.unsealed(SNAPSHOT, &id, enrollment.session_snapshot.as_deref())?;
        let facts = rows_where!(self, FactRow, facts.device = &row.id);
        let items = rows_where!(self, ItemRow, fact_items.device = &row.id);
        let changes = rows_where!(self, ChangeRow, fact_changes.device = &row.id);
        let whole = self.whole(&id, &folded)?;
        let ends = cuts.iter().skip(1).map(|cut| cut.0).chain([i64::MAX]);
        let chapters = cuts.iter().zip(ends).map(|(began, end)| whole.between(began.0, end)).collect();
        Ok(Life { device: row, enrollment, facts, items, changes, chapters })
    }

    fn whole(&mut self, enrollment: &str, folded: &str) -> Result<Chapter, Error> {
        let mut sessions = rows_where!(self, SessionRow, sessions.enrollment = enrollment);
        for row in &mut sessions {
            row.last_reply = self.unsealed(LAST_REPLY, &row.id, row.last_reply.as_deref())?;
        }
        let mut exchanges = rows_where!(self, ExchangeRow, exchanges.folded_id = folded);
        for row in &mut exchanges {
            row.request = self.unsealed(REQUEST, &row.id, row.request.as_deref())?;
            row.reply = self.unsealed(REPLY, &row.id, row.reply.as_deref())?;
        }
        let mut commands = rows_where!(self, CommandRow, commands.enrollment = enrollment);
        for row in &mut commands {
            row.instruction = self.unsealed(INSTRUCTION, &row.id, Some(&row.instruction))?.unwrap_or_default();
            row.progress = self.unsealed(PROGRESS, &row.id, row.progress.as_deref())?;
        }
        let mut events = rows_where!(self, EventRow, events.folded_id = folded);
        for row in &mut events {
            row.data = self.unsealed(EVENT, &row.id, row.data.as_deref())?;
        }
        let mut feed = rows_where!(self, FeedRow, feed.folded_id = folded);
        for row in &mut feed {
            row.data = self.unsealed(FEED, &row.id, Some(&row.data))?.unwrap_or_default();
        }
        let mut actions = rows_where!(self, ActionRow, actions.enrollment = enrollment);
        for row in &mut actions {
            row.request = self.unsealed(ACTION, &row.id, Some(&row.request))?.unwrap_or_default();
        }
        let query = attempts::table
            .filter(among(attempts::command, commands.iter().map(|row| row.id.as_str())))
            .select(columns::<AttemptRow>());
        let attempts: Vec<AttemptRow> = on_backend!(self, |conn| query.load(conn))?;
        let query = session_terms::table
            .filter(among(session_terms::session, sessions.iter().map(|row| row.id.as_str())))
            .select(columns::<TermRow>());
        let terms: Vec<TermRow> = on_backend!(self, |conn| query.load(conn))?;
        Ok(Chapter { began: 0, sessions, terms, exchanges, commands, attempts, events, feed, actions })
    }

    fn unsealed(&self, column: &'static str, row: &str, sealed: Option<&[u8]>) -> Result<Option<Vec<u8>>, Error> {
        sealed.map(|sealed| Ok(self.key.open(Place { column, row }, sealed)?.to_vec())).transpose()
    }
}

impl Chapter {
    fn between(&self, began: i64, end: i64) -> Self {
        let within = |at: i64| (began..end).contains(&at);
        let sessions = kept(&self.sessions, |row| within(row.started_at));
        let commands = kept(&self.commands, |row| within(row.created_at));
        Self {
            began,
            terms: kept(&self.terms, |row| sessions.iter().any(|session| session.id == row.session)),
            exchanges: kept(&self.exchanges, |row| within(row.received_at)),
            attempts: kept(&self.attempts, |row| commands.iter().any(|command| command.id == row.command)),
            events: kept(&self.events, |row| within(row.at)),
            feed: kept(&self.feed, |row| within(row.at)),
            actions: kept(&self.actions, |row| within(row.created_at)),
            sessions,
            commands,
        }
    }
}

fn kept<T: Clone>(rows: &[T], keep: impl Fn(&T) -> bool) -> Vec<T> {
    rows.iter().filter(|row| keep(row)).cloned().collect()
}

pub(super) const ACCOUNT: &str = "enrollments.account";
pub(super) const SNAPSHOT: &str = "enrollments.session_snapshot";
pub(super) const LAST_REPLY: &str = "sessions.last_reply";
pub(super) const REQUEST: &str = "exchanges.request";
pub(super) const REPLY: &str = "exchanges.reply";
pub(super) const INSTRUCTION: &str = "commands.instruction";
pub(super) const PROGRESS: &str = "commands.progress";
pub(super) const EVENT: &str = "events.data";
pub(super) const FEED: &str = "feed.data";
pub(super) const ACTION: &str = "actions.request";
