//! What can be wrong with what an operator asks, in words for them.

use crate::management::OrderError;
use crate::model::Right;
use crate::store;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for is not there.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else changed it since the caller looked.
    #[error("it was changed meanwhile; look again")]
    Changed,
    /// Whoever asks may not do it to this one, although they may do it to others.
    #[error("{0}")]
    Beyond(String),
    /// It does what has a right of its own.
    #[error("this needs the right '{0}' as well")]
    NotAllowed(Right),
    /// A parameter of a question is wrong.
    #[error("{}: {}", .0.at, .0.what)]
    Parameter(Fault),
    /// It is wrong in itself.
    #[error("{summary}")]
    Invalid {
        /// In a sentence.
        summary: String,
        /// Each fault, with its place.
        faults: Vec<Fault>,
    },
    /// Worth another try in a moment.
    #[error("the server is busy; try again in a moment")]
    Busy,
    /// What is kept beside the database can't be had.
    #[error("{0}")]
    Elsewhere(String),
    /// The store did not do it.
    #[error(transparent)]
    Store(store::Error),
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer into what was sent, or the name of a parameter.
    pub at: String,
    /// What is wrong, and what to write instead.
    pub what: String,
}

impl Error {
    /// One fault in what was sent, at a JSON pointer.
    pub fn invalid(at: impl Into<String>, what: impl Into<String>) -> Self {
        let what = what.into();
        Self::Invalid { summary: what.clone(), faults: vec![Fault { at: at.into(), what }] }
    }

    /// A parameter that is wrong.
    pub fn parameter(name: &str, what: impl Into<String>) -> Self {
        Self::Parameter(Fault { at: name.to_owned(), what: what.into() })
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(what) => Self::NotFound(what),
            store::Error::Conflict(why) => Self::Conflict(why),
            store::Error::Busy => Self::Busy,
            store::Error::Unkept => Self::invalid("", error.to_string()),
            other => Self::Store(other),
        }
    }
}

impl From<OrderError> for Error {
    fn from(error: OrderError) -> Self {
        let summary = error.to_string();
        match error {
            OrderError::NoDevice => Self::invalid("/devices", summary),
            OrderError::NoCommand => Self::invalid("/command", summary),
            OrderError::Expired => Self::invalid("/expires_at", summary),
            OrderError::NeverWorks(problems) => {
                let faults = problems.into_iter().map(|problem| Fault { at: problem.at, what: problem.what }).collect();
                Self::Invalid { summary, faults }
            }
            OrderError::Store(error) => error.into(),
        }
    }
}
