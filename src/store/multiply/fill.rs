//! Filling: rows go in by hundreds, in the order in which they happened.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use transom_protocol::session::{DeviceId, Timestamp};

use super::copy::{Copy, Told};
use super::life::Life;
use super::rows::{
    ActionRow, AttemptRow, CertificateRow, ChangeRow, ChannelRow, CommandRow, DeviceRow, EnrollmentRow, EventRow,
    ExchangeRow, FactRow, FeedRow, ItemRow, SessionRow, TermRow,
};
use crate::model::{Actor, AuditRecord};
use crate::store::schema::{
    actions, attempts, certificates, commands, devices, enrollments, events, exchanges, fact_changes, fact_items,
    facts, feed, push_channels, session_terms, sessions,
};
use crate::store::tx::{Conn, Tx, on_backend};
use crate::store::{DatabaseUrl, Error, SealKey};

/// How many copies, and when they lived.
#[derive(Debug, Clone)]
pub struct Copies {
    /// Devices that are copied, by turns.
    pub of: Vec<DeviceId>,
    /// When the chapters of their lives began. The first is told as often as wanted, the others once each.
    pub cuts: Vec<Timestamp>,
    /// Devices that are made.
    pub devices: usize,
    /// How often each lived through the first chapter.
    pub repeated: usize,
    /// Their first day.
    pub from: Timestamp,
    /// Their last.
    pub until: Timestamp,
    /// Entries of the audit log, beside.
    pub audit: usize,
    /// Entries of the feed that are made at most: a server keeps no more.
    pub feed: usize,
    /// One device in so many keeps the bodies of its messages, as under a bound on the size of the journal.
    pub bodies: usize,
    /// What they are called: id and name of a device with a number.
    pub named: fn(usize) -> (String, String),
}

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Multiplied {
    /// Devices.
    pub devices: u64,
    /// Sessions.
    pub sessions: u64,
    /// Exchanges: messages with their replies.
    pub messages: u64,
    /// Commands.
    pub commands: u64,
    /// Everything.
    pub rows: u64,
}

/// Rows of one statement: bounded by how many values it may bind.
const ROWS: usize = 400;

/// Statements of one transaction.
const STATEMENTS: u64 = 500;

/// How often it is tried to have the database alone, and how long after the last time.
const ATTEMPTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// Tables that are filled.
const TABLES: [&str; 15] = [
    "devices",
    "enrollments",
    "certificates",
    "push_channels",
    "facts",
    "fact_items",
    "fact_changes",
    "sessions",
    "session_terms",
    "exchanges",
    "commands",
    "attempts",
    "events",
    "feed",
    "actions",
];

/// Fills a database with copies of devices that are in it. Blocks while it does so.
pub fn multiply(
    url: &DatabaseUrl,
    key: &SealKey,
    copies: &Copies,
    mut progress: impl FnMut(&Multiplied),
) -> Result<Multiplied, Error> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut connection = SqliteConnection::establish(text(path)?).map_err(Error::unavailable)?;
            connection.batch_execute(
                "PRAGMA busy_timeout = 10000; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; \
                 PRAGMA cache_size = -1048576; PRAGMA temp_store = FILE;",
            )?;
            alone(&mut connection)?;
            let made = fill(Tx::new(Conn::Sqlite(&mut connection), key), copies, &mut progress)?;
            connection.batch_execute("PRAGMA journal_mode = WAL")?;
            Ok(made)
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = PgConnection::establish(url).map_err(Error::unavailable)?;
            connection.batch_execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")?;
            // Only an administrator of the database may leave references unchecked; without, it takes longer.
            let _ = connection.batch_execute("SET session_replication_role = replica");
            let made = fill(Tx::new(Conn::Postgres(&mut connection), key), copies, &mut progress)?;
            drop(connection);
            settle(&DatabaseUrl::Postgres(url.clone()))?;
            Ok(made)
        }
    }
}

