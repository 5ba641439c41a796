//! Conditions on the facts of a device, such as `os.build < 22631 && security.secure_boot == 'on'`.
//!
//! The language is CEL (Common Expression Language), read by the crate `cel`; of it, what can be asked of facts as well
//! in memory as in the database: `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `.contains()`, `.startsWith()`, `has()`,
//! `&&`, `||`, `!` (or `and`, `or`, `not`). Types are checked when a condition is read.
//!
//! **What is not known fulfills nothing**: every comparison with a fact that the device lacks, or that is odd, is false,
//! `!=` as well. `!(…)` and `has()` tell such devices apart.

mod error;
mod holds;
mod parse;
mod words;

pub use error::PredicateError;

use std::collections::BTreeSet;

use transom_protocol::session::Timestamp;

use super::FactName;

/// Longest condition that is read, in bytes.
pub const MAX_PREDICATE: usize = 4096;

/// A condition whose types are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// True or false whatever the facts are.
    Always(bool),
    /// A fact fulfills a test.
    Fact(FactName, Test),
    /// Each of them holds.
    All(Vec<Self>),
    /// One of them holds.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

/// What is asked of one fact. Each is false where the fact is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It has a value of its type.
    Has,
    /// How its value stands to another.
    Compare(Comparison, Literal),
    /// Its value is one of these.
    OneOf(Vec<Literal>),
    /// Its text contains this one.
    Contains(String),
    /// Its text begins with this one.
    StartsWith(String),
    /// Its list has this item.
    Includes(String),
}

/// How two values stand to each other. Texts are compared by their characters, case included; no is below yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// A value that a condition names, of the type of its fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// Of a text.
    Text(String),
    /// Of a number.
    Integer(i64),
    /// Of a yes or no.
    Bool(bool),
    /// Of a time.
    Time(Timestamp),
}

impl Predicate {
    /// The condition that a text is.
    pub fn parse(text: &str) -> Result<Self, PredicateError> {
        parse::parse(text)
    }

    /// The facts that it asks about.
    pub fn facts(&self) -> BTreeSet<FactName> {
        match self {
            Self::Always(_) => BTreeSet::new(),
            Self::Fact(name, _) => BTreeSet::from([*name]),
            Self::All(all) | Self::Any(all) => all.iter().flat_map(Self::facts).collect(),
            Self::Not(not) => not.facts(),
        }
    }
}

impl Comparison {
    /// The same with its sides exchanged.
    const fn turned(self) -> Self {
        match self {
            Self::Below => Self::Above,
            Self::AtMost => Self::AtLeast,
            Self::Above => Self::Below,
            Self::AtLeast => Self::AtMost,
            same @ (Self::Equal | Self::NotEqual) => same,
        }
    }
}
