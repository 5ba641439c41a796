//! The one writer of a SQLite database: a thread that commits whatever has queued up as one transaction.
//!
//! Each job runs in a savepoint of its own, so that its failure undoes only itself, and is answered after the commit.
//! Durable commits are what a disk does slowest; sharing them is what makes many devices at once affordable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use diesel::SqliteConnection;
use tokio::sync::oneshot;

use super::tx::{Conn, Tx};
use super::{Error, SealKey};

/// The way to the writer. Its last clone takes the thread with it.
#[derive(Clone)]
pub(super) struct Writer {
    queue: SyncSender<Box<dyn Job>>,
}

/// Makes a connection; called again when one breaks.
pub(super) type Connect = Box<dyn Fn() -> Result<SqliteConnection, Error> + Send>;

/// A job of any type.
trait Job: Send {
    /// Runs in a savepoint. The transaction is not committed yet.
    fn run(self: Box<Self>, tx: &mut Tx<'_>) -> Done;
    /// Answers without having run.
    fn refuse(self: Box<Self>, error: Error);
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
}

/// A job that ran.
struct Done {
    /// Its changes are to be kept.
    keep: bool,
    /// Tells the caller.
    answer: Answer,
}

/// To be given how the commit went.
type Answer = Box<dyn FnOnce(Result<(), Error>)>;

struct Waiting<F, T, E> {
    job: F,
    reply: oneshot::Sender<Result<T, E>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// `queue` bounds the jobs that wait, `batch` those that share a commit.
    pub(super) fn start(connect: Connect, key: Arc<SealKey>, queue: usize, batch: usize) -> Result<Self, Error> {
        let connection = connect()?;
        let (sender, jobs) = sync_channel(queue);
        let thread = Thread { connect, connection: Some(connection), key, jobs, batch: batch.max(1) };
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || thread.work())
            .map_err(Error::unavailable)?;
        Ok(Self { queue: sender })
    }

    /// Hands a job in and waits until it is committed.
    pub(super) async fn run<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Box::new(Waiting { job, reply })).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::unavailable("the writer has stopped"),
        })?;
        answer.await.unwrap_or_else(|_| Err(Error::unavailable("the writer has stopped").into()))
    }
}

struct Thread {
    connect: Connect,
    connection: Option<SqliteConnection>,
    key: Arc<SealKey>,
    jobs: Receiver<Box<dyn Job>>,
    batch: usize,
}

impl Thread {
    fn work(mut self) {
        while let Ok(first) = self.jobs.recv() {
            let mut batch = vec![first];
            batch.extend(self.jobs.try_iter().take(self.batch - 1));
            batch.retain(|job| !job.is_abandoned());
            self.commit_together(batch);
        }
    }

    fn commit_together(&mut self, mut batch: Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return;
        }
        let mut connection = match self.connection.take().map_or_else(|| (self.connect)(), Ok) {
            Ok(connection) => connection,
            Err(error) => return refuse(batch, &error),
        };
        let alone = if batch.len() == 1 { batch.pop() } else { None };
        let works = match alone {
            Some(job) => run_alone(&mut connection, &self.key, job),
            None => run_batch(&mut connection, &self.key, batch),
        };
        if works {
            self.connection = Some(connection);
        }
    }
}

/// Runs a job in a transaction of its own, which needs no savepoint, and answers it. False when the connection must not
/// be used again.
fn run_alone(connection: &mut SqliteConnection, key: &SealKey, job: Box<dyn Job>) -> bool {
    let mut conn = Conn::Sqlite(connection);
    if let Err(error) = conn.begin("BEGIN IMMEDIATE") {
        job.refuse(error.into());
        return false;
    }
    let mut tx = Tx::new(conn, key);
    let Done { keep, answer } = job.run(&mut tx);
    let ended = if keep { tx.conn.commit() } else { tx.conn.roll_back() };
    if keep && ended.is_err() {
        // Nothing more to lose: either it is undone here, or when the connection is closed.
        let _ = tx.conn.roll_back();
    }
    let works = ended.is_ok();
    answer(ended.map_err(Error::from));
    works
}

/// Runs jobs in one transaction and answers them. False when the connection must not be used again.
fn run_batch(connection: &mut SqliteConnection, key: &SealKey, batch: Vec<Box<dyn Job>>) -> bool {
    let mut conn = Conn::Sqlite(connection);
    if let Err(error) = conn.begin("BEGIN IMMEDIATE") {
        // Someone else holds the lock, or the disk is gone. The next batch finds out with a new connection.
        refuse(batch, &error.into());
        return false;
    }
    let mut answers = Vec::with_capacity(batch.len());
    let mut waiting = batch.into_iter();
    let mut broken = None;
    for job in waiting.by_ref() {
        let (answer, outcome) = run_in_savepoint(connection, key, job);
        answers.push(answer);
        if let Err(error) = outcome {
            broken = Some(error);
            break;
        }
    }
    let mut conn = Conn::Sqlite(connection);
    let outcome = broken.map_or_else(|| conn.commit().map_err(Error::from), Err);
    if outcome.is_err() {
        // Nothing more to lose: either it is undone here, or when the connection is closed.
        let _ = conn.roll_back();
    }
    for answer in answers {
        answer(outcome.clone());
    }
    match outcome {
        Ok(()) => true,
        Err(error) => {
            refuse(waiting.collect(), &error);
            false
        }
    }
}

