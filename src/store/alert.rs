//! Alerts of all devices. A page looks at a bounded number of them, whatever is asked.

use diesel::prelude::*;

use super::fragments::columns;
use super::journal::{EventRow, one_more};
use super::schema::events;
use super::search::beginning;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{AlertFilter, Cursor, DeviceId, Event, EventKind, Page};

/// Ids of a process only grow: one may be of a later time than its event where a clock was set back, in milliseconds.
const AHEAD: i64 = 60 * 60 * 1000;

/// Alerts that are looked at for one page.
const LOOKED_AT: i64 = 5000;

impl Tx<'_> {
    /// Alerts, newest first. A page may be short, or empty, and still have one after it.
    pub fn alerts(&mut self, filter: &AlertFilter, after: Option<&Cursor>, limit: usize) -> Result<Page<Event>, Error> {
        let device = filter.device.as_ref().map(DeviceId::key);
        let until = filter.until.map(|until| beginning(until.plus_millis(AHEAD)));
        let below = [after.map(|after| after.sort_key().to_owned()), until].into_iter().flatten().min();
        let picks = filter.code.is_some() || filter.mime.is_some() || filter.source.is_some();
        let last_looked_at: Option<String> = if picks {
            on_backend!(self, |conn| {
                let mut query = events::table
                    .filter(events::kind.eq(EventKind::Alert.as_str()))
                    .order(events::id.desc())
                    .offset(LOOKED_AT)
                    .limit(1)
                    .select(events::id)
                    .into_boxed();
                if let Some(device) = &device {
                    query = query.filter(events::folded_id.eq(device));
                }
                if let Some(below) = &below {
                    query = query.filter(events::id.lt(below));
                }
                query.first(conn).optional()
            })?
        } else {
            None
        };
        let first = [last_looked_at.clone(), filter.from.map(beginning)].into_iter().flatten().max();
        let rows: Vec<EventRow> = on_backend!(self, |conn| {
            let mut query = events::table
                .filter(events::kind.eq(EventKind::Alert.as_str()))
                .order(events::id.desc())
                .limit(one_more(limit))
                .select(columns::<EventRow>())
                .into_boxed();
            if let Some(device) = &device {
                query = query.filter(events::folded_id.eq(device));
            }
            if let Some(below) = &below {
                query = query.filter(events::id.lt(below));
            }
            if let Some(first) = &first {
                query = query.filter(events::id.ge(first));
            }
            if let Some(from) = filter.from {
                query = query.filter(events::at.ge(from.0));
            }
            if let Some(until) = filter.until {
                query = query.filter(events::at.lt(until.0));
            }
            if let Some(code) = &filter.code {
                query = query.filter(events::code.eq(words::text(code)));
            }
            if let Some(mime) = &filter.mime {
                query = query.filter(events::mime.eq(words::text(mime)));
            }
            if let Some(source) = &filter.source {
                query = query.filter(events::source.eq(words::text(source)));
            }
            query.load(conn)
        })?;
        let found: Vec<Event> = rows.into_iter().map(|row| self.event(row)).collect::<Result<_, _>>()?;
        let mut page = Page::of(found, limit, |event: &Event| event.id.to_string());
        // Where looking ended before the time that was asked for, the next page goes on from there.
        page.next = page.next.or_else(|| last_looked_at.filter(|last| first.as_ref() == Some(last)).map(Cursor::after));
        Ok(page)
    }
}
