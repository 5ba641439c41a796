//! The device's side of `EnhancedAppLayerSecurity`: what it sends is signed and enveloped, what it gets is opened, and
//! believed only when it is signed with a certificate of the server that it was told.

use transom_protocol::session::Timestamp;

use super::ClientOptions;
use crate::pki::device::{DeviceKeyPair, certificate_der};
use crate::pki::envelope::{Envelope, EnvelopeCipher, EnvelopeKey, Form, Making, sign_and_seal};
use crate::pki::signature::{MessageSignature, Window};
use crate::simulator::device::Device;

/// What replies may be encrypted with.
const TAKEN: [EnvelopeCipher; 2] = [EnvelopeCipher::Aes256Cbc, EnvelopeCipher::Aes128Cbc];

/// What the messages of a session are enveloped with.
pub(super) struct Envelopes {
    own: EnvelopeKey,
    /// The certificates of the server, the first of which it envelopes for.
    server: Vec<Vec<u8>>,
    form: Form,
}

impl Envelopes {
    /// What was told before the session begins holds in it.
    pub(super) fn of(options: &ClientOptions, device: &Device) -> Option<Self> {
        let server = device.envelopes_for();
        let own = device.identity().certificate.as_ref().filter(|_| !server.is_empty())?;
        let key = DeviceKeyPair::from_pem(own.key.expose().as_bytes()).ok()?;
        let own = EnvelopeKey::of_device(&key, &certificate_der(own.certificate.as_bytes()).ok()?).ok()?;
        Some(Self { own, server, form: options.envelope_form })
    }

    pub(super) fn seal(&self, body: &[u8], now: Timestamp) -> Result<Vec<u8>, crate::pki::Error> {
        let recipient = self.server.first().map_or(&[][..], Vec::as_slice);
        sign_and_seal(body, &self.own, recipient, (Making::default(), self.form), now)
    }

    /// The message in a reply, or what is wrong with it.
    pub(super) fn open(&self, reply: &[u8], now: Timestamp) -> Result<Vec<u8>, String> {
        let envelope = Envelope::read(reply).map_err(|refused| format!("the reply is no envelope: {refused}"))?;
        if envelope.form() != self.form {
            return Err("the reply is written otherwise than the request".to_owned());
        }
        let opened = envelope.open(std::slice::from_ref(&self.own), &TAKEN);
        let opened = opened.map_err(|refused| format!("the reply can't be opened: {refused}"))?;
        let inside = MessageSignature::read_attached(&opened.content);
        let (signature, content) = inside.map_err(|refused| format!("the reply is not signed: {refused}"))?;
        let by = self.server.iter().find(|certificate| signature.names(certificate));
        let by = by.ok_or("the reply is signed by somebody else")?;
        match signature.verify(&content, by, now, &Window::default()) {
            Ok(_) => Ok(content),
            Err(refused) => Err(format!("the signature of the reply is wrong: {refused}")),
        }
    }
}
