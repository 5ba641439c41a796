//! Which addresses may be called. An operator who may set up a receiver need not be one who may reach the inside of the
//! network that the server stands in.

use std::net::IpAddr;

use reqwest::Url;

use crate::pki::guard::is_public;

/// Longest address.
const LONGEST: usize = 2048;

/// Which addresses may be called, beyond `https` ones of the public network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Names and addresses, in lower case, that may be in a private network.
    pub private: Vec<String>,
    /// Whether these may be called without TLS.
    pub plain: bool,
}

/// Why an address is not called. Shown to operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// It is none.
    #[error("this is no URL; write one such as https://events.example.com/transom")]
    NotAUrl,
    /// Longer than any address has to be.
    #[error("a URL has at most 2048 characters")]
    TooLong,
    /// Another scheme.
    #[error("only https is called (http to hosts of webhooks.private_hosts, with webhooks.allow_http)")]
    Scheme,
    /// With a name or password.
    #[error("a URL with a name or password is not called: deliveries are signed instead")]
    UserInfo,
    /// It is an address of a private network.
    #[error("the address is not of the public network; list its host in webhooks.private_hosts")]
    Private,
}

/// The URL, where it may be called. A name may still lead into a private network: that is seen when it is called.
pub(super) fn checked(text: &str, hosts: &Hosts) -> Result<Url, AddressRefused> {
    if text.len() > LONGEST {
        return Err(AddressRefused::TooLong);
    }
    let mut url = Url::parse(text.trim()).map_err(|_| AddressRefused::NotAUrl)?;
    let host = url.host_str().ok_or(AddressRefused::NotAUrl)?.trim_matches(['[', ']']).to_ascii_lowercase();
    let is_exempt = hosts.private.contains(&host);
    match url.scheme() {
        "https" => {}
        "http" if hosts.plain && is_exempt => {}
        _ => return Err(AddressRefused::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressRefused::UserInfo);
    }
    // Nobody looks an address up: what would be refused then is refused here.
    let is_private = match host.parse::<IpAddr>() {
        Ok(address) => !is_public(address),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    if is_private && !is_exempt {
        return Err(AddressRefused::Private);
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_network_are_called() {
        let none = Hosts::default();
        for (text, why) in [
            ("events.example.com", AddressRefused::NotAUrl),
            ("https://", AddressRefused::NotAUrl),
            ("http://events.example.com/", AddressRefused::Scheme),
            ("ftp://events.example.com/", AddressRefused::Scheme),
            ("file:///etc/passwd", AddressRefused::NotAUrl),
            ("https://user:password@events.example.com/", AddressRefused::UserInfo),
            ("https://user@events.example.com/", AddressRefused::UserInfo),
            ("https://127.0.0.1/", AddressRefused::Private),
            ("https://2130706433/", AddressRefused::Private),
            ("https://0x7f.1/", AddressRefused::Private),
            ("https://169.254.169.254/latest/meta-data", AddressRefused::Private),
            ("https://[::1]:8080/", AddressRefused::Private),
            ("https://[::ffff:10.0.0.1]/", AddressRefused::Private),
            ("https://10.1.2.3:8443/x", AddressRefused::Private),
            ("https://localhost/", AddressRefused::Private),
            ("https://metadata.localhost/", AddressRefused::Private),
        ] {
            assert_eq!(checked(text, &none), Err(why), "{text}");
        }
        let long = format!("https://events.example.com/{}", "a".repeat(3000));
        assert_eq!(checked(&long, &none), Err(AddressRefused::TooLong));
        let url = checked(" https://events.example.com/a?b=c#d", &none).unwrap();
        assert_eq!(url.as_str(), "https://events.example.com/a?b=c");
    }

    #[test]
    fn a_host_that_is_listed_may_be_private_and_no_other() {
        let mut hosts = Hosts { private: vec!["siem.corp".into(), "10.0.0.9".into()], plain: false };
        assert!(checked("https://10.0.0.9:8443/x", &hosts).is_ok());
        assert_eq!(checked("https://10.0.0.8/", &hosts), Err(AddressRefused::Private));
        assert_eq!(checked("http://siem.corp/", &hosts), Err(AddressRefused::Scheme));
        hosts.plain = true;
        assert!(checked("http://SIEM.corp/", &hosts).is_ok());
        assert_eq!(checked("http://events.example.com/", &hosts), Err(AddressRefused::Scheme));
    }
}
