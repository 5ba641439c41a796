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
    /// Tells the caller; to be given how the commit went.
    answer: Box<dyn FnOnce(Result<(), Error>)>,
}

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

    fn commit_together(&mut self, batch: Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return;
        }
        let mut connection = match self.connection.take().map_or_else(|| (self.connect)(), Ok) {
            Ok(connection) => connection,
            Err(error) => return refuse(batch, &error),
        };
        if run_batch(&mut connection, &self.key, batch) {
            self.connection = Some(connection);
        }
    }
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
) -> (Box<dyn FnOnce(Result<(), Error>)>, Result<(), Error>) {
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
