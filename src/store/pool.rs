//! Jobs on pooled connections: all of them on PostgreSQL, the reading ones on SQLite.
//!
//! As many jobs run as there are connections; the others wait without holding a thread, in bounded number and for a
//! bounded time. A connection that broke is replaced when it is next needed: the pool heals by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool as R2d2, R2D2Connection};
use diesel::result::{DatabaseErrorKind, Error as Diesel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::tx::{Conn, Tx};
use super::writer::run_caught;
use super::{Error, SealKey, StoreOptions};

/// Connections of one kind.
pub(super) struct Pool<C: R2D2Connection + Send + 'static> {
    connections: R2d2<ConnectionManager<C>>,
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
    patience: Duration,
    key: Arc<SealKey>,
}

/// A connection as the enumeration that transactions work on.
pub(super) trait AsConn {
    /// The same connection.
    fn as_conn(&mut self) -> Conn<'_>;
}

impl<C> Pool<C>
where
    C: R2D2Connection + AsConn + Send + 'static,
{
    /// Connects, or says why not.
    pub(super) fn open(
        url: &str,
        options: &StoreOptions,
        prepare: Box<dyn CustomizeConnection<C, diesel::r2d2::Error>>,
        key: Arc<SealKey>,
    ) -> Result<Self, Error> {
        let size = options.connections.max(1);
        let connections = R2d2::builder()
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(options.patience)
            // A ping before each job would cost as much as a statement; a dead connection is noticed at its BEGIN.
            .test_on_check_out(false)
            .connection_customizer(prepare)
            .build(ConnectionManager::new(url))
            .map_err(Error::unavailable)?;
        Ok(Self {
            connections,
            turns: Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1))),
            waiting: Arc::default(),
            queue: options.queue,
            patience: options.patience,
            key,
        })
    }

    /// Runs a job in a transaction that begins with `begin`.
    pub(super) async fn run<T, E, F>(&self, begin: &'static str, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let turn = self.turn().await?;
        let (connections, key) = (self.connections.clone(), Arc::clone(&self.key));
        let working = tokio::task::spawn_blocking(move || {
            let result = run_on(&connections, &key, begin, job);
            drop(turn);
            result
        });
        match working.await {
            Ok(result) => result,
            // The program ends before the job has begun: whoever waits ends with it, and there is no bug to tell of.
            Err(error) if error.is_cancelled() => std::future::pending().await,
            Err(_) => Err(Error::Panicked.into()),
        }
    }

    /// Waits for a turn.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let place = Place::take(&self.waiting, self.queue)?;
        let turn = tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await;
        drop(place);
        turn.map_err(|_| Error::Busy)?.map_err(Error::unavailable)
    }
}

fn run_on<C, T, E, F>(connections: &R2d2<ConnectionManager<C>>, key: &SealKey, begin: &str, job: F) -> Result<T, E>
where
    C: R2D2Connection + AsConn + Send + 'static,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    E: From<Error>,
{
    // After a restart of the server every idle connection is dead; each is found out once.
    for _ in 0..=connections.max_size() {
        let mut connection = connections.get().map_err(Error::unavailable)?;
        let mut conn = connection.as_conn();
        match conn.begin(begin) {
            Ok(()) => return run_in_transaction(conn, key, job),
            Err(Diesel::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) => conn.give_up(),
            Err(error) => {
                conn.give_up();
                return Err(Error::from(error).into());
            }
        }
    }
    Err(Error::unavailable("every connection was found closed").into())
}

fn run_in_transaction<T, E, F>(conn: Conn<'_>, key: &SealKey, job: F) -> Result<T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
    E: From<Error>,
{
    let mut tx = Tx::new(conn, key);
    let result = run_caught(job, &mut tx);
    let ended = if result.is_ok() { tx.conn.commit() } else { tx.conn.roll_back() };
    match ended {
        Ok(()) => result,
        Err(error) => {
            tx.conn.give_up();
            result.and(Err(Error::from(error).into()))
        }
    }
}

/// A place among those who wait.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, most: usize) -> Result<Self, Error> {
        let place = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::Relaxed) < most { Ok(place) } else { Err(Error::Busy) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