/// Does what autovacuum would do in its own time, where much was written at once.
pub fn settle(url: &DatabaseUrl) -> Result<(), Error> {
    let DatabaseUrl::Postgres(url) = url else { return Ok(()) };
    let mut connection = PgConnection::establish(url).map_err(Error::unavailable)?;
    Ok(connection.batch_execute("VACUUM ANALYZE")?)
}

/// Waits until whoever had the database open before has closed it: without a log of changes there can be nobody else.
fn alone(connection: &mut SqliteConnection) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        match connection.batch_execute("PRAGMA journal_mode = OFF") {
            Ok(()) => return Ok(()),
            Err(_) => std::thread::park_timeout(PAUSE),
        }
    }
    Err(Error::Busy)
}

fn text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::unavailable("the path of the database is not UTF-8"))
}

fn fill(mut tx: Tx<'_>, copies: &Copies, progress: &mut impl FnMut(&Multiplied)) -> Result<Multiplied, Error> {
    // What was told has its number before it is copied.
    tx.conn.begin("BEGIN")?;
    while tx.number_feed()? > 0 {}
    tx.conn.commit()?;
    let mut lives = Vec::new();
    for device in &copies.of {
        lives.push(tx.life(device, &copies.cuts)?);
    }
    let key = tx.key;
    let indexes = tx.drop_indexes()?;
    tx.conn.begin("BEGIN")?;
    let mut filling = Filling { tx, rows: Rows::default(), made: Multiplied::default(), statements: 0, progress };
    filling.people(copies, &lives, key)?;
    filling.tell(copies, &lives, key)?;
    filling.rows.flush(&mut filling.tx, 0)?;
    let Filling { mut tx, made, .. } = filling;
    tx.note_audits(copies)?;
    tx.conn.commit()?;
    progress(&made);
    for index in indexes {
        let query = diesel::sql_query(index);
        on_backend!(tx, |conn| query.execute(conn))?;
    }
    Ok(made)
}

struct Filling<'a, 'c, P> {
    tx: Tx<'c>,
    rows: Rows,
    made: Multiplied,
    statements: u64,
    progress: &'a mut P,
}

/// Chapter by chapter, all devices tell it.
fn chapters(copies: &Copies) -> impl Iterator<Item = usize> {
    std::iter::repeat_n(0, copies.repeated).chain(1..copies.cuts.len())
}

fn copy<'a>(copies: &Copies, lives: &'a [Life], key: &'a SealKey, number: usize) -> Option<Copy<'a>> {
    let life = lives.get(number % lives.len().max(1))?;
    let (device_id, name) = (copies.named)(number);
    let number = u64::try_from(number).unwrap_or_default();
    Some(Copy { life, key, number, device_id, name, shift: shift(copies, life.enrollment.created_at, 0, number) })
}

/// How far the time of something is from its copy, which is in a chapter of its own length, each device after the other.
fn shift(copies: &Copies, at: i64, place: usize, number: u64) -> i64 {
    let whole = |number: usize| i64::try_from(number.max(1)).unwrap_or(i64::MAX);
    let length = copies.until.millis_since(copies.from) / whole(chapters(copies).count());
    let begins = copies.from.0 + length * i64::try_from(place).unwrap_or_default();
    begins + length * i64::try_from(number).unwrap_or_default() / whole(copies.devices) - at
}

impl<P: FnMut(&Multiplied)> Filling<'_, '_, P> {
    fn people(&mut self, copies: &Copies, lives: &[Life], key: &SealKey) -> Result<(), Error> {
        // The last chapter is what waits; the one before is the last session.
        let count = chapters(copies).count();
        let (place, chapter) = (count.saturating_sub(2), copies.cuts.len().saturating_sub(2));
        for number in 0..copies.devices {
            let Some(copy) = copy(copies, lives, key, number) else { continue };
            let Some(chapter) = copy.life.chapters.get(chapter) else { continue };
            let shift = shift(copies, chapter.began, place, copy.number);
            let last = Told { copy: &copy, chapter, shift, place: u64::try_from(place).unwrap_or_default() };
            self.rows.devices.push(copy.device());
            let enrollment = copy.enrollment(&last)?;
            let seen = enrollment.last_seen_at.unwrap_or(copies.until.0);
            self.rows.certificates.push(copy.certificate(seen));
            self.rows.push_channels.push(copy.channel(seen));
            self.rows.enrollments.push(enrollment);
            self.rows.facts.extend(copy.facts(shift));
            self.rows.fact_items.extend(copy.items());
            self.rows.fact_changes.extend(copy.changes());
            self.made.devices += 1;
            self.flush()?;
        }
        // What refers to them comes later.
        self.rows.flush(&mut self.tx, 0).map(|written| self.made.rows += written)
    }

