//! Pieces of SQL that Diesel has no form for which could be kept as a prepared statement.
//!
//! Diesel prepares every `UPDATE` anew, and every `IN (…)` on SQLite; SQLite itself prepares every statement anew whose
//! `LIMIT` is a bound value, because its plan may depend on that. On the path of each message this costs more than
//! running them.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AsChangeset, AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, Selectable, Table};

/// `UPDATE table SET changes WHERE predicate`, prepared once for each text that it can have.
pub(super) struct Update<F, C, P> {
    table: F,
    changes: C,
    predicate: P,
}

/// `column IN (ids)`, with any number of ids in one bind value.
#[derive(Debug, Clone, QueryId)]
pub(super) struct Among<C> {
    column: C,
    list: Vec<String>,
    json: String,
}

/// `query LIMIT most`, the number being part of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtMost<Q> {
    query: Q,
    most: i64,
}

/// The first rows of a query, for a number that is always the same.
pub(super) fn at_most<Q: Query>(most: i64, query: Q) -> AtMost<Q> {
    AtMost { query, most }
}

/// `CASE WHEN length(column) <= 16384 THEN column END`: the value when it is small.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct Small<C>(pub(super) C);

/// `length(column)`: its bytes, which neither engine reads the value for.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct Bytes<C>(pub(super) C);

/// `CAST(COALESCE(SUM(column), 0) AS BIGINT)`: the sum of numbers that are 64 bits on both engines.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct Total<C>(pub(super) C);

/// Updates the rows of a table for which a predicate holds.
#[expect(clippy::needless_pass_by_value, reason = "tables are values of no size")]
pub(super) fn update<T, C, P>(table: T, predicate: P, changes: C) -> Update<T::FromClause, C::Changeset, P>
where
    T: Table,
    C: AsChangeset<Target = T>,
    P: Expression<SqlType = Bool> + AppearsOnTable<T>,
{
    Update { table: table.from_clause(), changes: changes.as_changeset(), predicate }
}

/// The columns that a row is made of, in its order, for a query that runs on both engines.
pub(super) fn columns<R: Selectable<Sqlite>>() -> R::SelectExpression {
    R::construct_selection()
}

/// Whether a column is one of these ids.
pub(super) fn among<C, I>(column: C, ids: I) -> Among<C>
where
    C: Expression<SqlType = Text>,
    I: IntoIterator,
    I::Item: Into<String>,
{
    let list: Vec<String> = ids.into_iter().map(Into::into).collect();
    let json = serde_json::Value::from(list.as_slice()).to_string();
    Among { column, list, json }
}

impl<DB, F, C, P> QueryFragment<DB> for Update<F, C, P>
where
    DB: Backend,
    F: QueryFragment<DB>,
    C: QueryFragment<DB>,
    P: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.changes.walk_ast(out.reborrow())?;
        out.push_sql(" WHERE ");
        self.predicate.walk_ast(out)
    }
}

/// Known by its text: changes that are left out make another statement of it.
impl<F, C, P> QueryId for Update<F, C, P> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Conn, F, C, P> RunQueryDsl<Conn> for Update<F, C, P> {}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for AtMost<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        out.push_sql(&self.most.to_string());
        Ok(())
    }
}

impl<Q: Query> Query for AtMost<Q> {
    type SqlType = Q::SqlType;
}

/// Known by its text, which the number is part of.
impl<Q> QueryId for AtMost<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Conn, Q> RunQueryDsl<Conn> for AtMost<Q> {}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Among<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.json)?;
        out.push_sql("))");
        Ok(())
    }
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for Among<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<Text>, _>(&self.list)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<DB: Backend, C: QueryFragment<DB>> QueryFragment<DB> for Small<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("CASE WHEN length(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") <= 16384 THEN ");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" END");
        Ok(())
    }
}

impl<DB: Backend, C: QueryFragment<DB>> QueryFragment<DB> for Bytes<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("length(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<DB: Backend, C: QueryFragment<DB>> QueryFragment<DB> for Total<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("CAST(COALESCE(SUM(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql("), 0) AS BIGINT)");
        Ok(())
    }
}

macro_rules! expressions {
    ($($name:ident -> $sql_type:ty;)*) => {$(
        impl<C> Expression for $name<C> {
            type SqlType = $sql_type;
        }

        impl<C, T> AppearsOnTable<T> for $name<C> where C: AppearsOnTable<T> {}
        impl<C, T> SelectableExpression<T> for $name<C> where C: SelectableExpression<T> {}

        impl<C, G> ValidGrouping<G> for $name<C> {
            type IsAggregate = is_aggregate::No;
        }
    )*};
}

expressions! {
    Among -> Bool;
    Small -> Nullable<Binary>;
    Bytes -> Nullable<Integer>;
    Total -> BigInt;
}
