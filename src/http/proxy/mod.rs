//! What proxies in front of the doors say of clients, and what anybody else says in their name (threat T12).
//!
//! A header counts only from an address that the settings name, only the one header that they name, and only when it is
//! there once. The same headers from anybody else are lies: whoever sends them tries whether they are believed.

mod certificate;
mod protocol;

use std::{net::IpAddr, sync::Arc};

use actix_web::http::header::HeaderMap;
use transom_protocol::session::Timestamp;

use crate::{
    config,
    pki::{LiveAuthorities, Presented},
};

pub(super) use protocol::{Announced, announced, looks_announced};

/// Headers in which proxies pass on certificates of clients.
const CERTIFICATES: &[&str] = &[
    "client-cert",
    "client-cert-chain",
    "ssl-client-cert",
    "x-amzn-mtls-clientcert",
    "x-amzn-mtls-clientcert-leaf",
    "x-arr-clientcert",
    "x-client-cert",
    "x-client-certificate",
    "x-forwarded-client-cert",
    "x-forwarded-ssl-client-cert",
    "x-forwarded-tls-client-cert",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-tls-client-cert",
];

/// Headers in which proxies pass on addresses of clients.
const ADDRESSES: &[&str] = &["forwarded", "true-client-ip", "x-client-ip", "x-forwarded-for", "x-real-ip"];

/// The proxies of an installation.
pub(super) struct Proxies {
    settings: config::Proxy,
    authorities: Arc<LiveAuthorities>,
}

/// Who is at the far end, beyond any proxy.
#[derive(Debug, Clone)]
pub(super) struct FarSide {
    pub(super) peer: IpAddr,
    pub(super) certificate: Option<Arc<Presented>>,
}

/// A word of a proxy that is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyRefused {
    /// It is not from a proxy that the settings name.
    Stranger,
    /// It is there more than once, or under more than one name.
    Several,
    /// It can't be read.
    Unreadable,
}

impl ProxyRefused {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "proxy_header_of_a_stranger",
            Self::Several => "proxy_header_twice",
            Self::Unreadable => "proxy_header_unreadable",
        }
    }
}

impl Proxies {
    pub(super) fn new(settings: &config::Proxy, authorities: Arc<LiveAuthorities>) -> Arc<Self> {
        Arc::new(Self { settings: settings.clone(), authorities })
    }

    /// Whether a proxy of ours has this address.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.settings.trusted.iter().any(|network| network.contains(address))
    }

    /// Whether its connections begin with the PROXY protocol.
    pub(super) fn announces(&self, address: IpAddr) -> bool {
        self.settings.protocol && self.trusts(address)
    }

    /// Who is at the far end of a request that came over a connection from `hop`, for `peer`, with this certificate.
    pub(super) fn far_side(
        &self,
        headers: &HeaderMap,
        hop: IpAddr,
        direct: FarSide,
        now: Timestamp,
    ) -> Result<FarSide, ProxyRefused> {
        let mut certificates = named(headers, CERTIFICATES, self.settings.certificate_header.name());
        let mut addresses = named(headers, ADDRESSES, self.settings.address_header.name());
        if !self.trusts(hop) {
            return match (certificates.next(), addresses.next()) {
                (None, None) => Ok(direct),
                _ => Err(ProxyRefused::Stranger),
            };
        }
        let certificate = match self.settings.certificate_header.name() {
            // What the proxy itself shows is not the client's.
            Some(name) => self.certificate(certificates, name, hop, now)?,
            None => match certificates.next() {
                Some(_) => return Err(ProxyRefused::Several),
                None => direct.certificate,
            },
        };
        let peer = match self.settings.address_header.name() {
            Some(name) => address(headers, name)?.unwrap_or(direct.peer),
            // Many proxies write one unasked; nobody reads it.
            None => direct.peer,
        };
        Ok(FarSide { peer, certificate })
    }

    /// Whose a request at the admin door is that came over a connection from `hop`, for `peer`. There it decides about
    /// no identity, only about who is counted and noted: what is no good word of a proxy of ours is not listened to.
    pub(super) fn client(&self, headers: &HeaderMap, hop: IpAddr, peer: IpAddr) -> IpAddr {
        let named = self.settings.address_header.name().filter(|_| self.trusts(hop));
        named.and_then(|name| address(headers, name).ok().flatten()).unwrap_or(peer)
    }

    fn certificate<'a>(
        &self,
        mut found: impl Iterator<Item = (&'a str, &'a [u8])>,
        name: &str,
        hop: IpAddr,
        now: Timestamp,
    ) -> Result<Option<Arc<Presented>>, ProxyRefused> {
        let Some((first, value)) = found.next() else { return Ok(None) };
        if first != name || found.next().is_some() {
            return Err(ProxyRefused::Several);
        }
        // Some proxies write the header also where the client showed nothing.
        if value.trim_ascii().is_empty() {
            return Ok(None);
        }
        let der = certificate::read(value).ok_or(ProxyRefused::Unreadable)?;
        let presented = Presented::passed_on(der, &self.authorities.current(), hop, now);
        Ok(Some(Arc::new(presented)))
    }
}

