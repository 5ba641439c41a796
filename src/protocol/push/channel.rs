//! The address of a channel, as a device reports it (`Push/ChannelURI`).

use std::net::Ipv4Addr;

/// An address that a push may be sent to: `https`, a name below `notify.windows.com`, port 443, and nothing that could
/// lead elsewhere. Whoever has it can wake the device, so that it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelUri {
    text: String,
    host: String,
    port: u16,
}

/// A host and port that tests may use in place of Microsoft's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestHost {
    host: String,
    port: u16,
}

/// Why a text is no address of a channel. No message repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAChannel {
    /// Nothing: the device has no channel yet.
    #[error("it is empty")]
    Empty,
    /// Longer than any real one.
    #[error("it is longer than {} bytes", ChannelUri::MAX_LEN)]
    TooLong,
    /// A character that has no place in a URI.
    #[error("it holds a character that has no place in a URI")]
    Character,
    /// Another scheme, or none.
    #[error("it is not https")]
    NotHttps,
    /// `user@`.
    #[error("it holds a user name")]
    UserInfo,
    /// An address in numbers.
    #[error("its host is an IP address")]
    IpLiteral,
    /// Another port than 443.
    #[error("it names another port than 443")]
    Port,
    /// A host that is not Microsoft's.
    #[error("its host is not below notify.windows.com")]
    ForeignHost,
    /// `#…`, which no request carries.
    #[error("it holds a fragment")]
    Fragment,
}

/// What every host of a channel ends with.
const DOMAIN: &str = ".notify.windows.com";

impl ChannelUri {
    /// Longest that is taken, in bytes. Real ones have a few hundred.
    pub const MAX_LEN: usize = 2048;

    /// An address, when the text can be one. `test_hosts` are taken besides, for tests.
    pub fn parse(text: &str, test_hosts: &[TestHost]) -> Result<Self, NotAChannel> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(NotAChannel::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(NotAChannel::TooLong);
        }
        // What one reader takes for a separator and another does not (a backslash, a tab) is not argued about.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte)) {
            return Err(NotAChannel::Character);
        }
        let (scheme, rest) = text.split_at_checked("https://".len()).ok_or(NotAChannel::NotHttps)?;
        if !scheme.eq_ignore_ascii_case("https://") {
            return Err(NotAChannel::NotHttps);
        }
        if rest.contains('#') {
            return Err(NotAChannel::Fragment);
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(NotAChannel::UserInfo);
        }
        if authority.starts_with('[') {
            return Err(NotAChannel::IpLiteral);
        }
        let (host, port) = match authority.split_once(':') {
            None => (authority, 443),
            Some((host, port)) => (host, number(port).ok_or(NotAChannel::Port)?),
        };
        let host = host.to_ascii_lowercase();
        let uri = |host| Self { text: text.to_owned(), host, port };
        if test_hosts.iter().any(|test| test.host == host && test.port == port) {
            return Ok(uri(host));
        }
        if host.parse::<Ipv4Addr>().is_ok() {
            return Err(NotAChannel::IpLiteral);
        }
        let labels = host.strip_suffix(DOMAIN).ok_or(NotAChannel::ForeignHost)?;
        if host.len() > 253 || !labels.split('.').all(is_label) {
            return Err(NotAChannel::ForeignHost);
        }
        if port == 443 { Ok(uri(host)) } else { Err(NotAChannel::Port) }
    }

    /// The address, for the one request that needs it, and for keeping it sealed.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl std::fmt::Debug for ChannelUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChannelUri(https://{}/…)", self.host)
    }
}

impl TestHost {
    /// From `host:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.trim().rsplit_once(':')?;
        let fits = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        let port = number(port)?;
        fits.then(|| Self { host: host.to_ascii_lowercase(), port })
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl std::fmt::Display for TestHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn number(port: &str) -> Option<u16> {
    let digits = matches!(port.len(), 1..=5) && port.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| port.parse().ok()).flatten()
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> NotAChannel {
        ChannelUri::parse(text, &[]).unwrap_err()
    }

