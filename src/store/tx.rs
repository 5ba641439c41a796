//! One transaction, on either engine.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use diesel::{PgConnection, QueryResult, SqliteConnection};

use super::fragments::update;
use super::schema::meta;
use super::{Error, SealKey};
use crate::model::{Actor, AuditRecord, CommandId, EnrollmentId, PolicyState, Timestamp, Told, Trace};

/// The row of `meta` that is written to see whether writing works.
const PROBE: &str = "written";

/// A running transaction. The questions that it answers and the changes that it makes are its methods; they stand in
/// the file of the noun that they are about.
///
/// A job gives up at the first [`Error`] that it gets here: on PostgreSQL nothing works after it.
pub struct Tx<'c> {
    pub(super) conn: Conn<'c>,
    pub(super) key: &'c SealKey,
    pub(super) statements: u32,
    /// Commands that got an outcome in this transaction and are not yet taken off `enrollments.open_commands`.
    pub(super) settled: BTreeMap<EnrollmentId, i64>,
    /// Enrollments in which something got an outcome, and others may wait for it.
    pub(super) stirred: BTreeSet<EnrollmentId>,
    /// What the audit log gets at the end of this transaction.
    pub(super) audits: Vec<(Actor, AuditRecord, Timestamp)>,
    /// In which request all this happens.
    pub(super) trace: Option<Trace>,
    /// What was told in this transaction and is not yet written down.
    pub(super) told: Vec<Told>,
    /// Commands that got an outcome in this transaction, to be told of.
    pub(super) settled_commands: Vec<CommandId>,
    /// Changes of the counts of declarations by state, by the part that they are counted in.
    pub(super) policy_counts: BTreeMap<(String, PolicyState, i64), i64>,
    /// Lives whose settings were told what became of their commands in this transaction.
    pub(super) policies_heard: BTreeSet<EnrollmentId>,
}

/// A connection to one of the two engines.
pub(super) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// Runs one statement: the same query on both engines, or one for each, side by side.
macro_rules! on_backend {
    ($tx:expr, |$conn:ident| $query:expr) => {
        on_backend!($tx, sqlite => |$conn| $query, postgres => |$conn| $query)
    };
    ($tx:expr, sqlite => |$sqlite:ident| $on_sqlite:expr, postgres => |$postgres:ident| $on_postgres:expr) => {{
        $tx.statements += 1;
        match &mut $tx.conn {
            $crate::store::tx::Conn::Sqlite(conn) => {
                let $sqlite: &mut diesel::SqliteConnection = conn;
                $on_sqlite.map_err($crate::store::Error::from)
            }
            $crate::store::tx::Conn::Postgres(conn) => {
                let $postgres: &mut diesel::PgConnection = conn;
                $on_postgres.map_err($crate::store::Error::from)
            }
        }
    }};
}
pub(super) use on_backend;

impl<'c> Tx<'c> {
    pub(super) const fn new(conn: Conn<'c>, key: &'c SealKey) -> Self {
        Self {
            conn,
            key,
            statements: 0,
            settled: BTreeMap::new(),
            stirred: BTreeSet::new(),
            audits: Vec::new(),
            trace: None,
            told: Vec::new(),
            settled_commands: Vec::new(),
            policy_counts: BTreeMap::new(),
            policies_heard: BTreeSet::new(),
        }
    }

    /// How many SQL statements this job has made so far, beginning and end of the transaction not counted.
    pub const fn statements(&self) -> u32 {
        self.statements
    }
}

impl Tx<'_> {
    /// Nobody else goes beyond this with the same name before this transaction ends: what has no row to be locked, or none
    /// yet. On SQLite nobody else writes meanwhile anyway. Each schema of a database has its own names.
    pub(super) fn lock_name(&mut self, name: &str) -> Result<(), Error> {
        use diesel::prelude::*;
        let lock =
            diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || $1, 0))");
        let lock = lock.bind::<diesel::sql_types::Text, _>(name.to_owned());
        on_backend!(
            self,
            sqlite => |_conn| Ok::<_, diesel::result::Error>(0),
            postgres => |conn| lock.execute(conn)
        )
        .map(drop)
    }

    /// Whether the database takes what is written: it may be full, or a copy that is only read. Writes one row.
    pub fn probe(&mut self, now: Timestamp) -> Result<(), Error> {
        use diesel::prelude::*;
        let value = now.0.to_be_bytes().to_vec();
        let query = update(meta::table, meta::name.eq(PROBE), meta::value.eq(value.clone()));
        if on_backend!(self, |conn| query.execute(conn))? > 0 {
            return Ok(());
        }
        let query = diesel::insert_into(meta::table)
            .values((meta::name.eq(PROBE), meta::value.eq(value)))
            .on_conflict_do_nothing();
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Whether the database answers.
    pub fn ping(&mut self) -> Result<(), Error> {
        use diesel::RunQueryDsl as _;
        let query = diesel::sql_query("SELECT 1");
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}

impl Tx<'_> {
    /// Notes that so many commands of an enrollment got their outcome. Before the transaction ends they are taken off
    /// its count of open commands, and those that waited for them are looked at.
    pub(super) fn note_settled(&mut self, enrollment: &EnrollmentId, commands: i64) {
        if commands != 0 {
            *self.settled.entry(enrollment.clone()).or_default() += commands;
            self.stirred.insert(enrollment.clone());
        }
    }

    /// Does what the transaction still owes: what `note_settled` and [`Self::audit`] noted and nobody did yet,
    /// and what was told. Happens by itself before it ends; whoever counts statements asks for it earlier.
    pub fn settle_accounts(&mut self) -> Result<(), Error> {
        while let Some(enrollment) = self.stirred.pop_first() {
            self.wake_dependents(&enrollment)?;
        }
        while let Some((enrollment, settled)) = self.settled.pop_first() {
            self.take_off_open(&enrollment, settled)?;
        }
        self.write_feed()?;
        self.write_policy_counts()?;
        // Last, so that the lock on the chain is held for a moment, and taken after every other.
        self.write_audits()
    }
}

impl Conn<'_> {
    /// The same connection, for a shorter while.
    pub(super) fn reborrow(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(conn) => Conn::Postgres(conn),
        }
    }

    /// Begins a transaction with this statement.
    pub(super) fn begin(&mut self, statement: &str) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(*conn, statement),
            Self::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(*conn, statement),
        }
    }

    /// Begins a savepoint.
    pub(super) fn begin_savepoint(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::begin_transaction(*conn),
            Self::Postgres(conn) => AnsiTransactionManager::begin_transaction(*conn),
        }
    }

    /// Keeps what was done since the last beginning.
    pub(super) fn commit(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::commit_transaction(*conn),
            Self::Postgres(conn) => AnsiTransactionManager::commit_transaction(*conn),
        }
    }

    /// Undoes what was done since the last beginning.
    pub(super) fn roll_back(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::rollback_transaction(*conn),
            Self::Postgres(conn) => AnsiTransactionManager::rollback_transaction(*conn),
        }
    }

    /// Marks the connection as one that must not be used again.
    pub(super) fn give_up(&mut self) {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::transaction_manager_status_mut(*conn).set_in_error(),
            Self::Postgres(conn) => AnsiTransactionManager::transaction_manager_status_mut(*conn).set_in_error(),
        }
    }
}
