//! PostgreSQL goes away and comes back: nothing is half done, and the store heals by itself.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use transom::store::{DatabaseUrl, Error, Store, StoreOptions, Tx};

use super::{NOW, device, get, order};
use crate::support::databases::{self, Direct, Engine, TestStore};

/// Ends every connection to the test's schema but this one, as a restart of the server does.
fn end_connections(direct: &mut Direct) -> i64 {
    direct.number(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE application_name = current_schema() AND pid <> pg_backend_pid()",
    )
}

#[test]
fn connections_that_were_cut_while_idle_are_replaced_unnoticed() {
    databases::run(Engine::Postgres, async |test: &TestStore| {
        test.enroll("a").await;
        let mut direct = test.direct();
        // As many connections as the pool holds.
        let (barrier, count) = (Arc::new(std::sync::Barrier::new(6)), databases::options().connections);
        let readers = (0..count).map(|_| {
            let (store, barrier) = (test.store.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                store
                    .read(move |tx| {
                        barrier.wait();
                        tx.tokens()
                    })
                    .await
            })
        });
        for reader in readers.collect::<Vec<_>>() {
            reader.await.unwrap().unwrap();
        }
        assert_eq!(end_connections(&mut direct), i64::from(count));
        for number in 0..8 {
            let order = order(&["a"], vec![get(&format!("./{number}"))]);
            test.store.write(move |tx| tx.enqueue(&order, NOW)).await.unwrap();
        }
        assert_eq!(direct.number("SELECT count(*) FROM commands"), 8);
    });
}

#[test]
fn a_connection_that_is_cut_in_a_transaction_leaves_nothing() {
    databases::run(Engine::Postgres, async |test: &TestStore| {
        test.enroll("a").await;
        let mut direct = test.direct();
        let cut = test.store.write(move |tx| {
            tx.enqueue(&order(&["a"], vec![get("./A")]), NOW)?;
            end_connections(&mut direct);
            tx.enqueue(&order(&["a"], vec![get("./B")]), NOW)
        });
        assert!(matches!(cut.await, Err(Error::Unavailable(_))));
        let mut direct = test.direct();
        assert_eq!(direct.number("SELECT count(*) FROM commands"), 0);
        let at_the_end = test.store.write(move |tx| {
            let enqueued = tx.enqueue(&order(&["a"], vec![get("./A")]), NOW)?;
            end_connections(&mut direct);
            Ok::<_, Error>(enqueued)
        });
        assert!(matches!(at_the_end.await, Err(Error::Unavailable(_))), "what was not committed is not answered");
        assert_eq!(test.direct().number("SELECT count(*) FROM commands"), 0);
        assert_eq!(test.enqueue("a", vec![get("./C")]).await.len(), 1);
        assert_eq!(test.direct().number("SELECT sequence FROM commands"), 1);
    });
}

#[test]
fn a_lock_that_is_not_given_back_is_busy() {
    databases::run(Engine::Postgres, async |test: &TestStore| {
        test.enroll("a").await;
        let options = StoreOptions { patience: Duration::from_millis(100), ..databases::options() };
        let store = Store::open(&test.url, databases::key(), &options).unwrap();
        let mut other = test.direct();
        other.execute("BEGIN; SELECT 1 FROM enrollments FOR UPDATE");
        let refused = store.write(|tx| tx.live_enrollments(&device("a"))).await;
        assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
        other.execute("ROLLBACK");
        assert_eq!(store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap().len(), 1);
    });
}

#[test]
fn a_server_that_is_down_is_told_and_used_again_when_it_is_up() {
    databases::run(Engine::Postgres, async |test: &TestStore| {
        test.enroll("a").await;
        let address = "SELECT host(inet_server_addr()) || ':' || inet_server_port() AS text";
        let server: SocketAddr = test.direct().texts(address)[0].parse().unwrap();
        let wire = Wire::to(server);
        let DatabaseUrl::Postgres(url) = &test.url else { return };
        let url = format!("{url}&host=127.0.0.1&port={}", wire.address.port()).parse().unwrap();
        let options = StoreOptions { patience: Duration::from_secs(2), ..databases::options() };
        let store = Store::open(&url, databases::key(), &options).unwrap();
        let look = || store.write(|tx| tx.live_enrollments(&device("a")));
        for _ in 0..2 {
            assert_eq!(look().await.unwrap().len(), 1);
            wire.cut();
            let down = look().await;
            assert!(matches!(down, Err(Error::Unavailable(_))), "{down:?}");
            wire.mend();
        }
        assert_eq!(look().await.unwrap().len(), 1);
    });
}

#[test]
fn a_server_that_only_lets_read_is_noticed_and_so_is_its_recovery() {
    databases::run(Engine::Postgres, async |test: &TestStore| {
        let mut direct = test.direct();
        let role = direct.texts("SELECT 'only_reads_' || current_schema() AS text").remove(0);
        direct.execute(&format!("CREATE ROLE {role} LOGIN SUPERUSER"));
        let DatabaseUrl::Postgres(url) = &test.url else { return };
        let store =
            Store::open(&format!("{url}&user={role}").parse().unwrap(), databases::key(), &databases::options());
        let store = store.unwrap();
        let probe = || store.write(|tx| tx.probe(NOW));
        probe().await.unwrap();
        // As a standby, or a server that was told so because its disk is full.
        direct.execute(&format!("ALTER ROLE {role} SET default_transaction_read_only = on"));
        end_connections(&mut direct);
        let told = probe().await;
        assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
        assert!(format!("{told:?}").contains("read-only"), "{told:?}");
        store.read(|tx: &mut Tx<'_>| tx.ping()).await.unwrap();
        direct.execute(&format!("ALTER ROLE {role} RESET default_transaction_read_only"));
        end_connections(&mut direct);
        probe().await.unwrap();
        drop(store);
        end_connections(&mut direct);
        direct.execute(&format!("DROP ROLE {role}"));
    });
}

/// A wire to a server that can be cut.
struct Wire {
    address: SocketAddr,
    whole: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self {
            address: listener.local_addr().unwrap(),
            whole: Arc::new(AtomicBool::new(true)),
            streams: Arc::default(),
        };
        let (whole, streams) = (Arc::clone(&wire.whole), Arc::clone(&wire.streams));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if whole.load(Ordering::SeqCst) {
                    let _ = connect(client, server, &streams);
                }
            }
        });
        wire
    }

    /// Ends what is connected, and refuses what comes.
    fn cut(&self) {
        self.whole.store(false, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.whole.store(true, Ordering::SeqCst);
    }
}

fn connect(client: TcpStream, server: SocketAddr, streams: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    streams.lock().unwrap().extend([client.try_clone()?, server.try_clone()?]);
    for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