/// Every header that has one of these names, or the one that the settings add, however it is written.
fn named<'a>(
    headers: &'a HeaderMap,
    names: &'static [&'static str],
    own: Option<&'a str>,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    headers.iter().filter_map(move |(name, value)| {
        let name = name.as_str();
        let plain = name.replace('_', "-");
        let is_one = names.contains(&plain.as_str()) || own.is_some_and(|own| own == plain);
        is_one.then_some((name, value.as_bytes()))
    })
}

/// The address that the proxy itself saw: the last one, because what stands before it is the client's word.
fn address(headers: &HeaderMap, name: &str) -> Result<Option<IpAddr>, ProxyRefused> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ProxyRefused::Several);
    }
    let text = value.to_str().map_err(|_| ProxyRefused::Unreadable)?;
    let last = text.rsplit(',').next().unwrap_or_default().trim();
    let address = last.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(last);
    address.parse::<IpAddr>().map(|address| Some(address.to_canonical())).map_err(|_| ProxyRefused::Unreadable)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::pki::{Authorities, AuthorityKey, CertificateAuthority};

    const NOW: Timestamp = Timestamp(1_795_000_000_000);
    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5));
    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn proxies() -> Proxies {
        let authority = CertificateAuthority::create_with(AuthorityKey::P256, "Test", NOW).unwrap();
        let authorities = Arc::new(LiveAuthorities::fixed(Authorities::of(authority).unwrap()));
        let settings = config::Proxy {
            trusted: vec!["10.0.0.5".parse().unwrap()],
            certificate_header: "client-cert".parse().unwrap(),
            address_header: "x-forwarded-for".parse().unwrap(),
            protocol: false,
        };
        Proxies { settings, authorities }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn judged(pairs: &[(&str, &str)], hop: IpAddr) -> Result<(IpAddr, bool), ProxyRefused> {
        let direct = FarSide { peer: hop, certificate: None };
        let side = proxies().far_side(&headers(pairs), hop, direct, NOW)?;
        Ok((side.peer, side.certificate.is_some()))
    }

    /// A certificate of RFC 9440, section 2.2, and only as long as it has to be to look like one.
    const CERTIFICATE: &str = ":MAMCAQE=:";

    #[test]
    fn a_proxy_that_the_settings_name_speaks_for_its_clients() {
        let good = [("Client-Cert", CERTIFICATE), ("X-Forwarded-For", "203.0.113.9, 192.0.2.7")];
        assert_eq!(judged(&good, PROXY), Ok((CLIENT, true)));
        assert_eq!(judged(&good[..1], PROXY), Ok((PROXY, true)));
        assert!(!judged(&[("client-cert", ""), ("X-Forwarded-For", "[2001:db8::1]:4711")], PROXY).unwrap().1);
        assert_eq!(judged(&[("X-Real-IP", "203.0.113.9")], PROXY), Ok((PROXY, false)));
    }

    #[test]
    fn at_the_admin_door_only_a_proxy_says_whose_a_request_is() {
        let client = |pairs: &[(&str, &str)], hop| proxies().client(&headers(pairs), hop, hop);
        assert_eq!(client(&[("X-Forwarded-For", "203.0.113.9, 192.0.2.7")], PROXY), CLIENT);
        assert_eq!(client(&[], PROXY), PROXY);
        let other = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 3));
        assert_eq!(client(&[("X-Forwarded-For", "192.0.2.7")], other), other, "a stranger is not listened to");
        let twice = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "192.0.2.8")];
        assert_eq!(client(&twice, PROXY), PROXY);
        assert_eq!(client(&[("X-Forwarded-For", "nobody")], PROXY), PROXY);
        assert_eq!(client(&[("X-Real-IP", "192.0.2.7")], PROXY), PROXY, "the settings name another one");
    }

    #[test]
    fn anybody_else_who_speaks_like_one_is_turned_away() {
        for name in
            ["Client-Cert", "CLIENT_CERT", "X-SSL-Client-Cert", "ssl_client_cert", "X-Forwarded-For", "x_real_ip"]
        {
            assert_eq!(judged(&[(name, CERTIFICATE)], CLIENT), Err(ProxyRefused::Stranger), "{name}");
        }
        assert_eq!(judged(&[("User-Agent", "x")], CLIENT), Ok((CLIENT, false)));
    }

    #[test]
    fn what_a_proxy_let_through_beside_its_own_word_is_not_chosen_from() {
        for other in ["Client-Cert", "Client_Cert", "X-SSL-Client-Cert", "x-forwarded-client-cert"] {
            let pairs = [("Client-Cert", CERTIFICATE), (other, CERTIFICATE)];
            assert_eq!(judged(&pairs, PROXY), Err(ProxyRefused::Several), "{other}");
        }
        assert_eq!(judged(&[("x-ssl-client-cert", CERTIFICATE)], PROXY), Err(ProxyRefused::Several));
        let twice = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "192.0.2.8")];
        assert_eq!(judged(&twice, PROXY), Err(ProxyRefused::Several));
        for (name, value) in [("Client-Cert", "%%%"), ("Client-Cert", ":AAAA:"), ("X-Forwarded-For", "nobody")] {
            assert_eq!(judged(&[(name, value)], PROXY), Err(ProxyRefused::Unreadable), "{value}");
        }
    }
}
