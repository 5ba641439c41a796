//! `PROVIDER-ID`: the name of this server on the device (CSP `w7` `APPLICATION`).

/// The name of this server on the device. It becomes a node of many addresses (`./Vendor/MSFT/DMClient/Provider/…`) and a
/// part of the document, so it has no character that would have to be escaped in either.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderId(String);

/// Why a text is no `PROVIDER-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderIdRefused {
    /// Nothing, or more than 64 characters.
    #[error("the provider id has to have 1 to 64 characters")]
    Length,
    /// A character that addresses would escape, or nothing but dots.
    #[error("the provider id may have letters of ASCII, digits, `-`, `_`, `~` and dots, and not only dots")]
    Character,
}

impl ProviderId {
    /// The name that a text is.
    pub fn parse(text: &str) -> Result<Self, ProviderIdRefused> {
        if text.is_empty() || text.len() > 64 {
            return Err(ProviderIdRefused::Length);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !text.bytes().all(plain) || text.bytes().all(|byte| byte == b'.') {
            return Err(ProviderIdRefused::Character);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProviderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_id_needs_no_escape_anywhere() {
        for right in ["Transom", "a", "Contoso-MDM_2.0~x"] {
            assert_eq!(ProviderId::parse(right).unwrap().as_str(), right);
        }
        for wrong in ["MS DM Server", "a/b", "a%20b", "a&b", "\"", "ä", ".", "..", "a\n"] {
            assert_eq!(ProviderId::parse(wrong), Err(ProviderIdRefused::Character), "{wrong}");
        }
        for wrong in [String::new(), "a".repeat(65)] {
            assert_eq!(ProviderId::parse(&wrong), Err(ProviderIdRefused::Length), "{wrong}");
        }
    }
}
