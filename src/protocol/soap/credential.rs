//! What a client presents in its `Security` header (MS-MDE2 3.3.4.1, 3.4.4.1; WS-Security 1.0).

use zeroize::Zeroizing;

/// A text that must not be printed: no `Display`, a `Debug` that shows nothing, wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

/// Who a client claims to be, unverified. Exactly one token, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// No `Security` header, or one without a token: discovery, and some renewals.
    None,
    /// `OnPremise` (MS-MDE2 3.3): what a person typed. A renewal may send an empty password.
    Password {
        /// The name, trimmed: a bare name as often as an address.
        name: String,
        /// The password as it was typed.
        password: SecretText,
    },
    /// Entra (MS-MDE2 3.5): the JWT, after the base64 around it was undone.
    Jwt(SecretText),
    /// `Federated` (MS-MDE2 3.2): our own token as the sign-in page gave it, after the base64 around it was undone.
    UserToken(SecretText),
    /// `Certificate` (MS-MDE2 3.3): a certificate and an XML signature over the envelope, not verified yet.
    Certificate(SignedEnvelope),
}

/// What it takes to verify the signature over an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEnvelope {
    /// The certificate of the one token in the header, as DER.
    pub certificate: Vec<u8>,
    /// The `Id` of that token, to which the signature's `KeyInfo` has to refer.
    pub token_id: Option<String>,
    /// The whole envelope: the very text that was read here, as UTF-8 without a byte order mark.
    pub envelope: SecretText,
}

impl SecretText {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl Credential {
    /// One word for journals and counters.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password { .. } => "password",
            Self::Jwt(_) => "entra",
            Self::UserToken(_) => "federated",
            Self::Certificate(_) => "certificate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_shows_no_secret() {
        for credential in [
            Credential::Password { name: "ada".to_owned(), password: SecretText::new("hunter2") },
            Credential::Jwt(SecretText::new("hunter2")),
            Credential::UserToken(SecretText::new("hunter2")),
            Credential::Certificate(SignedEnvelope {
                certificate: Vec::new(),
                token_id: None,
                envelope: SecretText::new("hunter2"),
            }),
        ] {
            assert!(!format!("{credential:?}").contains("hunter2"), "{}", credential.as_str());
        }
    }
}