    #[test]
    fn addresses_below_notify_windows_com_are_channels() {
        for text in [
            "https://db5.notify.windows.com/?token=AwYAAAD%2bexample%3d",
            "https://wns2-am3p.notify.windows.com:443/w/?token=x",
            "HTTPS://SG2P.Notify.Windows.COM/?token=x",
            "  https://a.b.notify.windows.com/x\n",
        ] {
            let uri = ChannelUri::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(uri.expose(), text.trim());
            assert!(uri.host().ends_with(".notify.windows.com"));
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        use NotAChannel::{Character, Empty, ForeignHost, Fragment, IpLiteral, NotHttps, Port, TooLong, UserInfo};
        let long = format!("https://db5.notify.windows.com/{}", "a".repeat(1024 * 1024));
        for (text, why) in [
            ("", Empty),
            (" \t", Empty),
            (long.as_str(), TooLong),
            ("http://db5.notify.windows.com/", NotHttps),
            ("http://169.254.169.254/", NotHttps),
            ("ftp://db5.notify.windows.com/", NotHttps),
            ("//db5.notify.windows.com/", NotHttps),
            ("https:", NotHttps),
            ("https://169.254.169.254/", IpLiteral),
            ("https://127.0.0.1/", IpLiteral),
            ("https://[::1]/", IpLiteral),
            ("https://2130706433/", ForeignHost),
            ("https://0x7f.1/", ForeignHost),
            ("https://notify.windows.com.evil.test/", ForeignHost),
            ("https://evilnotify.windows.com/", ForeignHost),
            ("https://notify.windows.com/", ForeignHost),
            ("https://.notify.windows.com/", ForeignHost),
            ("https://a..notify.windows.com/", ForeignHost),
            ("https://db5.notify.windows.com./", ForeignHost),
            ("https://db%35.notify.windows.com/", ForeignHost),
            ("https://-a.notify.windows.com/", ForeignHost),
            ("https:///db5.notify.windows.com/", ForeignHost),
            ("https://evil.test?.notify.windows.com/", ForeignHost),
            ("https://user@db5.notify.windows.com/", UserInfo),
            ("https://user:pw@db5.notify.windows.com/", UserInfo),
            ("https://db5.notify.windows.com@evil.test/", UserInfo),
            ("https://db5.notify.windows.com:8443/", Port),
            ("https://db5.notify.windows.com:/", Port),
            ("https://db5.notify.windows.com:443:80/", Port),
            ("https://db5.notify.windows.com:+443/", Port),
            ("https://evil.test#.notify.windows.com/", Fragment),
            ("https://db5.notify.windows.com/#x", Fragment),
            ("https://evil.test\\.notify.windows.com/", Character),
            ("https://db5.notify.windows.com/\r\nHost: evil.test", Character),
            ("https://db5.notify.win\u{200b}dows.com/", Character),
            ("https://ｄb5.notify.windows.com/", Character),
        ] {
            assert_eq!(refusal(text), why, "{}", &text[..text.len().min(80)]);
        }
    }

    #[test]
    fn hosts_for_tests_are_taken_with_their_port_only() {
        let hosts = [TestHost::parse("localhost:4433").unwrap()];
        assert!(ChannelUri::parse("https://LOCALHOST:4433/x", &hosts).is_ok());
        for text in ["https://localhost/x", "https://localhost:4434/x", "http://localhost:4433/x"] {
            assert!(ChannelUri::parse(text, &hosts).is_err(), "{text}");
        }
        for text in ["localhost", ":1", "a:b", "a@b:1", "a:70000", "[::1]:1"] {
            assert_eq!(TestHost::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_not_printed() {
        let uri = ChannelUri::parse("https://db5.notify.windows.com/?token=hunter2", &[]).unwrap();
        assert_eq!(format!("{uri:?}"), "ChannelUri(https://db5.notify.windows.com/…)");
    }
}
