//! Opening the store, and the two ways in: writing and reading.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::CustomizeConnection;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use tracing::Instrument as _;

use super::pool::{AsConn, Pool};
use super::tx::{Conn, Tx};
use super::writer::Writer;
use super::{DatabaseUrl, Error, SealKey, StoreOptions, migrations};
use crate::model::{SPANS, Trace};

/// The database. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Engine>);

enum Engine {
    Sqlite { writer: Writer, readers: Pool<SqliteConnection> },
    Postgres(Pool<PgConnection>),
}

/// What is set on each connection that is made.
#[derive(Debug)]
struct Settings(String);

impl Store {
    /// Opens a database, makes or updates its tables, and checks that the key is the one that it was sealed with.
    ///
    /// Blocks while it does so. Refuses a database whose schema is newer than this program.
    pub fn open(url: &DatabaseUrl, key: SealKey, options: &StoreOptions) -> Result<Self, Error> {
        let engine = match url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path, Arc::new(key), options)?,
            DatabaseUrl::Postgres(url) => open_postgres(url, Arc::new(key), options)?,
        };
        Ok(Self(Arc::new(engine)))
    }

    /// `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        match *self.0 {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Runs a job that may change something, in a transaction of its own, and answers when it is durable.
    ///
    /// An error or a panic of the job undoes all that it did and nothing else. When the caller goes away before its
    /// turn has come, the job does not run.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        // What is told in the transaction names the request that it belongs to.
        let trace = Trace::current();
        let job = move |tx: &mut Tx<'_>| {
            tx.trace = trace;
            job(tx)
        };
        // With the time that it waits for its turn.
        let span =
            tracing::info_span!(target: SPANS, "store.write", otel.kind = "client", db.system.name = self.system());
        match &*self.0 {
            Engine::Sqlite { writer, .. } => writer.run(job).instrument(span).await,
            Engine::Postgres(pool) => pool.run("BEGIN", job).instrument(span).await,
        }
    }

    /// Runs a job that only looks, on one unchanging state of the database.
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let span =
            tracing::info_span!(target: SPANS, "store.read", otel.kind = "client", db.system.name = self.system());
        match &*self.0 {
            Engine::Sqlite { readers, .. } => readers.run("BEGIN", job).instrument(span).await,
            Engine::Postgres(pool) => {
                pool.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", job).instrument(span).await
            }
        }
    }

    /// What collectors of spans call it.
    fn system(&self) -> &'static str {
        match *self.0 {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Postgres(_) => "postgresql",
        }
    }
}

fn open_sqlite(path: &Path, key: Arc<SealKey>, options: &StoreOptions) -> Result<Engine, Error> {
    let url = path.to_str().ok_or_else(|| Error::unavailable("the path of the database is not UTF-8"))?.to_owned();
    create_private(path).map_err(Error::unavailable)?;
    let wait = format!("PRAGMA busy_timeout = {};", options.patience.as_millis());
    // What a savepoint may have to undo is a temporary file otherwise, written for every batch. The pages that every
    // message changes reach the database less often when a checkpoint waits for more of them (16 MiB).
    let writing = format!(
        "{wait} PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384; \
         PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;"
    );
    let connect = {
        let url = url.clone();
        move || {
            let mut connection = SqliteConnection::establish(&url).map_err(Error::unavailable)?;
            connection.batch_execute(&writing)?;
            Ok(connection)
        }
    };
    migrations::prepare(Conn::Sqlite(&mut connect()?), &key)?;
    let reading = Settings(format!("{wait} PRAGMA query_only = ON;"));
    let readers = Pool::open(&url, options, Box::new(reading), Arc::clone(&key))?;
    let writer = Writer::start(Box::new(connect), key, options.queue, options.batch)?;
    Ok(Engine::Sqlite { writer, readers })
}

/// Makes the file, if it is not there, readable to its owner alone; SQLite gives its other files the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new();
    file.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.open(path).map(drop)
}

fn open_postgres(url: &str, key: Arc<SealKey>, options: &StoreOptions) -> Result<Engine, Error> {
    let url = with_timeouts(url, options.patience);
    let mut first = PgConnection::establish(&url).map_err(Error::unavailable)?;
    migrations::prepare(Conn::Postgres(&mut first), &key)?;
    drop(first);
    let settings = Settings(format!(
        "SET lock_timeout = {lock}; SET statement_timeout = {statement}; \
         SET idle_in_transaction_session_timeout = {idle};",
        lock = options.patience.as_millis(),
        statement = options.statement_timeout.as_millis(),
        idle = options.statement_timeout.as_millis().saturating_mul(2),
    ));
    Ok(Engine::Postgres(Pool::open(&url, options, Box::new(settings), key)?))
}

/// A connection to a server that is gone must not hold a thread for the two hours that TCP would.
fn with_timeouts(url: &str, patience: Duration) -> String {
    let (seconds, millis) = (patience.as_secs().max(2), patience.as_millis().max(2000));
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", u128::from(seconds)),
        ("keepalives_idle", u128::from(seconds)),
        ("keepalives_interval", u128::from(seconds)),
        ("keepalives_count", 2),
        ("tcp_user_timeout", millis * 2),
    ] {
        if !url.contains(&format!("{name}=")) {
            let separator = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{separator}{name}={value}");
        }
    }
    url
}

impl AsConn for SqliteConnection {
    fn as_conn(&mut self) -> Conn<'_> {
        Conn::Sqlite(self)
    }
}

impl AsConn for PgConnection {
    fn as_conn(&mut self) -> Conn<'_> {
        Conn::Postgres(self)
    }
}

impl<C: diesel::r2d2::R2D2Connection + 'static> CustomizeConnection<C, diesel::r2d2::Error> for Settings {
    fn on_acquire(&self, connection: &mut C) -> Result<(), diesel::r2d2::Error> {
        connection.batch_execute(&self.0).map_err(diesel::r2d2::Error::QueryError)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match *self.0 {
            Engine::Sqlite { .. } => "Store(SQLite)",
            Engine::Postgres(_) => "Store(PostgreSQL)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[tokio::test]
    async fn a_database_that_takes_nothing_is_noticed_although_it_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
        let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
        let probe = || store.write(|tx: &mut Tx<'_>| tx.probe(Timestamp(1)));
        let only_read = |word: &'static str| {
            store.write(move |tx: &mut Tx<'_>| match &mut tx.conn {
                Conn::Sqlite(conn) => Ok(conn.batch_execute(&format!("PRAGMA query_only = {word}"))?),
                Conn::Postgres(_) => Err(Error::Busy),
            })
        };
        probe().await.unwrap();
        only_read("ON").await.unwrap();
        store.read(|tx: &mut Tx<'_>| tx.ping()).await.unwrap();
        assert!(matches!(probe().await, Err(Error::Unavailable(_))));
        only_read("OFF").await.unwrap();
        probe().await.unwrap();
    }

    #[test]
    fn timeouts_join_what_the_url_says_and_do_not_replace_it() {
        let url = with_timeouts("postgres://h/d?connect_timeout=9&application_name=x", Duration::from_secs(5));
        assert!(url.starts_with("postgres://h/d?connect_timeout=9&application_name=x&keepalives_idle=5&"), "{url}");
        assert_eq!(url.matches("connect_timeout").count(), 1);
        assert!(with_timeouts("postgres://h/d", Duration::ZERO).starts_with("postgres://h/d?connect_timeout=2&"));
    }
}
