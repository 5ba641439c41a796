//! What can go wrong in the store. No error of a database driver leaves it.

use std::sync::Arc;

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// Why the store did not do what was asked. Nothing of the job has happened.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not there.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It contradicts what is stored.
    #[error("this contradicts what is stored: {0}")]
    Conflict(String),
    /// Too much is waiting already, or someone else holds what is needed. Worth another try a little later.
    #[error("the database is busy")]
    Busy,
    /// The database does not work or can't be reached.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// Something was read that the store can't have written.
    #[error("stored data can't be read: {0}")]
    Corrupt(String),
    /// It holds what no database keeps: PostgreSQL has no NUL in text.
    #[error("it holds a character that can't be kept (NUL)")]
    Unkept,
    /// The database was sealed with another key.
    #[error(
        "the key does not open this database: it was sealed with another one\n\
         hint: the key and the database belong together; restore both from the same backup"
    )]
    WrongKey,
    /// The database has a schema that this version does not know.
    #[error(
        "the database has a schema that this version of Transom does not know (migration {0})\n\
         hint: it was used with a newer version; start that one, or restore a backup made before the update"
    )]
    UnknownSchema(String),
    /// The job panicked.
    #[error("a bug in Transom stopped this job; nothing of it was stored")]
    Panicked,
}

/// What a driver said. Holds no values of the data.
#[derive(Clone)]
pub struct Cause(Arc<dyn std::error::Error + Send + Sync>);

impl Error {
    /// Unavailable because of this.
    pub(super) fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Cause(Arc::from(cause.into())))
    }

    /// Stored data of this column does not read.
    pub(super) fn corrupt(column: &'static str) -> Self {
        Self::Corrupt(column.to_owned())
    }

    /// Whether the same job may succeed in a moment.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable(_))
    }
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::NotFound => Self::NotFound("row"),
            Diesel::DatabaseError(kind, info) => of_database(kind, info.message()),
            Diesel::DeserializationError(_) | Diesel::SerializationError(_) => Self::Corrupt(error.to_string()),
            other => Self::unavailable(other),
        }
    }
}

/// The meaning of a database's refusal. The text is its primary message, which names constraints but shows no values.
fn of_database(kind: DatabaseErrorKind, message: &str) -> Error {
    match kind {
        DatabaseErrorKind::UniqueViolation
        | DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation => Error::Conflict(message.to_owned()),
        DatabaseErrorKind::SerializationFailure => Error::Busy,
        _ if message.starts_with(NO_TEXT) => Error::Unkept,
        _ if BUSY.iter().any(|sign| message.contains(sign)) => Error::Busy,
        _ => Error::unavailable(message),
    }
}

/// How SQLite and PostgreSQL say "not now".
const BUSY: [&str; 5] = [
    "database is locked",
    "database table is locked",
    "deadlock detected",
    "canceling statement due to lock timeout",
    "canceling statement due to statement timeout",
];

/// What PostgreSQL says of text that is none (22021).
const NO_TEXT: &str = "invalid byte sequence for encoding";

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_busy_and_the_rest_is_unavailable() {
        assert!(matches!(of_database(DatabaseErrorKind::Unknown, "database is locked"), Error::Busy));
        assert!(matches!(of_database(DatabaseErrorKind::Unknown, "deadlock detected"), Error::Busy));
        let full = of_database(DatabaseErrorKind::Unknown, "database or disk is full");
        assert!(matches!(&full, Error::Unavailable(_)) && full.is_temporary());
        assert!(!Error::WrongKey.is_temporary());
        let nul = of_database(DatabaseErrorKind::Unknown, "invalid byte sequence for encoding \"UTF8\": 0x00");
        assert!(matches!(&nul, Error::Unkept) && !nul.is_temporary());
    }

    #[test]
    fn a_cause_is_printed_once() {
        let error = Error::unavailable("disk I/O error");
        assert_eq!(error.to_string(), "the database is not available");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "disk I/O error");
    }
}