    fn tell(&mut self, copies: &Copies, lives: &[Life], key: &SealKey) -> Result<(), Error> {
        let told: u64 = chapters(copies).count().try_into().unwrap_or_default();
        let mut numbers = self.tx.feed_numbers(0)?..;
        let most = u64::try_from(copies.feed).unwrap_or(u64::MAX);
        let each: usize =
            lives.first().map_or(0, |life| life.chapters.iter().map(|part| part.feed.len()).max().unwrap_or(0));
        let per_chapter = u64::try_from(each * copies.devices).unwrap_or(u64::MAX).max(1);
        for (chapter, place) in chapters(copies).zip(0..) {
            let has_feed = (told - place) <= most.div_ceil(per_chapter);
            for number in 0..copies.devices {
                let Some(copy) = copy(copies, lives, key, number) else { continue };
                let Some(chapter) = copy.life.chapters.get(chapter) else { continue };
                let shift = shift(copies, chapter.began, usize::try_from(place).unwrap_or_default(), copy.number);
                let told = Told { copy: &copy, chapter, shift, place };
                self.chapter(&told, copies.bodies < 2 || number.is_multiple_of(copies.bodies))?;
                if has_feed {
                    for (row, number) in chapter.feed.iter().zip(&mut numbers) {
                        self.rows.feed.push(told.feed(row, number)?);
                    }
                }
                self.flush()?;
            }
        }
        self.tx.feed_numbers(numbers.start).map(drop)
    }

    fn chapter(&mut self, told: &Told<'_>, has_bodies: bool) -> Result<(), Error> {
        let chapter = told.chapter;
        for row in &chapter.sessions {
            self.rows.sessions.push(told.session(row)?);
        }
        self.rows.session_terms.extend(chapter.terms.iter().map(|row| told.term(row)));
        for row in &chapter.exchanges {
            self.rows.exchanges.push(told.exchange(row, has_bodies)?);
        }
        for row in &chapter.commands {
            self.rows.commands.push(told.command(row)?);
        }
        self.rows.attempts.extend(chapter.attempts.iter().map(|row| told.attempt(row)));
        for row in &chapter.events {
            self.rows.events.push(told.event(row)?);
        }
        for row in &chapter.actions {
            self.rows.actions.push(told.action(row)?);
        }
        let count = |rows: usize| u64::try_from(rows).unwrap_or_default();
        self.made.sessions += count(chapter.sessions.len());
        self.made.messages += count(chapter.exchanges.len());
        self.made.commands += count(chapter.commands.len());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let written = self.rows.flush(&mut self.tx, ROWS)?;
        if written == 0 {
            return Ok(());
        }
        self.made.rows += written;
        self.statements += 1;
        if self.statements.is_multiple_of(STATEMENTS) {
            self.tx.conn.commit()?;
            self.tx.conn.begin("BEGIN")?;
            (self.progress)(&self.made);
        }
        Ok(())
    }
}

macro_rules! tables {
    ($($table:ident: $row:ty),* $(,)?) => {
        /// Rows that wait, in the order in which tables refer to each other.
        #[derive(Default)]
        struct Rows { $($table: Vec<$row>),* }

        impl Rows {
            /// Writes the rows of tables that have more than so many, and says how many that were.
            fn flush(&mut self, tx: &mut Tx<'_>, more_than: usize) -> Result<u64, Error> {
                let is_due = [$(self.$table.len() > more_than),*].contains(&true);
                let mut written = 0;
                if is_due {
                    $(
                        let mut rows = std::mem::take(&mut self.$table);
                        while !rows.is_empty() {
                            let rest = rows.split_off(rows.len().min(ROWS));
                            let some = std::mem::replace(&mut rows, rest);
                            written += u64::try_from(some.len()).unwrap_or_default();
                            on_backend!(tx, |conn| diesel::insert_into($table::table).values(some).execute(conn))?;
                        }
                    )*
                }
                Ok(written)
            }
        }
    };
}

