//! Who is connected: how many in all, how many of one address, and when the last one is gone.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::limits::{Full, Taken};
use crate::metrics::{Door, Metrics};

/// The open connections of one door.
pub(super) struct Connections {
    door: Door,
    max: usize,
    max_per_peer: usize,
    open: Mutex<Taken<PeerKey>>,
    closed: Notify,
    metrics: Metrics,
}

/// A connection that was let in. Dropped when the connection is over.
pub(super) struct Admission {
    connections: Arc<Connections>,
    peer: PeerKey,
}

/// What counts as one peer: an IPv4 address, or the /64 that a site gets with IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PeerKey(IpAddr);

impl Connections {
    pub(super) fn new(door: Door, max: usize, max_per_peer: usize, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { door, max, max_per_peer, open: Mutex::default(), closed: Notify::new(), metrics })
    }

    /// Lets a connection in; else says why not.
    pub(super) fn admit(self: &Arc<Self>, peer: PeerKey) -> Result<Admission, &'static str> {
        self.admit_up_to(peer, self.max_per_peer)
    }

    /// Lets a connection of a proxy in, which has those of everybody.
    pub(super) fn admit_proxy(self: &Arc<Self>, peer: PeerKey) -> Result<Admission, &'static str> {
        self.admit_up_to(peer, self.max)
    }

    fn admit_up_to(self: &Arc<Self>, peer: PeerKey, max_per_peer: usize) -> Result<Admission, &'static str> {
        self.open().take(peer, self.max, max_per_peer).map_err(|full| match full {
            Full::All => "too_many_connections",
            Full::One => "too_many_connections_of_peer",
        })?;
        self.metrics.connection_opened(self.door);
        Ok(Admission { connections: self.clone(), peer })
    }

    /// Waits until no connection is open.
    pub(super) async fn all_closed(&self) {
        loop {
            // Registered before the count is read, so that no close in between is missed.
            let mut closed = std::pin::pin!(self.closed.notified());
            closed.as_mut().enable();
            if self.open().all() == 0 {
                return;
            }
            closed.await;
        }
    }

    fn open(&self) -> MutexGuard<'_, Taken<PeerKey>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.connections.open().give_back(&self.peer);
        self.connections.metrics.connection_closed(self.connections.door);
        self.connections.closed.notify_waiters();
    }
}

impl PeerKey {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn key(address: &str) -> PeerKey {
        PeerKey::of(address.parse().unwrap())
    }

    #[test]
    fn one_peer_does_not_take_all_places() {
        let connections = Connections::new(Door::Device, 3, 2, Metrics::new());
        let first = connections.admit(key("192.0.2.1")).ok().unwrap();
        let _second = connections.admit(key("::ffff:192.0.2.1")).ok().unwrap();
        assert_eq!(connections.admit(key("192.0.2.1")).err(), Some("too_many_connections_of_peer"));
        let _other = connections.admit(key("192.0.2.2")).ok().unwrap();
        assert_eq!(connections.admit(key("192.0.2.3")).err(), Some("too_many_connections"));
        drop(first);
        assert!(connections.admit(key("192.0.2.1")).is_ok());
        assert_eq!(connections.open().holders(), 2);
    }

    #[test]
    fn addresses_of_one_site_are_one_peer() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }

    #[tokio::test]
    async fn the_last_to_leave_is_noticed() {
        let connections = Connections::new(Door::Device, 3, 3, Metrics::new());
        connections.all_closed().await;
        let admission = connections.admit(key("192.0.2.1")).ok().unwrap();
        let mut all_closed = std::pin::pin!(connections.all_closed());
        assert!(all_closed.as_mut().now_or_never().is_none());
        drop(admission);
        all_closed.await;
    }
}
