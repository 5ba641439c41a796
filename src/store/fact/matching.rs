//! A condition on facts as SQL, the same for both engines: each test is a range of an index.

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Text};
use diesel::{QueryResult, RunQueryDsl};

use crate::model::FactName;
use crate::model::fact::FactKind;
use crate::model::predicate::{Comparison, Literal, Predicate, Test};
use crate::store::schema::devices;
use crate::store::words;

/// Whether a condition holds for a row of `devices`.
///
/// All values are bound; a device without a value under a name passes no test of it. Each test is a look at one row by its
/// key, made for those devices that are looked at: which these are, and how many, is said by whoever asks.
#[derive(Debug, Clone)]
pub(in crate::store) struct Matching(Node);

/// A condition whose values are as the columns have them.
#[derive(Debug, Clone)]
enum Node {
    Always(bool),
    /// Devices with a row in `facts`, or one in `fact_items`.
    In {
        table: &'static str,
        name: String,
        conditions: Vec<Condition>,
    },
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// Devices whose id, name or user begins so: from the first text on, up to the second.
    Begins {
        from: String,
        to: String,
    },
}

/// A test that an index answers: a table, and what holds for its rows.
#[derive(Debug, Clone)]
pub(in crate::store) struct Range(Node);

/// SQL before and behind a value.
#[derive(Debug, Clone)]
struct Condition {
    before: &'static str,
    values: Vec<Value>,
    behind: &'static str,
}

#[derive(Debug, Clone)]
enum Value {
    Word(String),
    Number(i64),
}

impl Matching {
    /// Without a condition every device matches.
    pub(in crate::store) fn of(predicate: Option<&Predicate>) -> Self {
        Self(predicate.map_or(Node::Always(true), node))
    }

    /// The same, and id, name or user begins so.
    pub(in crate::store) fn and_begins(self, from: String, to: String) -> Self {
        Self(Node::All(vec![Node::Begins { from, to }, self.0]))
    }

    /// Those of its tests that all devices must pass and that are a range of an index each.
    pub(in crate::store) fn ranges(&self) -> Vec<Range> {
        let mut ranges = Vec::new();
        self.0.collect_ranges(&mut ranges);
        ranges
    }
}

fn node(predicate: &Predicate) -> Node {
    match predicate {
        Predicate::Always(always) => Node::Always(*always),
        Predicate::Fact(name, test) => tested(*name, test),
        Predicate::All(all) => Node::All(all.iter().map(node).collect()),
        Predicate::Any(any) => Node::Any(any.iter().map(node).collect()),
        Predicate::Not(not) => Node::Not(Box::new(node(not))),
    }
}

fn tested(name: FactName, test: &Test) -> Node {
    let known = match name.definition().kind {
        FactKind::Text => "word IS NOT NULL",
        _ => "number IS NOT NULL",
    };
    let bare = |sql: &'static str| Condition { before: sql, values: Vec::new(), behind: "" };
    let (table, conditions) = match test {
        Test::Has => ("facts", vec![bare(known)]),
        Test::Compare(comparison, literal) => ("facts", vec![compared(*comparison, literal)]),
        Test::OneOf(values) if values.is_empty() => return Node::Always(false),
        Test::OneOf(values) => ("facts", vec![one_of(values)]),
        Test::Contains(part) if part.is_empty() => ("facts", vec![bare(known)]),
        Test::Contains(part) => {
            let values = vec![Value::Word(words::text(part))];
            ("facts", vec![bare(known), Condition { before: "word <> replace(word, ", values, behind: ", '')" }])
        }
        Test::StartsWith(beginning) if beginning.is_empty() => ("facts", vec![bare(known)]),
        Test::StartsWith(beginning) => ("facts", beginning_with(&words::text(beginning))),
        Test::Includes(item) => {
            let values = vec![Value::Word(words::text(item))];
            ("fact_items", vec![Condition { before: "item = ", values, behind: "" }])
        }
    };
    Node::In { table, name: name.as_str().to_owned(), conditions }
}

fn compared(comparison: Comparison, literal: &Literal) -> Condition {
    let value = value_of(literal);
    let before = match (&value, comparison) {
        (Value::Word(_), Comparison::Equal) => "word = ",
        (Value::Word(_), Comparison::NotEqual) => "word <> ",
        (Value::Word(_), Comparison::Below) => "word < ",
        (Value::Word(_), Comparison::AtMost) => "word <= ",
        (Value::Word(_), Comparison::Above) => "word > ",
        (Value::Word(_), Comparison::AtLeast) => "word >= ",
        (Value::Number(_), Comparison::Equal) => "number = ",
        (Value::Number(_), Comparison::NotEqual) => "number <> ",
        (Value::Number(_), Comparison::Below) => "number < ",
        (Value::Number(_), Comparison::AtMost) => "number <= ",
        (Value::Number(_), Comparison::Above) => "number > ",
        (Value::Number(_), Comparison::AtLeast) => "number >= ",
    };
    Condition { before, values: vec![value], behind: "" }
}

fn one_of(literals: &[Literal]) -> Condition {
    let values: Vec<Value> = literals.iter().map(value_of).collect();
    let is_word = matches!(values.first(), Some(Value::Word(_)));
    Condition { before: if is_word { "word IN (" } else { "number IN (" }, values, behind: ")" }
}

