//! Addresses that a device is given: always https.

/// An absolute `https` URL with a host, in characters that need no second look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpsUrl(String);

/// Why a text is no address for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// Anything but `https://`.
    #[error("the address does not begin with https://")]
    Scheme,
    /// Nothing where the host should be.
    #[error("the address has no host")]
    Host,
    /// Blanks, control characters, letters beyond ASCII, `"<>\^{}|` or a fragment.
    #[error("the address has a character that a URL can not have")]
    Character,
    /// Longer than 2048 bytes.
    #[error("the address is longer than 2048 bytes")]
    Length,
}

impl HttpsUrl {
    /// The address that a text is.
    pub fn parse(text: &str) -> Result<Self, UrlRefused> {
        const SCHEME: &str = "https://";
        if text.len() > 2048 {
            return Err(UrlRefused::Length);
        }
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(UrlRefused::Scheme),
        };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.is_empty() || authority.starts_with(':') || authority.contains('@') {
            return Err(UrlRefused::Host);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{}|#".contains(&byte)) {
            return Err(UrlRefused::Character);
        }
        Ok(Self(text.to_owned()))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_for_devices_are_https() {
        for right in ["https://mdm.example.com/a?b=c&d", "HTTPS://mdm.example.com:8443", "https://[::1]/x"] {
            assert_eq!(HttpsUrl::parse(right).unwrap().as_str(), right);
        }
        for (wrong, why) in [
            ("http://mdm.example.com/", UrlRefused::Scheme),
            ("mdm.example.com", UrlRefused::Scheme),
            ("", UrlRefused::Scheme),
            ("https:///x", UrlRefused::Host),
            ("https://:443/", UrlRefused::Host),
            ("https://user@mdm.example.com/", UrlRefused::Host),
            ("https://mdm.example.com/a b", UrlRefused::Character),
            ("https://mdm.example.com/<", UrlRefused::Character),
            ("https://mdm.exämple.com/", UrlRefused::Character),
            ("https://mdm.example.com/#a", UrlRefused::Character),
        ] {
            assert_eq!(HttpsUrl::parse(wrong), Err(why), "{wrong}");
        }
        assert_eq!(HttpsUrl::parse(&format!("https://a/{}", "b".repeat(2048))), Err(UrlRefused::Length));
    }
}
