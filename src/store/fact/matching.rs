//! A condition on facts as SQL, the same for both engines: each test is a range of an index.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Text};

use crate::model::FactName;
use crate::model::fact::FactKind;
use crate::model::predicate::{Comparison, Literal, Predicate, Test};
use crate::store::schema::devices;
use crate::store::words;

/// Whether a condition holds for a row of `devices`.
///
/// All values are bound; a device without a value under a name is in none of the sets that the tests make.
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
}

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
                out.push_sql("devices.id IN (SELECT device FROM ");
                out.push_sql(table);
                out.push_sql(" WHERE name = ");
                out.push_bind_param::<Text, _>(name)?;
                for condition in conditions {
                    out.push_sql(" AND ");
                    condition.walk(out)?;
                }
                out.push_sql(")");
            }
        }
        Ok(())
    }
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
