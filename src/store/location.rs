//! Where the database is, and how much of it may be used.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Which database: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server, as a connection URI of libpq.
    Postgres(String),
}

/// Why a text names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Neither of the two forms.
    #[error("a database is written \"sqlite:PATH\" or \"postgres://USER@HOST/NAME\"")]
    UnknownForm,
    /// `sqlite:` without a path.
    #[error("\"sqlite:\" needs the path of a file, such as \"sqlite:transom.db\"")]
    NoPath,
    /// `sqlite::memory:` and its like.
    #[error("a database in memory would lose every command at the next start; name a file")]
    InMemory,
}

/// Bounds of the store's work.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Connections to PostgreSQL, and reading connections to SQLite.
    pub connections: u32,
    /// Jobs that may wait for their turn; one more is refused as busy.
    pub queue: usize,
    /// Jobs that share one commit on SQLite.
    pub batch: usize,
    /// How long a job waits for a connection, a lock or another process before it is given up.
    pub patience: Duration,
    /// The longest that PostgreSQL may work on one statement.
    pub statement_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            connections: 8,
            queue: 1024,
            batch: 128,
            patience: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

impl DatabaseUrl {
    /// The same database, a relative path being meant from this folder.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(folder.join(path)),
            Self::Postgres(_) => self,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:").ok_or(DatabaseUrlError::UnknownForm)?;
        let path = if path.starts_with("///") { path.trim_start_matches("//") } else { path };
        if path.contains(":memory:") || path.contains("mode=memory") {
            Err(DatabaseUrlError::InMemory)
        } else if path.is_empty() || path.ends_with('/') {
            Err(DatabaseUrlError::NoPath)
        } else {
            Ok(Self::Sqlite(PathBuf::from(path)))
        }
    }
}

/// Without user and password.
impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let authority = rest.split(['/', '?']).next().unwrap_or_default();
                let host = authority.rsplit('@').next().unwrap_or_default();
                let path = rest.get(authority.len()..).unwrap_or_default();
                write!(f, "postgres://{host}{}", path.split('?').next().unwrap_or_default())
            }
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let sqlite = |path: &str| Ok(DatabaseUrl::Sqlite(path.into()));
        assert_eq!("sqlite:transom.db".parse(), sqlite("transom.db"));
        assert_eq!("sqlite:/var/lib/t.db".parse(), sqlite("/var/lib/t.db"));
        assert_eq!("sqlite:///var/lib/t.db".parse(), sqlite("/var/lib/t.db"));
        assert!(matches!("postgres://u@h/d".parse(), Ok(DatabaseUrl::Postgres(_))));
        assert!(matches!("postgresql:///d".parse(), Ok(DatabaseUrl::Postgres(_))));
        assert_eq!("transom.db".parse::<DatabaseUrl>(), Err(DatabaseUrlError::UnknownForm));
        assert_eq!("mysql://h/d".parse::<DatabaseUrl>(), Err(DatabaseUrlError::UnknownForm));
        assert_eq!("sqlite:".parse::<DatabaseUrl>(), Err(DatabaseUrlError::NoPath));
        assert_eq!("sqlite::memory:".parse::<DatabaseUrl>(), Err(DatabaseUrlError::InMemory));
    }

    #[test]
    fn a_password_is_not_shown() {
        for url in ["postgres://me:s3cret@db:5432/mdm?password=s3cret", "postgres://me:s3cret@db:5432/mdm"] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), "postgres://db:5432/mdm");
            assert!(!format!("{url:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_relative_path_is_meant_from_the_data_folder() {
        let folder = Path::new("/data");
        assert_eq!("sqlite:t.db".parse::<DatabaseUrl>().unwrap().within(folder).to_string(), "sqlite:/data/t.db");
        assert_eq!("sqlite:/t.db".parse::<DatabaseUrl>().unwrap().within(folder).to_string(), "sqlite:/t.db");
    }
}
