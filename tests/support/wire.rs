//! One address in front of servers that come and go: connections are passed on in turn, byte by byte.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// An address that stays.
pub(crate) struct Wire {
    pub(crate) addr: SocketAddr,
    servers: Arc<Mutex<Vec<SocketAddr>>>,
    passing: JoinHandle<()>,
    passed: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Wire {
    /// An address with nobody behind it yet.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let servers: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let behind = Arc::clone(&servers);
        let passed: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let kept = Arc::clone(&passed);
        let passing = tokio::spawn(async move {
            let turn = AtomicUsize::new(0);
            while let Ok((mut near, _)) = listener.accept().await {
                let servers = behind.lock().unwrap().clone();
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                // Whoever finds nobody is hung up on.
                let Some(server) = servers.get(turn % servers.len().max(1)).copied() else { continue };
                let one = tokio::spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(server).await {
                        let _ = near.set_nodelay(true);
                        let _ = far.set_nodelay(true);
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
                kept.lock().unwrap().push(one.abort_handle());
            }
        });
        Self { addr, servers, passing, passed }
    }

    /// From now on these are behind it.
    pub(crate) fn lead_to(&self, servers: impl IntoIterator<Item = SocketAddr>) {
        *self.servers.lock().unwrap() = servers.into_iter().collect();
    }

    /// Cuts all connections; from now on nobody is behind it.
    pub(crate) fn cut(&self) {
        self.lead_to([]);
        self.passed.lock().unwrap().drain(..).for_each(|one| one.abort());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.passing.abort();
    }
}
