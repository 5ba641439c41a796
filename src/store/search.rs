//! What was said in sessions, to be found again.
//!
//! Words stand here as keyed hashes, so whoever reads the table learns nothing, and only whole words are found. A page
//! looks at a bounded number of sessions, whatever is asked.

use std::collections::{BTreeSet, HashSet};

use diesel::prelude::*;
use transom_protocol::session::{CommandId, Timestamp};

use super::Error;
use super::fragments::{among, at_most};
use super::schema::{attempts, session_terms};
use super::tx::{Tx, on_backend};
use crate::model::{Cursor, Page, SessionFilter, SessionKey, SessionRecord};

/// Sessions that say the first word which are looked at together.
const STEP: i64 = 500;

/// Such looks for one page.
const STEPS: usize = 20;

/// Lines of one session whose commands are looked up.
const MOST_LINES: i64 = 5000;

#[derive(Insertable)]
#[diesel(table_name = session_terms, treat_none_as_default_value = false)]
struct TermRow {
    term: Vec<u8>,
    session: String,
}

/// A command of a session: our `MsgID` and `CmdID`, and which it is.
pub type Placed = (u32, u32, CommandId);

impl Tx<'_> {
    /// Notes that words were said in a session. Those that were noted before change nothing.
    pub fn note_words(&mut self, session: &SessionKey, said: &BTreeSet<String>) -> Result<(), Error> {
        if said.is_empty() {
            return Ok(());
        }
        let row = |word: &String| TermRow { term: self.key.term(word), session: session.to_string() };
        let rows: Vec<TermRow> = said.iter().map(row).collect();
        on_backend!(
            self,
            sqlite => |conn| diesel::insert_or_ignore_into(session_terms::table).values(rows).execute(conn),
            postgres => |conn| diesel::insert_into(session_terms::table).values(rows).on_conflict_do_nothing().execute(conn)
        )
        .map(drop)
    }

    /// Sessions in which all the words of a filter were said, newest first. A page may be short, or empty, and still
    /// have one after it.
    pub(super) fn sessions_that_say(
        &mut self,
        filter: &SessionFilter,
        after: Option<(i64, &str)>,
        limit: usize,
    ) -> Result<Page<SessionRecord>, Error> {
        let mut terms = filter.words.iter().map(|word| self.key.term(word)).collect::<Vec<_>>().into_iter();
        let Some(first) = terms.next() else { return Ok(Page { items: Vec::new(), next: None }) };
        let others: Vec<Vec<u8>> = terms.collect();
        let from = filter.from.map(beginning);
        let mut below = filter.until.map(beginning);
        if let Some((_, id)) = after {
            below = Some(below.map_or_else(|| id.to_owned(), |until| until.min(id.to_owned())));
        }
        let mut found: Vec<SessionRecord> = Vec::new();
        let mut last: Option<String> = None;
        for _ in 0..STEPS {
            let ids = self.sessions_with(&first, from.as_deref(), below.as_deref())?;
            let is_end = i64::try_from(ids.len()).is_ok_and(|len| len < STEP);
            below = ids.last().cloned();
            last.clone_from(&below);
            let ids = self.that_also_say(&others, ids)?;
            let mut records = self.session_records(&ids, filter)?;
            records.sort_by(|one, other| other.id.cmp(&one.id));
            found.append(&mut records);
            if found.len() > limit || is_end {
                let place = |record: &SessionRecord| format!("{}/{}", record.started_at.0, record.id);
                return Ok(Page::of(found, limit, place));
            }
        }
        let next = last.map(|id| Cursor::after(format!("0/{id}")));
        Ok(Page { items: found, next })
    }

    fn sessions_with(&mut self, term: &[u8], from: Option<&str>, below: Option<&str>) -> Result<Vec<String>, Error> {
        let query = session_terms::table
            .filter(session_terms::term.eq(term))
            .filter(session_terms::session.ge(from.unwrap_or_default()))
            .filter(session_terms::session.lt(below.unwrap_or("g")))
            .order(session_terms::session.desc())
            .select(session_terms::session);
        on_backend!(self, |conn| at_most(STEP, query).load(conn))
    }

    /// Of these sessions those in which the other words were said as well.
    fn that_also_say(&mut self, others: &[Vec<u8>], mut ids: Vec<String>) -> Result<Vec<String>, Error> {
        for term in others {
            if ids.is_empty() {
                break;
            }
            let query = session_terms::table
                .filter(session_terms::term.eq(term))
                .filter(among(session_terms::session, ids.iter().map(String::as_str)))
                .select(session_terms::session);
            let said: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
            let said: HashSet<String> = said.into_iter().collect();
            ids.retain(|id| said.contains(id));
        }
        Ok(ids)
    }

    /// Which command each line of a session is that carried one.
    pub fn commands_of_session(&mut self, session: &SessionKey) -> Result<Vec<Placed>, Error> {
        let query = attempts::table
            .filter(attempts::session.eq(session.as_str()))
            .order((attempts::server_message.asc(), attempts::cmd_id.asc()))
            .select((attempts::server_message, attempts::cmd_id, attempts::command));
        let rows: Vec<(i64, i64, String)> = on_backend!(self, |conn| at_most(MOST_LINES, query).load(conn))?;
        let number = |number: i64| u32::try_from(number).map_err(|_| Error::corrupt("attempts"));
        rows.into_iter()
            .map(|(message, cmd_id, command)| Ok((number(message)?, number(cmd_id)?, CommandId(command))))
            .collect()
    }
}

/// How ids begin that were made at a time: the milliseconds of a UUID of version 7.
pub(super) fn beginning(time: Timestamp) -> String {
    let millis = u64::try_from(time.0).unwrap_or(0).min((1 << 48) - 1);
    format!("{:08x}-{:04x}", millis >> 16, millis & 0xFFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_time_are_a_range() {
        let (before, id) = (Timestamp(1_700_000_000_000), "018bcfe5-6800-7000-8000-000000000000");
        assert_eq!(SessionKey::parse(id).map(|key| key.to_string()).as_deref(), Some(id));
        assert!(beginning(before).as_str() < id && id < beginning(before.plus_millis(1)).as_str());
        assert!(beginning(Timestamp(-1)).as_str() < id && id < beginning(Timestamp(i64::MAX)).as_str());
    }
}