/// A prefix is a range, so that no character of it has a meaning.
fn beginning_with(prefix: &str) -> Vec<Condition> {
    let at_least = |before, text: String| Condition { before, values: vec![Value::Word(text)], behind: "" };
    let mut range = vec![at_least("word >= ", prefix.to_owned())];
    if let Some(end) = words::end_of_prefix(prefix) {
        range.push(at_least("word < ", end));
    }
    range
}

fn value_of(literal: &Literal) -> Value {
    match literal {
        Literal::Text(text) => Value::Word(words::text(text)),
        Literal::Integer(number) => Value::Number(*number),
        Literal::Bool(yes) => Value::Number(i64::from(*yes)),
        Literal::Time(time) => Value::Number(time.0),
    }
}

impl Node {
    fn collect_ranges(&self, ranges: &mut Vec<Range>) {
        match self {
            Self::All(all) => all.iter().for_each(|node| node.collect_ranges(ranges)),
            Self::In { conditions, .. } if conditions.iter().all(Condition::is_range) => {
                ranges.push(Range(self.clone()));
            }
            _ => {}
        }
    }

    fn walk<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
        String: ToSql<Text, DB>,
        i64: ToSql<BigInt, DB>,
    {
        match self {
            Self::Always(true) => out.push_sql("1 = 1"),
            Self::Always(false) => out.push_sql("1 = 0"),
            Self::Not(not) => {
                out.push_sql("NOT (");
                not.walk(out)?;
                out.push_sql(")");
            }
            Self::All(all) => joined(all, " AND ", "1 = 1", out)?,
            Self::Any(any) => joined(any, " OR ", "1 = 0", out)?,
            Self::In { table, name, conditions } => {
                // A value, and no EXISTS: PostgreSQL would make a join of that, and read all rows of the name for it.
                out.push_sql("(SELECT 1 FROM ");
                out.push_sql(table);
                out.push_sql(" WHERE device = devices.id AND name = ");
                walk_row(name, conditions, out)?;
                out.push_sql(" LIMIT 1) IS NOT NULL");
            }
            Self::Begins { from, to } => {
                for (place, column) in
                    ["devices.folded_id", "devices.folded_name", "lower(enrollments.upn)"].iter().enumerate()
                {
                    out.push_sql(match place {
                        0 => "((",
                        1 => ") OR (",
                        _ => ") OR (SELECT 1 FROM enrollments WHERE enrollments.device = devices.id AND ",
                    });
                    out.push_sql(column);
                    out.push_sql(" >= ");
                    out.push_bind_param::<Text, _>(from)?;
                    out.push_sql(" AND ");
                    out.push_sql(column);
                    out.push_sql(" < ");
                    out.push_bind_param::<Text, _>(to)?;
                }
                out.push_sql(" LIMIT 1) IS NOT NULL)");
            }
        }
        Ok(())
    }
}

fn walk_row<'b, DB>(name: &'b String, conditions: &'b [Condition], out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    out.push_bind_param::<Text, _>(name)?;
    for condition in conditions {
        out.push_sql(" AND ");
        condition.walk(out)?;
    }
    Ok(())
}

fn joined<'b, DB>(nodes: &'b [Node], by: &str, of_none: &str, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    if nodes.is_empty() {
        out.push_sql(of_none);
    }
    for (place, node) in nodes.iter().enumerate() {
        out.push_sql(if place == 0 { "(" } else { by });
        node.walk(out)?;
    }
    if !nodes.is_empty() {
        out.push_sql(")");
    }
    Ok(())
}

impl Condition {
    /// Whether an index leads to those for which it holds, and to no others.
    fn is_range(&self) -> bool {
        ["word = ", "word < ", "word <= ", "word > ", "word >= ", "word IN ("].contains(&self.before)
            || ["number = ", "number < ", "number <= ", "number > ", "number >= ", "number IN ("].contains(&self.before)
            || self.before == "item = "
    }

    fn walk<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
        String: ToSql<Text, DB>,
        i64: ToSql<BigInt, DB>,
    {
        out.push_sql(self.before);
        for (place, value) in self.values.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            match value {
                Value::Word(word) => out.push_bind_param::<Text, _>(word)?,
                Value::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
            }
        }
        out.push_sql(self.behind);
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for Matching
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk(&mut out)
    }
}

/// `SELECT device FROM table WHERE range LIMIT most`, the number being part of the text.
#[derive(Debug, Clone)]
pub(in crate::store) struct DevicesIn {
    pub(in crate::store) range: Range,
    pub(in crate::store) most: usize,
}

impl<DB> QueryFragment<DB> for DevicesIn
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let Node::In { table, name, conditions } = &self.range.0 else { return Ok(()) };
        out.push_sql("SELECT device FROM ");
        out.push_sql(table);
        out.push_sql(" WHERE name = ");
        walk_row(name, conditions, &mut out)?;
        out.push_sql(" LIMIT ");
        out.push_sql(&self.most.to_string());
        Ok(())
    }
}

impl Query for DevicesIn {
    type SqlType = Text;
}

impl<Conn> RunQueryDsl<Conn> for DevicesIn {}

impl QueryId for DevicesIn {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Known by its text.
impl QueryId for Matching {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Expression for Matching {
    type SqlType = Bool;
}

impl AppearsOnTable<devices::table> for Matching {}
impl SelectableExpression<devices::table> for Matching {}

impl<G> ValidGrouping<G> for Matching {
    type IsAggregate = is_aggregate::No;
}