/// Runs one job. An error of the second part is not the job's: SQLite undid the whole transaction (disk full, I/O).
fn run_in_savepoint(
    connection: &mut SqliteConnection,
    key: &SealKey,
    job: Box<dyn Job>,
) -> (Answer, Result<(), Error>) {
    let mut conn = Conn::Sqlite(connection);
    if let Err(error) = conn.begin_savepoint() {
        let error = Error::from(error);
        let told = error.clone();
        return (Box::new(move |_| job.refuse(told)), Err(error));
    }
    let mut tx = Tx::new(conn, key);
    let Done { keep, answer } = job.run(&mut tx);
    let ended = if keep { tx.conn.commit() } else { tx.conn.roll_back() };
    (answer, ended.map_err(Error::from))
}

fn refuse(batch: Vec<Box<dyn Job>>, error: &Error) {
    for job in batch {
        job.refuse(error.clone());
    }
}

/// Runs a job, with what the transaction still owes; a panic in it is an error.
pub(super) fn run_caught<T, E, F>(job: F, tx: &mut Tx<'_>) -> Result<T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    E: From<Error>,
{
    catch_unwind(AssertUnwindSafe(|| {
        let value = job(tx)?;
        tx.settle_accounts()?;
        Ok(value)
    }))
    .unwrap_or_else(|_| Err(Error::Panicked.into()))
}

impl<T, E, F> Job for Waiting<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    fn run(self: Box<Self>, tx: &mut Tx<'_>) -> Done {
        let Self { job, reply } = *self;
        let result = run_caught(job, tx);
        Done {
            keep: result.is_ok(),
            answer: Box::new(move |committed| {
                // Nobody listens when the request was given up meanwhile.
                let _ = reply.send(result.and_then(|value| committed.map(|()| value).map_err(E::from)));
            }),
        }
    }

    fn refuse(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error.into()));
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use diesel::connection::SimpleConnection as _;
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    use super::*;

    const TABLES: &str = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA max_page_count = 64; \
        CREATE TABLE IF NOT EXISTS parents (id INTEGER PRIMARY KEY); \
        CREATE TABLE IF NOT EXISTS children (id INTEGER PRIMARY KEY, \
            parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED, filler BLOB);";

    fn writer(folder: &tempfile::TempDir, queue: usize) -> Writer {
        let path = folder.path().join("t.db").to_str().unwrap().to_owned();
        let connect = move || {
            let mut connection = SqliteConnection::establish(&path).map_err(Error::unavailable)?;
            connection.batch_execute(TABLES)?;
            Ok(connection)
        };
        Writer::start(Box::new(connect), Arc::new(SealKey::new([1; 32])), queue, 16).unwrap()
    }

    fn run(tx: &mut Tx<'_>, sql: &str) -> Result<(), Error> {
        match &mut tx.conn {
            Conn::Sqlite(conn) => Ok(conn.batch_execute(sql)?),
            Conn::Postgres(_) => Err(Error::Busy),
        }
    }

    fn count(tx: &mut Tx<'_>, table: &str) -> Result<i64, Error> {
        match &mut tx.conn {
            Conn::Sqlite(conn) => {
                let query = diesel::dsl::sql::<BigInt>(&format!("SELECT count(*) FROM {table}"));
                Ok(query.get_result(*conn)?)
            }
            Conn::Postgres(_) => Err(Error::Busy),
        }
    }

    /// Keeps the writer busy until something is sent, so that what is handed in meanwhile becomes one batch.
    async fn hold(writer: &Writer) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Error>>) {
        let (release, held) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let writer = writer.clone();
        let holding = tokio::spawn(async move {
            writer
                .run(move |_| {
                    started.send(()).unwrap();
                    held.recv_timeout(Duration::from_mins(1)).unwrap();
                    Ok(())
                })
                .await
        });
        has_started.await.unwrap();
        (release, holding)
    }

    /// Hands jobs in that become one batch, and gives their answers.
    async fn together(writer: &Writer, statements: &[&'static str]) -> Vec<Result<(), Error>> {
        let (release, holding) = hold(writer).await;
        let waiting: Vec<_> = statements
            .iter()
            .map(|&sql| {
                // The queue takes a job when its future is first polled.
                let mut job = Box::pin({
                    let writer = writer.clone();
                    async move { writer.run(move |tx| run(tx, sql)).await }
                });
                assert!(futures_util::FutureExt::now_or_never(job.as_mut()).is_none());
                job
            })
            .collect();
        release.send(()).unwrap();
        holding.await.unwrap().unwrap();
        futures_util::future::join_all(waiting).await
    }

    #[tokio::test]
    async fn a_commit_that_fails_fails_every_job_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 16);
        let orphan = "INSERT INTO children (id, parent) VALUES (1, 77)";
        let answers = together(&writer, &["INSERT INTO parents VALUES (1)", orphan]).await;
        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        assert_eq!(writer.run(|tx| count(tx, "parents")).await.unwrap(), 0);

        let answers = together(&writer, &["INSERT INTO parents VALUES (1)", "INSERT INTO parents VALUES (2)"]).await;
        assert!(answers.iter().all(Result::is_ok), "the writer goes on: {answers:?}");
        assert_eq!(writer.run(|tx| count(tx, "parents")).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_job_that_fails_or_panics_undoes_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 16);
        let twice = "INSERT INTO parents VALUES (2); INSERT INTO parents VALUES (1)";
        let answers =
            together(&writer, &["INSERT INTO parents VALUES (1)", twice, "INSERT INTO parents VALUES (3)"]).await;
        assert!(answers[0].is_ok() && matches!(answers[1], Err(Error::Conflict(_))) && answers[2].is_ok());
        let panics = writer.run(|tx| {
            run(tx, "INSERT INTO parents VALUES (4)")?;
            assert!(tx.statements() > 1000, "this test wants a panic");
            Ok::<_, Error>(())
        });
        assert!(matches!(panics.await, Err(Error::Panicked)));
        assert_eq!(writer.run(|tx| count(tx, "parents")).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_job_alone_is_undone_when_it_or_its_commit_fails() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 16);
        let alone = |sql: &'static str| writer.run(move |tx| run(tx, sql));
        alone("INSERT INTO parents VALUES (1)").await.unwrap();
        let twice = alone("INSERT INTO parents VALUES (2); INSERT INTO parents VALUES (1)").await;
        assert!(matches!(twice, Err(Error::Conflict(_))), "{twice:?}");
        let panics = writer.run(|tx| {
            run(tx, "INSERT INTO parents VALUES (3)")?;
            assert!(tx.statements() > 1000, "this test wants a panic");
            Ok::<_, Error>(())
        });
        assert!(matches!(panics.await, Err(Error::Panicked)));
        let orphan = alone("INSERT INTO parents VALUES (4); INSERT INTO children (id, parent) VALUES (1, 77)").await;
        assert!(orphan.is_err(), "found out at the commit");
        let big =
            alone("INSERT INTO parents VALUES (5); INSERT INTO children (filler) VALUES (zeroblob(1000000))").await;
        assert!(matches!(big, Err(Error::Unavailable(_))), "{big:?}");
        assert_eq!(writer.run(|tx| count(tx, "parents")).await.unwrap(), 1);
        alone("INSERT INTO parents VALUES (6)").await.unwrap();
        assert_eq!(writer.run(|tx| count(tx, "parents")).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_survived() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 16);
        let big = "INSERT INTO children (filler) VALUES (zeroblob(1000000))";
        let answers =
            together(&writer, &["INSERT INTO parents VALUES (1)", big, "INSERT INTO parents VALUES (2)"]).await;
        assert!(matches!(answers[1], Err(Error::Unavailable(_))), "{answers:?}");
        // Whatever was answered is what is stored.
        let stored = writer.run(|tx| count(tx, "parents")).await.unwrap();
        assert_eq!(usize::try_from(stored).unwrap(), answers.iter().filter(|answer| answer.is_ok()).count());
        assert_eq!(writer.run(|tx| count(tx, "children")).await.unwrap(), 0);
        writer.run(|tx| run(tx, "INSERT INTO parents VALUES (9)")).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_and_what_nobody_waits_for_does_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder, 1);
        let (release, holding) = hold(&writer).await;
        let mut given_up = Box::pin(writer.run(|tx| run(tx, "INSERT INTO parents VALUES (1)")));
        assert!(futures_util::FutureExt::now_or_never(given_up.as_mut()).is_none());
        assert!(matches!(writer.run(|tx| count(tx, "parents")).await, Err(Error::Busy)));
        drop(given_up);
        release.send(()).unwrap();
        holding.await.unwrap().unwrap();
        // The held job was answered, so its batch is over and the queue is empty or being emptied.
        let stored = loop {
            match writer.run(|tx| count(tx, "parents")).await {
                Err(Error::Busy) => tokio::task::yield_now().await,
                other => break other.unwrap(),
            }
        };
        assert_eq!(stored, 0);
    }
}
