//! What proves who sends a message: `[trust]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DAY, seconds, values};
use crate::model::{EnvelopeCipher, KeyTransport, ProofPolicy, Signing};

/// What proves who sends a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// Whether messages are signed, where nothing else is said for a device.
    pub message_signing: Signing,
    /// How far the time of a signature may be from now, in both directions.
    #[serde(with = "values::duration")]
    pub signing_window: Duration,
    /// Whether messages in envelopes are opened, where nothing else is said for a device.
    pub message_envelopes: bool,
    /// What messages in envelopes may be encrypted with.
    pub envelope_ciphers: Vec<EnvelopeCipher>,
    /// What replies in envelopes are encrypted with.
    pub envelope_cipher: EnvelopeCipher,
    /// How the key of a reply reaches the device's.
    pub envelope_key_transport: KeyTransport,
    /// The content type of replies in envelopes; empty for that of the message.
    pub envelope_content_type: String,
    /// Whether devices use our certificate although nobody tells them whether it was revoked.
    pub envelope_despite_offline_revocation: bool,
    /// What is enough to believe a message, where nothing else is said for a device.
    pub proofs: ProofPolicy,
    /// Whether the token of a device (`DeviceToken`) is enough, where nothing else is said for a device.
    pub device_token_proves: bool,
    /// How old the credentials of a device may become.
    #[serde(with = "values::duration")]
    pub credentials_max_age: Duration,
    /// Wrong credentials of a device that are borne from one address.
    pub credential_attempts: u32,
    /// How long it is locked out there at first.
    #[serde(with = "values::duration")]
    pub credential_lockout: Duration,
    /// How long at most.
    #[serde(with = "values::duration")]
    pub credential_max_lockout: Duration,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            message_signing: Signing::Accept,
            signing_window: seconds(DAY),
            message_envelopes: true,
            envelope_ciphers: vec![EnvelopeCipher::Aes256Cbc, EnvelopeCipher::Aes192Cbc, EnvelopeCipher::Aes128Cbc],
            envelope_cipher: EnvelopeCipher::Aes256Cbc,
            envelope_key_transport: KeyTransport::RsaPkcs1,
            envelope_content_type: String::new(),
            envelope_despite_offline_revocation: false,
            proofs: ProofPolicy::Standard,
            device_token_proves: false,
            credentials_max_age: Duration::ZERO,
            credential_attempts: 5,
            credential_lockout: seconds(60),
            credential_max_lockout: seconds(60 * 60),
        }
    }
}
