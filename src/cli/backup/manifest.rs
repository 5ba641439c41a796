//! What a backup says of itself: the last file in it, so that one without it is not whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Its name in the backup. No file of an installation is called so.
pub(in crate::cli) const NAME: &str = "transom-backup.json";

/// The form that this release writes, and the last that it reads.
const FORMAT: u32 = 1;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Manifest {
    /// Of this description.
    format: u32,
    /// When it was made, in RFC 3339.
    pub(in crate::cli) made_at: String,
    /// The release that made it.
    pub(in crate::cli) version: String,
    /// Whose it is.
    pub(in crate::cli) host: String,
    /// Its database.
    pub(in crate::cli) database: Database,
    /// Every file in it but this.
    pub(in crate::cli) files: Vec<Entry>,
    /// Files that the settings name and that lie elsewhere: they are not in it.
    pub(in crate::cli) elsewhere: Vec<String>,
    /// Whether archives of diagnostics are in it.
    pub(in crate::cli) diagnostics: bool,
}

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub(in crate::cli) enum Database {
    /// In the backup.
    Sqlite {
        /// Which of its files.
        file: String,
        /// Changes of the schema that were made in it.
        migrations: Vec<String>,
    },
    /// In a backup of its own.
    Postgres,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Entry {
    /// Its path from the data folder.
    pub(in crate::cli) name: String,
    /// How long it is.
    pub(in crate::cli) bytes: u64,
    /// SHA-256 of it, in hexadecimal digits.
    pub(in crate::cli) sha256: String,
}

/// Why a backup is not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Unfit {
    /// Cut short.
    #[error("the backup is not whole: it ends before its description")]
    NoManifest,
    /// Of a later release.
    #[error("the backup was made by a later release ({0})")]
    Later(String),
    /// A file is not what it was.
    #[error("{0} is not what it was when the backup was made")]
    Changed(String),
    /// A file is missing.
    #[error("{0} is missing in the backup")]
    Missing(String),
    /// There is more than there should be.
    #[error("{0} is in the backup, and not in its description")]
    Stranger(String),
}

impl Manifest {
    /// Describes what was written.
    pub(in crate::cli) fn new(made_at: String, host: String, database: Database) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            format: FORMAT,
            made_at,
            version,
            host,
            database,
            files: Vec::new(),
            elsewhere: Vec::new(),
            diagnostics: false,
        }
    }

    /// Holds what was read against what should be there.
    pub(in crate::cli) fn verify(&self, read: &[Entry]) -> Result<(), Unfit> {
        if self.format > FORMAT {
            return Err(Unfit::Later(self.version.clone()));
        }
        let mut found: BTreeMap<&str, &Entry> = read.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        for expected in &self.files {
            match found.remove(expected.name.as_str()) {
                None => return Err(Unfit::Missing(expected.name.clone())),
                Some(entry) if entry != expected => return Err(Unfit::Changed(expected.name.clone())),
                Some(_) => {}
            }
        }
        match found.keys().next() {
            Some(name) => Err(Unfit::Stranger((*name).to_owned())),
            None => Ok(()),
        }
    }

    /// Bytes of all its files.
    pub(in crate::cli) fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, sha256: &str) -> Entry {
        Entry { name: name.to_owned(), bytes: 1, sha256: sha256.to_owned() }
    }

    #[test]
    fn whatever_differs_from_the_description_is_named() {
        let files = vec![entry("a", "1"), entry("b", "2")];
        let whole = Manifest { files, ..Manifest::new(String::new(), String::new(), Database::Postgres) };
        whole.verify(&[entry("b", "2"), entry("a", "1")]).unwrap();
        let refused = |read: &[Entry]| whole.verify(read).unwrap_err().to_string();
        assert_eq!(refused(&[entry("a", "1")]), "b is missing in the backup");
        assert_eq!(refused(&[entry("a", "9"), entry("b", "2")]), "a is not what it was when the backup was made");
        let strange = [entry("a", "1"), entry("b", "2"), entry("c", "3")];
        assert_eq!(refused(&strange), "c is in the backup, and not in its description");
        let later = Manifest { format: FORMAT + 1, ..whole.clone() };
        assert!(matches!(later.verify(&later.files), Err(Unfit::Later(_))));
    }
}
