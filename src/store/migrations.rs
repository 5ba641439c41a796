//! The tables are made and changed when the store is opened, by migrations that are part of the program.

use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::schema::meta;
use super::seal::Place;
use super::tx::{Conn, Tx, on_backend};
use super::{Error, SealKey};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Brings the schema up to date and checks the key, in one transaction that nobody else can be in at the same time.
pub(super) fn prepare(mut conn: Conn<'_>, key: &SealKey) -> Result<(), Error> {
    conn.begin(match conn {
        Conn::Sqlite(_) => "BEGIN EXCLUSIVE",
        Conn::Postgres(_) => "BEGIN",
    })?;
    let done = migrate(&mut conn).and_then(|()| Tx::new(conn.reborrow(), key).check_key());
    match done {
        Ok(()) => Ok(conn.commit()?),
        Err(error) => {
            // The connection is dropped next, which undoes it as well.
            let _ = conn.roll_back();
            Err(error)
        }
    }
}

fn migrate(conn: &mut Conn<'_>) -> Result<(), Error> {
    match conn {
        Conn::Sqlite(conn) => run(*conn, SQLITE),
        Conn::Postgres(conn) => {
            diesel::sql_query(LOCK).execute(*conn)?;
            run(*conn, POSTGRES)
        }
    }
}

/// Held until the transaction ends. Each schema of a database has its own.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('transom migrations'), hashtext(current_schema()))";

fn run<DB, C>(conn: &mut C, known: EmbeddedMigrations) -> Result<(), Error>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let ours: Vec<Box<dyn Migration<DB>>> = known.migrations().map_err(Error::unavailable)?;
    let applied = conn.applied_migrations().map_err(Error::unavailable)?;
    let unknown = applied.iter().find(|version| !ours.iter().any(|migration| migration.name().version() == **version));
    if let Some(version) = unknown {
        return Err(Error::UnknownSchema(version.to_string()));
    }
    conn.run_pending_migrations(known).map(drop).map_err(Error::unavailable)
}

#[derive(diesel::QueryableByName)]
struct Applied {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

impl Tx<'_> {
    /// How many changes of the schema were made, and which of those that this program needs were not.
    pub fn missing_migrations(&mut self) -> Result<(usize, Vec<String>), Error> {
        let query = diesel::sql_query("SELECT version FROM __diesel_schema_migrations");
        let applied: Vec<Applied> = on_backend!(self, |conn| query.load(conn))?;
        let ours: Vec<String> = match self.conn {
            Conn::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(&SQLITE)?,
            Conn::Postgres(_) => versions::<diesel::pg::Pg>(&POSTGRES)?,
        };
        let missing = ours.into_iter().filter(|version| !applied.iter().any(|row| row.version == *version));
        Ok((applied.len(), missing.collect()))
    }
}

fn versions<DB: diesel::backend::Backend>(known: &EmbeddedMigrations) -> Result<Vec<String>, Error>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let ours: Vec<Box<dyn Migration<DB>>> = known.migrations().map_err(Error::unavailable)?;
    Ok(ours.iter().map(|migration| migration.name().version().to_string()).collect())
}

const CANARY: Place<'static> = Place { column: "meta.value", row: "canary" };

impl Tx<'_> {
    /// Opens the canary; the first opener puts it there.
    fn check_key(&mut self) -> Result<(), Error> {
        let canary: Option<Vec<u8>> =
            on_backend!(self, |conn| { meta::table.find(CANARY.row).select(meta::value).first(conn).optional() })?;
        if let Some(sealed) = canary {
            return self.key.open(CANARY, &sealed).map(drop).map_err(|_| Error::WrongKey);
        }
        let sealed = self.key.seal(CANARY, b"transom")?;
        on_backend!(self, |conn| {
            diesel::insert_into(meta::table).values((meta::name.eq(CANARY.row), meta::value.eq(&sealed))).execute(conn)
        })?;
        Ok(())
    }
}
