//! Administrative templates: what a policy that a template describes asks for, and the payload that a device takes
//! for it (MS-MDM 2.2.7.3; "Understanding ADMX policies").
//!
//! A description of a node (DDF) names template and policy only; what the policy asks for stands in the template, which
//! every Windows has in `PolicyDefinitions` and every vendor brings along.

mod payload;
mod read;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use payload::{Payload, PayloadError, Value};
pub use read::{AdmxError, Policy, PolicyClass, Template, read};

/// What stands between the parts of a value that has several.
pub const BETWEEN: &str = "\u{F000}";

/// Most values of an enumeration, most elements of a policy.
const MOST: usize = 10_000;

/// What an element takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementKind {
    /// `true` or `false`.
    Boolean,
    /// A number between two, both included.
    Decimal {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// One line.
    Text {
        /// Most characters, where the template says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
    },
    /// Several lines.
    MultiText {
        /// Most lines, where the template says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
    },
    /// One of some values: the value that is written, not its place in the list.
    Enum {
        /// The values, as they are sent.
        values: Vec<String>,
    },
    /// Names with values.
    List {
        /// The author names the values; without it they are numbered, or named as they are.
        explicit: bool,
    },
}

/// In words.
impl std::fmt::Display for ElementKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean => f.write_str("true or false"),
            Self::Decimal { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Text { max: None } => f.write_str("a text"),
            Self::Text { max: Some(max) } => write!(f, "a text of at most {max} characters"),
            Self::MultiText { max: None } => f.write_str("lines"),
            Self::MultiText { max: Some(max) } => write!(f, "at most {max} lines"),
            Self::Enum { values } if values.is_empty() => f.write_str("a value of a list"),
            Self::Enum { values } => write!(f, "one of {}", values.join(", ")),
            Self::List { explicit: true } => f.write_str("names with values"),
            Self::List { explicit: false } => f.write_str("a list of values"),
        }
    }
}