tables! {
    devices: DeviceRow,
    enrollments: EnrollmentRow,
    certificates: CertificateRow,
    push_channels: ChannelRow,
    facts: FactRow,
    fact_items: ItemRow,
    fact_changes: ChangeRow,
    sessions: SessionRow,
    session_terms: TermRow,
    exchanges: ExchangeRow,
    commands: CommandRow,
    attempts: AttemptRow,
    events: EventRow,
    feed: FeedRow,
    actions: ActionRow,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    made_by: String,
}

impl Tx<'_> {
    /// Drops the indexes of the tables that no table depends on, and gives what makes them again.
    fn drop_indexes(&mut self) -> Result<Vec<String>, Error> {
        let tables = TABLES.map(|table| format!("'{table}'")).join(", ");
        let on_sqlite = format!(
            "SELECT name, sql AS made_by FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables})"
        );
        let on_postgres = format!(
            "SELECT CAST(named.relname AS TEXT) AS name, pg_get_indexdef(index.indexrelid) AS made_by FROM pg_index AS index \
             JOIN pg_class AS named ON named.oid = index.indexrelid JOIN pg_class AS of ON of.oid = index.indrelid \
             WHERE of.relnamespace = current_schema()::regnamespace AND of.relname IN ({tables}) \
             AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = index.indexrelid)"
        );
        let indexes: Vec<Named> = on_backend!(
            self,
            sqlite => |conn| diesel::sql_query(on_sqlite).load(conn),
            postgres => |conn| diesel::sql_query(on_postgres).load(conn)
        )?;
        for index in &indexes {
            let query = diesel::sql_query(format!("DROP INDEX {}", index.name));
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(indexes.into_iter().map(|index| index.made_by).collect())
    }

    /// The next number of the feed; with a number, that is the next from now on.
    fn feed_numbers(&mut self, next: i64) -> Result<i64, Error> {
        let query = feed::table.select(diesel::dsl::max(feed::number));
        let last: Option<i64> = on_backend!(self, |conn| query.first(conn))?;
        if next > 0 {
            let query = diesel::sql_query(format!("UPDATE feed_numbers SET last = {}", next - 1));
            on_backend!(
                self,
                sqlite => |_conn| Ok::<_, diesel::result::Error>(0),
                postgres => |conn| query.execute(conn)
            )?;
        }
        Ok(last.unwrap_or_default() + 1)
    }

    /// Makes entries of the audit log, by a few people.
    fn note_audits(&mut self, copies: &Copies) -> Result<(), Error> {
        const PEOPLE: [&str; 5] = ["ada", "grace", "edsger", "barbara", "tony"];
        const ACTIONS: [&str; 4] = ["command.order", "session.view", "device.sync", "action.order"];
        let whole = |number: usize| i64::try_from(number.max(1)).unwrap_or(i64::MAX);
        let step = copies.until.millis_since(copies.from) / whole(copies.audit);
        for (number, (person, action)) in
            PEOPLE.iter().cycle().zip(ACTIONS.iter().cycle()).take(copies.audit).enumerate()
        {
            let subject = (copies.named)(number % copies.devices.max(1)).0;
            let record = AuditRecord {
                action,
                subject_kind: "device",
                subject,
                before: None,
                after: Some(serde_json::json!({ "number": number })),
            };
            let at = copies.from.plus_millis(step * i64::try_from(number).unwrap_or_default());
            self.audit(&Actor::operator(person), record, at);
            if number % ROWS == 0 {
                self.write_audits()?;
            }
        }
        self.write_audits()
    }
}
