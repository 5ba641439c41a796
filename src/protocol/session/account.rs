//! Credentials of one enrollment, in both directions (OMA DM Security 5, MS-MDM 1.3.1).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::ZeroizeOnDrop;

use super::{DeviceId, MsgId, ProofPolicy, Rotation, SessionId};

/// What an enrollment's two sides know of each other.
///
/// Serialized with its secrets: whoever stores it encrypts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The scheme that the device was provisioned with. No weaker one is accepted.
    pub scheme: AuthScheme,
    /// What the device proves.
    pub client: Credential,
    /// What we prove when the device asks for it.
    pub server: Option<Credential>,
    /// Told to the device last, and expected in its next credential.
    pub next_nonce: Nonce,
    /// The nonce that was used last; it is taken once more, because the reply that replaced it may have been lost.
    pub previous_nonce: Option<Nonce>,
    /// What the device wants to see in our next credential.
    pub server_nonce: Option<Nonce>,
    /// Nonces of challenges are derived from it, so that an unauthenticated message changes nothing.
    pub challenge_key: Secret32,
    /// How often a credential was accepted. Part of every challenge nonce, which makes each valid once.
    pub accepted: u64,
    /// Wrong credentials since the last right one.
    pub failures: u32,
    /// The session in which the last wrong credential came.
    pub failed_session: Option<SessionId>,
    /// The sessions in which a credential was accepted last, the latest first. A challenge that was told before these
    /// is still good for another one: several sessions may begin at the same time.
    #[serde(default)]
    pub recent_sessions: Vec<SessionId>,
    /// What is enough to believe a message, where that is not as the settings say.
    #[serde(default)]
    pub proofs: Option<ProofPolicy>,
    /// Credentials that take the place of these.
    #[serde(default)]
    pub rotation: Rotation,
}

/// `AAUTHTYPE` of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthScheme {
    /// `syncml:auth-md5`.
    Md5,
    /// `syncml:auth-basic`.
    Basic,
}

/// A name and what is kept of its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// `AAUTHNAME`, the `LocName` of a `Source`.
    pub name: String,
    /// All that the digest needs of the password.
    pub a1: A1,
}

/// `B64(MD5(name ":" password))`: as good as the password itself, so it is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct A1(String);

/// A nonce: raw bytes; base64 on the wire and in storage.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(Vec<u8>);

/// Thirty-two secret bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Secret32([u8; 32]);

impl AuthScheme {
    /// The `Type` of a Cred or Chal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "syncml:auth-md5",
            Self::Basic => "syncml:auth-basic",
        }
    }
}

impl A1 {
    /// From a name and a password.
    pub fn new(name: &str, password: &str) -> Self {
        Self(BASE64.encode(Md5::digest(format!("{name}:{password}").as_bytes())))
    }

    /// The `Data` of a Cred for a nonce: `B64(MD5(A1 ":" nonce))`, over the nonce's raw bytes.
    pub fn digest(&self, nonce: &Nonce) -> String {
        let mut hash = Md5::new();
        hash.update(self.0.as_bytes());
        hash.update(b":");
        hash.update(&nonce.0);
        BASE64.encode(hash.finalize())
    }

    /// Whether a digest was made from this and the nonce; takes the same time whatever differs.
    pub fn verify(&self, nonce: &Nonce, digest: &str) -> bool {
        bool::from(self.digest(nonce).as_bytes().ct_eq(digest.trim().as_bytes()))
    }

    /// Whether `name:password`, base64 encoded as in a basic credential, is what this was made from.
    pub fn verify_basic(&self, data: &str) -> bool {
        let Ok(plain) = BASE64.decode(data.trim()) else { return false };
        let made = BASE64.encode(Md5::digest(&plain));
        bool::from(made.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

impl Nonce {
    /// From raw bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// From base64 text; white space is ignored.
    pub fn from_base64(text: &str) -> Option<Self> {
        let compact: String = text.split_ascii_whitespace().collect();
        BASE64.decode(compact).ok().map(Self)
    }

    /// As base64 text.
    pub fn to_base64(&self) -> String {
        BASE64.encode(&self.0)
    }
}

impl Secret32 {
    /// From random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Account {
    /// The nonce that challenges a message: fresh for every message and after every success, known without having been
    /// stored.
    pub fn challenge_nonce(&self, device: &DeviceId, session: &SessionId, message: MsgId) -> Nonce {
        self.challenge_nonce_at(self.accepted, device, session, message)
    }

    /// The nonce that challenged a message when so many credentials had been accepted.
    pub(super) fn challenge_nonce_at(
        &self,
        accepted: u64,
        device: &DeviceId,
        session: &SessionId,
        message: MsgId,
    ) -> Nonce {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        // RFC 2104: a key shorter than a block is filled up with zeros.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(&self.challenge_key.0) {
            *to = *from;
        }
        let mut mac = Hmac::<sha2::Sha256>::new(&block.into());
        mac.update(&accepted.to_be_bytes());
        mac.update(&message.number().to_be_bytes());
        mac.update(session.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(device.key().as_bytes());
        let bytes = mac.finalize().into_bytes();
        Nonce::from_bytes(bytes.get(..16).unwrap_or(&bytes))
    }
}

impl TryFrom<String> for Nonce {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_base64(&text).ok_or("a nonce is base64 text")
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        nonce.to_base64()
    }
}

macro_rules! never_printed {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}
never_printed!(A1, Nonce, Secret32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_equal_the_published_vectors() {
        let vectors = [
            ("Bruce2", "OhBehave", "Tm9uY2U=", "Zz6EivR3yeaaENcRN6lpAQ=="),
            ("Bruce1", "OhBehave", "Tm9uY2U=", "+MEIKFrF8Qdou2B1H2YmXw=="),
            ("dm-client-01", "Secr3t-Password!", "AAECAwQFBgcICQoLDA0ODw==", "40d936oxggqwK7tbKyrFyg=="),
            ("ünï", "pässwörd", "AAAAAAAAAAAAAAAAAAAAAA==", "oDp6pDApBvB6Ke0Y0o1Tug=="),
            ("u", "p", "", "JemSnouWnSDuueJ5XOivPA=="),
        ];
        for (name, password, nonce, digest) in vectors {
            let nonce = Nonce::from_base64(nonce).unwrap();
            assert_eq!(A1::new(name, password).digest(&nonce), digest, "{name}");
            assert!(A1::new(name, password).verify(&nonce, digest));
        }
        assert!(A1::new("Bruce2", "OhBehave").verify_basic("QnJ1Y2UyOk9oQmVoYXZl"));
        assert!(!A1::new("Bruce2", "OhBehave").verify_basic("QnJ1Y2UyOk9oQmVoYXZm"));
    }

    #[test]
    fn the_base64_text_of_a_nonce_is_never_hashed() {
        let nonce = Nonce::from_base64("Tm9uY2U=").unwrap();
        assert!(!A1::new("Bruce2", "OhBehave").verify(&nonce, "CmO/kTaDnxgwUdBvdtRh4A=="));
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(format!("{:?}", A1::new("u", "p")), "A1(…)");
        assert_eq!(format!("{:?}", Nonce::from_bytes(b"n")), "Nonce(…)");
    }
}
