//! Real databases for tests: SQLite in a folder of its own, PostgreSQL in a schema of its own.
//!
//! PostgreSQL is looked for at `TEST_DATABASE_URL`, or on this machine. Where there is none, its half of the suite says
//! so and is skipped; with `REQUIRE_POSTGRES=1` it fails.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use tempfile::TempDir;
use transom::store::{DatabaseUrl, Error, SealKey, Store, StoreOptions};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// An empty database and the store on it. Both are gone when it is dropped.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) url: DatabaseUrl,
    _place: Place,
}

/// A fresh place for a database.
pub(crate) enum Place {
    Folder { _folder: TempDir },
    Schema(String),
}

/// Runs each scenario on both engines: `scenarios!(first, second)` makes the tests `sqlite::first`, `postgres::first`, …
#[macro_export]
macro_rules! scenarios {
    ($($scenario:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $scenario() {
                $crate::support::databases::run($crate::support::databases::Engine::Sqlite, super::$scenario);
            })*
        }
        mod postgres {
            $(#[test] fn $scenario() {
                $crate::support::databases::run($crate::support::databases::Engine::Postgres, super::$scenario);
            })*
        }
    };
}

/// Runs a scenario on an empty database of this engine, if there is one.
pub(crate) fn run(engine: Engine, scenario: impl AsyncFnOnce(&TestStore)) {
    let Some((url, place)) = fresh(engine) else { return };
    let store = open(&url).unwrap();
    let test = TestStore { store, engine, url, _place: place };
    runtime().block_on(scenario(&test));
}

/// A runtime of several threads, as the server has it.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A place for a database of this engine, if there is one; it is gone when the second value is dropped.
pub(crate) fn fresh(engine: Engine) -> Option<(DatabaseUrl, Place)> {
    super::statements::listen();
    match engine {
        Engine::Sqlite => {
            let folder = tempfile::tempdir().unwrap();
            let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
            Some((url, Place::Folder { _folder: folder }))
        }
        Engine::Postgres => {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let server = postgres_server()?;
            let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
            let mut connection = PgConnection::establish(server).unwrap();
            connection.batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
            let separator = if server.contains('?') { '&' } else { '?' };
            let url = format!("{server}{separator}options=-c%20search_path%3D{name}&application_name={name}")
                .parse()
                .unwrap();
            Some((url, Place::Schema(name)))
        }
    }
}

/// Opens the store as the tests use it.
pub(crate) fn open(url: &DatabaseUrl) -> Result<Store, Error> {
    Store::open(url, key(), &options())
}

/// The key of all test databases.
pub(crate) fn key() -> SealKey {
    SealKey::new([0x5a; 32])
}

/// Bounds that fit many stores on one server.
pub(crate) fn options() -> StoreOptions {
    StoreOptions { connections: 6, patience: Duration::from_secs(20), ..StoreOptions::default() }
}

/// The server that tests use, if it answers.
pub(crate) fn postgres_server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let named = std::env::var("TEST_DATABASE_URL").ok();
        let url = named.unwrap_or_else(|| "postgres://postgres@127.0.0.1:5432/postgres?connect_timeout=3".to_owned());
        let answers = PgConnection::establish(&url).is_ok();
        let required = std::env::var("REQUIRE_POSTGRES").as_deref() == Ok("1");
        assert!(answers || !required, "REQUIRE_POSTGRES=1, and no PostgreSQL answers (TEST_DATABASE_URL)");
        if !answers {
            println!("no PostgreSQL answers (TEST_DATABASE_URL): its half of the tests is skipped");
        }
        answers.then_some(url)
    });
    server.as_deref()
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

#[derive(QueryableByName)]
struct SqlitePlanRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PostgresPlanRow {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
    line: String,
}

/// A connection behind the store's back.
pub(crate) enum Direct {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Direct {
    pub(crate) fn connect(url: &DatabaseUrl) -> Self {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                connection.batch_execute("PRAGMA busy_timeout = 20000; PRAGMA foreign_keys = ON").unwrap();
                Self::Sqlite(connection)
            }
            DatabaseUrl::Postgres(url) => Self::Postgres(PgConnection::establish(url).unwrap()),
        }
    }

    /// Runs statements.
    pub(crate) fn execute(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql).unwrap(),
            Self::Postgres(connection) => connection.batch_execute(sql).unwrap(),
        }
    }

    /// The column `text` of what a query finds.
    pub(crate) fn texts(&mut self, sql: &str) -> Vec<String> {
        let query = diesel::sql_query(sql);
        let rows: Vec<TextRow> = match self {
            Self::Sqlite(connection) => query.load(connection).unwrap(),
            Self::Postgres(connection) => query.load(connection).unwrap(),
        };
        rows.into_iter().map(|row| row.text).collect()
    }

    /// What `EXPLAIN` tells.
    pub(crate) fn plan(&mut self, explain: &str) -> String {
        match self {
            Self::Sqlite(connection) => {
                let rows: Vec<SqlitePlanRow> = diesel::sql_query(explain).load(connection).unwrap();
                rows.into_iter().map(|row| row.detail).collect::<Vec<_>>().join("\n")
            }
            Self::Postgres(connection) => {
                let rows: Vec<PostgresPlanRow> = diesel::sql_query(explain).load(connection).unwrap();
                rows.into_iter().map(|row| row.line).collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// The number that a query finds, such as `SELECT count(*) FROM …`.
    pub(crate) fn number(&mut self, sql: &str) -> i64 {
        let rows = self.texts(&format!("SELECT CAST(({sql}) AS TEXT) AS text"));
        rows[0].parse().unwrap()
    }
}

impl TestStore {
    /// The same database, opened once more.
    pub(crate) fn reopen(&self) -> Store {
        open(&self.url).unwrap()
    }

    /// The same database, behind the store's back.
    pub(crate) fn direct(&self) -> Direct {
        Direct::connect(&self.url)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Schema(name) = self else { return };
        let Some(mut connection) = postgres_server().and_then(|server| PgConnection::establish(server).ok()) else {
            return;
        };
        // A test that failed may leave a transaction behind that the server has not ended yet.
        let _ = connection.batch_execute(&format!("SET lock_timeout = 10000; DROP SCHEMA {name} CASCADE"));
    }
}
