//! Where the server may call: never into a private network because somebody else said so.
//!
//! Addresses that come from devices, or from whoever set up a receiver of events, could name a service that only this
//! machine can reach. Names are looked up for every connection, and what was looked up is what is connected to, so that
//! a name which resolves otherwise a moment later does not help.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Looks names up, and refuses those that lead into a private network: asked for every connection.
///
/// An address in place of a name is not looked up: whoever calls one asks [`is_public`] first.
pub struct Guard {
    /// Names that an operator wrote.
    exempt: Vec<String>,
    lookup: Lookup,
}

/// Looks a name up.
pub(crate) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The name leads into a private network.
#[derive(Debug, thiserror::Error)]
#[error("the name has a private address")]
pub struct PrivateAddress;

/// Why a call got no answer, without the address: the library's own words hold it. Shown to operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Its host has a private address.
    #[error("the host has a private address: it is not called")]
    Private,
    /// In time.
    #[error("no answer in time")]
    TimedOut,
    /// Nobody there, or somebody else.
    #[error("can't connect: {0}")]
    Connect(String),
    /// In the middle.
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl From<&reqwest::Error> for Unanswered {
    fn from(error: &reqwest::Error) -> Self {
        let mut cause = std::error::Error::source(error);
        let mut last = None;
        while let Some(error) = cause {
            if error.downcast_ref::<PrivateAddress>().is_some() {
                return Self::Private;
            }
            last = Some(error.to_string());
            cause = error.source();
        }
        let last: String = last.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
        match error {
            error if error.is_timeout() => Self::TimedOut,
            error if error.is_connect() => Self::Connect(last),
            _ => Self::Broken(last),
        }
    }
}

impl Guard {
    /// As the system looks names up. `exempt` are names that an operator wrote, and that may be anywhere.
    pub fn new(exempt: Vec<String>) -> Self {
        Self::with_lookup(exempt, Arc::new(system_lookup))
    }

    /// With another way to look names up.
    pub(crate) const fn with_lookup(exempt: Vec<String>, lookup: Lookup) -> Self {
        Self { exempt, lookup }
    }
}

fn system_lookup(name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }.boxed()
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let is_exempt = self.exempt.iter().any(|exempt| exempt.eq_ignore_ascii_case(name.as_str()));
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?;
            // One bad address among good ones is enough: whoever mixes them wants one of two tries to get through.
            if !is_exempt && !found.iter().all(|address| is_public(address.ip())) {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public network.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        // NAT64: the last half is an IPv4 address.
        return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    let [a, b, ..] = segments;
    // Of the global addresses neither documentation nor tunnels, which end wherever they say.
    a & 0xe000 == 0x2000 && !(a == 0x2001 && (b == 0x0db8 || b < 0x0200)) && a != 0x2002 && a != 0x3fff
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("exempt", &self.exempt).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_network_are_called() {
        let mut bad: Vec<IpAddr> = Vec::new();
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::1",
            "::127.0.0.1",
        ] {
            bad.push(text.parse().unwrap());
        }
        for address in bad {
            assert!(!is_public(address), "{address}");
        }
        for text in
            ["13.107.4.50", "172.32.0.1", "100.128.0.1", "2603:1030::1", "::ffff:13.107.4.50", "64:ff9b::d6b:432"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
