//! Proxies in front of the doors: `[proxy]`.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Proxies in front of the doors, and what they are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proxy {
    /// Addresses and networks of the proxies.
    #[serde(with = "networks")]
    pub trusted: Vec<Network>,
    /// The header with the client certificate that they pass on; empty for none.
    pub certificate_header: HeaderName,
    /// The header with the address of the client; empty for none.
    pub address_header: HeaderName,
    /// Whether their connections begin with the PROXY protocol.
    pub protocol: bool,
}

/// An address, or a network such as `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// The name of a header in lower case; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderName(String);

impl Network {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl HeaderName {
    /// The name, if there is one.
    pub fn name(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|name| !name.is_empty())
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse::<IpNet>().or_else(|_| address());
        network.map(Self).map_err(|_| "write an address, or a network such as 10.1.0.0/16")
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for HeaderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        // Proxies and servers do not agree on whether an underscore is a dash.
        let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(Self(name)) } else { Err("the name of a header has letters, digits and dashes") }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Networks as any list of the settings.
mod networks {
    use serde::{Deserializer, Serializer, de::Error as _};

    use super::Network;
    use crate::config::values::list;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
        let words = list::deserialize(deserializer)?;
        words.iter().map(|word| word.parse().map_err(|what| D::Error::custom(format!("{word}: {what}")))).collect()
    }

    pub(super) fn serialize<S: Serializer>(networks: &[Network], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(networks)
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
as_text!(Network, HeaderName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_told_apart_from_everything_else() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains([10, 1, 2, 3].into()) && !network.contains([10, 2, 2, 3].into()));
        let one: Network = " 192.0.2.7 ".parse().unwrap();
        assert!(one.contains([192, 0, 2, 7].into()) && !one.contains([192, 0, 2, 8].into()));
        assert!("::1".parse::<Network>().unwrap().contains(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
        for wrong in ["", "localhost", "10.0.0.0/33", "10.0.0"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        let written: Proxy = serde_json::from_str(r#"{"trusted": "10.0.0.5, 10.1.0.0/16"}"#).unwrap();
        assert_eq!(written.trusted, [Network("10.0.0.5/32".parse().unwrap()), network]);
        assert!(serde_json::from_str::<Proxy>(r#"{"trusted": ["proxy.example"]}"#).is_err());
        assert_eq!("Client-Cert".parse::<HeaderName>().unwrap().name(), Some("client-cert"));
        assert_eq!(HeaderName::default().name(), None);
        assert!("ssl_client_cert".parse::<HeaderName>().is_err());
    }
}
