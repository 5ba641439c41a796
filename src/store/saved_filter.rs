//! Ways to look at devices that operators keep for themselves.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::columns;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{NewSavedFilter, OperatorId, SavedFilter, SavedFilterId};

diesel::table! {
    saved_filters (id) {
        id -> Text,
        operator -> Text,
        name -> Text,
        search -> Text,
        condition -> Text,
        created_at -> BigInt,
    }
}

/// How many one operator may keep.
const MOST: i64 = 50;

#[derive(Queryable, Selectable)]
#[diesel(table_name = saved_filters)]
struct FilterRow {
    id: String,
    name: String,
    search: String,
    condition: String,
}

impl TryFrom<FilterRow> for SavedFilter {
    type Error = Error;

    fn try_from(row: FilterRow) -> Result<Self, Error> {
        Ok(Self { id: words::id(row.id)?, name: row.name, search: row.search, condition: row.condition })
    }
}

impl Tx<'_> {
    /// Keeps a filter in place of the one of the same name. [`Error::Conflict`] when there are too many.
    pub fn save_filter(&mut self, new: &NewSavedFilter, now: Timestamp) -> Result<SavedFilterId, Error> {
        let (operator, name) = (new.operator.as_str().to_owned(), words::text(&new.name));
        let (search, condition) = (words::text(&new.search), words::text(&new.condition));
        let others = saved_filters::operator.eq(operator.clone()).and(saved_filters::name.ne(name.clone()));
        let query = saved_filters::table.filter(others).count();
        let count: i64 = on_backend!(self, |conn| query.get_result(conn))?;
        if count >= MOST {
            return Err(Error::Conflict(format!("you keep {MOST} filters already; remove one first")));
        }
        let id = SavedFilterId::new(now);
        let values = (
            saved_filters::id.eq(id.as_str()),
            saved_filters::operator.eq(operator),
            saved_filters::name.eq(name),
            saved_filters::search.eq(search.clone()),
            saved_filters::condition.eq(condition.clone()),
            saved_filters::created_at.eq(now.0),
        );
        // In one statement: whoever saves the same name at the same time finds it there.
        let query = diesel::insert_into(saved_filters::table)
            .values(values)
            .on_conflict((saved_filters::operator, saved_filters::name))
            .do_update()
            .set((saved_filters::search.eq(search), saved_filters::condition.eq(condition)))
            .returning(saved_filters::id);
        let kept: String = on_backend!(self, |conn| query.get_result(conn))?;
        words::id(kept)
    }

    /// What an operator keeps, by name.
    pub fn saved_filters(&mut self, operator: &OperatorId) -> Result<Vec<SavedFilter>, Error> {
        let query = saved_filters::table
            .filter(saved_filters::operator.eq(operator.as_str()))
            .order(saved_filters::name.asc())
            .limit(MOST)
            .select(columns::<FilterRow>());
        let rows: Vec<FilterRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(SavedFilter::try_from).collect()
    }

    /// Forgets one of an operator's own; false when it is not theirs, or not there.
    pub fn forget_filter(&mut self, operator: &OperatorId, id: &SavedFilterId) -> Result<bool, Error> {
        let own = saved_filters::id.eq(id.as_str()).and(saved_filters::operator.eq(operator.as_str()));
        let query = diesel::delete(saved_filters::table.filter(own));
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }
}
