//! The digest account of a new enrollment: secrets of its own in both directions (MS-MDE2 2.2.9.5).
//!
//! Windows wants both even where a certificate proves who speaks. They are random, different for each enrollment, and
//! kept as their digest under the key of the store.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use transom_protocol::enrollment::{ClientAuth, ServerAuth};
use transom_protocol::session::{A1, Account, AuthScheme, Credential, Nonce, Rotation, Secret32};
use transom_protocol::soap::SecretText;
use zeroize::{Zeroize as _, Zeroizing};

use crate::model::EnrollmentId;

/// Random bytes for one account.
pub(super) struct Drawn {
    client_secret: [u8; 24],
    server_secret: [u8; 24],
    client_nonce: [u8; 16],
    server_nonce: [u8; 16],
    challenge_key: [u8; 32],
}

impl Drawn {
    /// From a generator.
    pub(super) fn new() -> Self {
        Self {
            client_secret: rand::random(),
            server_secret: rand::random(),
            client_nonce: rand::random(),
            server_nonce: rand::random(),
            challenge_key: rand::random(),
        }
    }

    /// What the device gets.
    pub(super) fn for_device(&self, enrollment: &EnrollmentId, provider_id: &str) -> (ServerAuth, ClientAuth) {
        let server = ServerAuth {
            name: Some(provider_id.to_owned()),
            secret: secret(&self.server_secret),
            nonce: self.server_nonce,
        };
        let client =
            ClientAuth { name: enrollment.to_string(), secret: secret(&self.client_secret), nonce: self.client_nonce };
        (server, client)
    }

    /// What we keep.
    pub(super) fn for_us(&self, enrollment: &EnrollmentId, provider_id: &str) -> Account {
        let credential = |name: &str, bytes: &[u8; 24]| Credential {
            name: name.to_owned(),
            a1: A1::new(name, &Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes))),
        };
        Account {
            scheme: AuthScheme::Md5,
            client: credential(enrollment.as_str(), &self.client_secret),
            server: Some(credential(provider_id, &self.server_secret)),
            next_nonce: Nonce::from_bytes(&self.client_nonce),
            previous_nonce: None,
            server_nonce: Some(Nonce::from_bytes(&self.server_nonce)),
            challenge_key: Secret32::new(self.challenge_key),
            accepted: 0,
            failures: 0,
            failed_session: None,
            recent_sessions: Vec::new(),
            proofs: None,
            rotation: Rotation::default(),
        }
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        self.client_secret.zeroize();
        self.server_secret.zeroize();
        self.challenge_key.zeroize();
    }
}

fn secret(bytes: &[u8; 24]) -> SecretText {
    SecretText::new(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use transom_protocol::session::Timestamp;

    use super::*;

    #[test]
    fn both_sides_know_the_same_secrets_and_no_two_accounts_do() {
        let id = EnrollmentId::new(Timestamp(1));
        let (drawn, other) = (Drawn::new(), Drawn::new());
        let (server, client) = drawn.for_device(&id, "Transom");
        let ours = drawn.for_us(&id, "Transom");
        assert_eq!(A1::new(&client.name, client.secret.expose()), ours.client.a1);
        assert_eq!(A1::new("Transom", server.secret.expose()), ours.server.unwrap().a1);
        assert_eq!(ours.next_nonce, Nonce::from_bytes(&client.nonce));
        assert_ne!(client.secret.expose(), server.secret.expose());
        assert_ne!(other.for_device(&id, "Transom").1.secret.expose(), client.secret.expose());
        assert_eq!(client.secret.expose().len(), 32);
    }
}
