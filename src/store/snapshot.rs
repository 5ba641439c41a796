//! A copy of a SQLite database as it is at one moment, while a server writes to it.
//!
//! `VACUUM INTO` reads in one transaction, on a connection of its own: whoever writes is not kept from it, and nothing of
//! what is written meanwhile is in the copy. SQLite's backup interface would do as well, but begins anew with each write
//! of another process, and has no form here without `unsafe`. The file that the server writes ahead grows while the copy
//! is made, and shrinks afterwards.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::Error;

/// What a copy has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which changes of the schema were made, oldest first.
    pub migrations: Vec<String>,
}

/// How long a lock of another process is waited for, in milliseconds.
const PATIENCE: u32 = 30_000;

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Copies the database in a file into a file that does not exist yet, and sees whether the copy can be read. Blocks.
///
/// `expected` is told how many bytes the copy will have, about, before it is made.
pub fn snapshot(from: &Path, into: &Path, expected: impl FnOnce(u64)) -> Result<Snapshot, Error> {
    // Opening a file that is not there would make it.
    std::fs::metadata(from).map_err(Error::unavailable)?;
    let mut source = open(from)?;
    let size = "SELECT (page_count - freelist_count) * page_size AS number \
                FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let size: Number = diesel::sql_query(size).get_result(&mut source)?;
    expected(u64::try_from(size.number).unwrap_or_default());
    let target = into.to_str().ok_or_else(|| Error::unavailable("the path of the copy is not UTF-8"))?;
    diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(target).execute(&mut source)?;
    drop(source);
    let mut copy = open(into)?;
    let said: Vec<Word> = diesel::sql_query("SELECT quick_check AS word FROM pragma_quick_check").load(&mut copy)?;
    if let Some(fault) = said.iter().find(|said| said.word != "ok") {
        return Err(Error::Corrupt(fault.word.clone()));
    }
    let query = "SELECT version AS word FROM __diesel_schema_migrations ORDER BY version";
    let migrations: Vec<Word> = diesel::sql_query(query).load(&mut copy)?;
    Ok(Snapshot { migrations: migrations.into_iter().map(|row| row.word).collect() })
}

fn open(path: &Path) -> Result<SqliteConnection, Error> {
    let path = path.to_str().ok_or_else(|| Error::unavailable("the path of the database is not UTF-8"))?;
    let mut connection = SqliteConnection::establish(path).map_err(Error::unavailable)?;
    connection.batch_execute(&format!("PRAGMA busy_timeout = {PATIENCE}"))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::{DatabaseUrl, SealKey, Store, StoreOptions, Tx};

    #[tokio::test]
    async fn a_copy_is_whole_while_the_database_is_written_and_opens_with_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (from, into) = (folder.path().join("transom.db"), folder.path().join("copy.db"));
        let open = |path: &Path, key| {
            Store::open(&DatabaseUrl::Sqlite(path.to_owned()), SealKey::new(key), &StoreOptions::default())
        };
        let store = open(&from, [7; 32]).unwrap();
        let writing = store.clone();
        let writer = tokio::spawn(async move {
            for at in 0..200 {
                writing.write(move |tx: &mut Tx<'_>| tx.probe(Timestamp(at))).await.unwrap();
            }
        });
        let (source, target) = (from.clone(), into.clone());
        let mut expected = 0;
        let made = tokio::task::spawn_blocking(move || {
            snapshot(&source, &target, |bytes| expected = bytes).map(|made| (made, expected))
        });
        let (made, expected) = made.await.unwrap().unwrap();
        writer.await.unwrap();
        assert!(made.migrations.first().is_some_and(|first| first.starts_with("0001")), "{made:?}");
        assert!(expected > 0);
        assert!(matches!(snapshot(&from, &into, |_| ()), Err(Error::Unavailable(_))), "it overwrote a file");
        assert!(matches!(open(&into, [8; 32]), Err(Error::WrongKey)));
        open(&into, [7; 32]).unwrap();
    }

    #[test]
    fn a_database_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("transom.db");
        assert!(snapshot(&from, &folder.path().join("copy.db"), |_| ()).is_err());
        assert!(!from.exists());
    }
}
