//! What can be wrong with a condition, in words for its author.

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// It has nothing in it.
    #[error("the condition is empty; write one such as os.build < 22631")]
    Empty,
    /// It is too long, or nested too deeply.
    #[error("the condition is too long or nested too deeply; write at most {} bytes", super::MAX_PREDICATE)]
    TooLarge,
    /// It is not of the language.
    #[error("the condition can't be read at character {column}: {what}")]
    Syntax {
        /// Counts from 1.
        column: usize,
        /// By the parser's word.
        what: String,
    },
    /// No such fact.
    #[error("there is no fact {name}{}", hint(.nearest.as_deref()))]
    UnknownFact {
        /// As it was written.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// Values of different types.
    #[error("{fact} is {is}; {instead}")]
    WrongType {
        /// The fact.
        fact: &'static str,
        /// Its type, in words.
        is: &'static str,
        /// What to write.
        instead: String,
    },
    /// A part of CEL that conditions on facts do not have.
    #[error(
        "{what} can't be used in a condition on facts; there are ==, !=, <, <=, >, >=, in, has(), .contains(), .startsWith(), &&, || and !"
    )]
    Unsupported {
        /// Which.
        what: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => "; `transom device facts` lists them".to_owned(),
    }
}
