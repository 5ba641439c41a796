//! Messages that come in envelopes: opened before anything is decided, and their replies enveloped after it.
//!
//! Whatever goes wrong with an envelope, its sender gets the same answer, 403 and nothing in it: an answer that differs
//! would let him read the envelopes of others, try by try. The operator finds the reason in the journal of the device
//! whose certificate the connection showed, in the log and in the counters.
//!
//! Only what is inside is compared where a message comes again: the same message in another envelope is the same message,
//! and gets the same reply in an envelope of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use transom_protocol::session::Timestamp;
use transom_protocol::syncml::codec::Encoding;

use super::effects;
use super::exchange::{BUSY, ExchangeOutcome, Heard, Told};
use super::identity::Mismatch;
use super::request::{Answer, DeviceRequest, RequestHeaders, SignatureHeader};
use super::service::{Management, hear};
use crate::model::{
    CertificateFingerprint, CertificateRecord, EnvelopeCipher, EnvelopeKeyRecord, Enveloping, Exchange, ExchangeId,
    Proof, ProofKind, Verdict,
};
use crate::pki::envelope::{Envelope, EnvelopeKey, EnvelopeRefused, Form, Making, sign_and_seal};
use crate::pki::signature::{MessageSignature, SignatureRefused, Window};
use crate::pki::{LiveAuthorities, Presented};
use crate::store::{Error, Tx};

/// Keys are read anew after that time: another instance may have made one. In milliseconds.
const FRESH_FOR: i64 = 30_000;

/// And no more often than that, when an envelope is for a key that is not known.
const ASKED_EVERY: i64 = 2_000;

/// The highest version of WBXML; no text begins with it.
const WBXML: u8 = 3;

/// What an operator chooses about envelopes.
#[derive(Debug, Clone)]
pub struct EnvelopeOptions {
    /// Whether messages are enveloped, where nothing else is said for an enrollment.
    pub enveloping: Enveloping,
    /// What replies are made with.
    pub making: Making,
    /// What messages may be encrypted with.
    pub taken: Vec<EnvelopeCipher>,
    /// The content type of replies; that of the message without.
    pub content_type: Option<String>,
    /// Whether devices use our certificate although nobody tells them whether it was revoked.
    pub despite_offline_revocation: bool,
    /// Who issues our certificate.
    pub authorities: Option<Arc<LiveAuthorities>>,
}

impl Default for EnvelopeOptions {
    fn default() -> Self {
        Self {
            enveloping: Enveloping::Accept,
            making: Making::default(),
            taken: vec![EnvelopeCipher::Aes256Cbc, EnvelopeCipher::Aes192Cbc, EnvelopeCipher::Aes128Cbc],
            content_type: None,
            despite_offline_revocation: false,
            authorities: None,
        }
    }
}

/// The keys that open envelopes, newest first.
#[derive(Debug, Default)]
pub(super) struct Keys {
    ids: Vec<CertificateFingerprint>,
    keys: Vec<EnvelopeKey>,
}

/// The keys as they were read last.
#[derive(Debug, Default)]
pub(super) struct KnownKeys(Mutex<Option<(Timestamp, Arc<Keys>)>>);

/// The envelope that a message came in.
pub(super) struct Wrapped {
    keys: Arc<Keys>,
    /// The place of the key that opened it.
    place: usize,
    cipher: EnvelopeCipher,
    form: Form,
    /// What a header beside it signs: the bytes as they came.
    signed: Option<(Result<MessageSignature, SignatureRefused>, Vec<u8>)>,
}

impl Keys {
    fn of(records: Vec<EnvelopeKeyRecord>) -> Self {
        let mut keys = Self::default();
        for record in records {
            match EnvelopeKey::from_der(record.key.expose(), &record.certificate) {
                Ok(key) => {
                    keys.ids.push(record.id);
                    keys.keys.push(key);
                }
                Err(error) => tracing::error!(%error, id = %record.id, "a key for envelopes can't be read"),
            }
        }
        keys
    }
}

impl KnownKeys {
    fn known(&self) -> Option<(Timestamp, Arc<Keys>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, known: Option<(Timestamp, Arc<Keys>)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl Wrapped {
    /// The key that opened it.
    pub(super) fn key(&self) -> Option<CertificateFingerprint> {
        self.keys.ids.get(self.place).copied()
    }

    /// Whether a key is newer than the one that opened it.
    pub(super) fn is_newer(&self, key: CertificateFingerprint) -> bool {
        self.keys.ids.iter().take(self.place).any(|id| *id == key)
    }

    /// The certificates of the newest key and of the one that opened it, where that is another.
    pub(super) fn replacement(&self) -> Option<(CertificateFingerprint, &[u8], &[u8])> {
        let newest = self.keys.keys.first().filter(|_| self.place > 0)?;
        let used = self.keys.keys.get(self.place)?;
        Some((*self.keys.ids.first()?, newest.certificate(), used.certificate()))
    }

    /// What is wrong with the signature in a header beside the envelope.
    pub(super) fn header(&self, by: &CertificateRecord, heard: &Heard, window: &Window) -> Option<SignatureRefused> {
        let (signature, body) = self.signed.as_ref()?;
        let der = &by.certificate.der;
        let judged = signature.as_ref().map_err(Clone::clone);
        judged.and_then(|signature| signature.verify(body, der, heard.received_at, window)).err()
    }

    /// For a reader.
    pub(super) fn meaning(&self) -> String {
        let key = self.key().map(|key| key.to_string().chars().take(16).collect::<String>()).unwrap_or_default();
        format!("{}, opened with the key {key} of this server", self.cipher.as_str())
    }
}

/// What is known of a message that was not opened.
struct Sender {
    headers: RequestHeaders,
    peer: std::net::IpAddr,
    certificate: Option<Arc<Presented>>,
    size: usize,
    received_at: Timestamp,
    started: Instant,
}

/// Why there is nothing to decide on.
enum Unopened {
    Refused(Mismatch),
    Unavailable,
}

impl From<EnvelopeRefused> for Unopened {
    fn from(refused: EnvelopeRefused) -> Self {
        Self::Refused(Mismatch::Envelope(refused))
    }
}

impl Management {
    /// Answers a message in an envelope.
    pub(super) async fn answer_enveloped(&self, request: DeviceRequest, started: Instant) -> Answer {
        // By the certificate of the connection, before anything is opened: whom a message is from must not show.
        let shown = request.certificate.as_deref().filter(|presented| presented.verdict().is_ok());
        if let Some(shown) = shown
            && let Err(retry_after) = self.devices().check(&format!("envelope {}", shown.fingerprint()))
        {
            self.metrics().message("too_many");
            return Answer::TooMany { retry_after };
        }
        let sender = Sender {
            headers: request.headers.clone(),
            peer: request.peer,
            certificate: request.certificate.clone(),
            size: request.body.len(),
            received_at: request.received_at,
            started,
        };
        let heard = match self.unwrapped(request, started).await {
            Ok(heard) => heard,
            Err(Unopened::Refused(mismatch)) => {
                self.turn_away(sender, mismatch).await;
                return Answer::Forbidden;
            }
            Err(Unopened::Unavailable) => return Answer::Unavailable { retry_after: BUSY },
        };
        let Some((keys, place, form)) =
            heard.wrapped.as_ref().map(|wrapped| (Arc::clone(&wrapped.keys), wrapped.place, wrapped.form))
        else {
            return Answer::Forbidden;
        };
        match Box::pin(self.decide(heard)).await {
            Ok((told, statements)) => {
                self.note(&told);
                self.metrics().statements(statements);
                let Told { body, mismatch: None, seal_for: Some(recipient), .. } = told else {
                    return Answer::Forbidden;
                };
                let making = self.options().envelopes.making;
                let now = sender.received_at;
                let seal = move || {
                    let key = keys.keys.get(place)?;
                    Some(sign_and_seal(&body, key, &recipient, (making, form), now))
                };
                match tokio::task::spawn_blocking(seal).await {
                    Ok(Some(Ok(body))) => {
                        Answer::Sealed { content_type: self.options().envelopes.content_type.clone(), body }
                    }
                    Ok(Some(Err(error))) => {
                        tracing::error!(%error, "a reply could not be enveloped");
                        Answer::Unavailable { retry_after: BUSY }
                    }
                    _ => Answer::Unavailable { retry_after: BUSY },
                }
            }
            Err(Error::Busy) => Answer::Busy { retry_after: BUSY },
            Err(error) => {
                tracing::error!(%error, "a message could not be answered");
                Answer::Unavailable { retry_after: BUSY }
            }
        }
    }

    /// Opens an envelope and reads what is in it. RSA takes its time, so that it runs beside what others wait for.
    async fn unwrapped(&self, request: DeviceRequest, started: Instant) -> Result<Heard, Unopened> {
        let now = request.received_at;
        let read = move || {
            let envelope = Envelope::read(&request.body);
            (request, envelope)
        };
        let (mut request, envelope) = tokio::task::spawn_blocking(read).await.map_err(|_| Unopened::Unavailable)?;
        let envelope = envelope?;
        let mut keys = self.envelope_keys(FRESH_FOR, now).await?;
        if !envelope.is_for_any(&keys.keys) {
            keys = self.envelope_keys(ASKED_EVERY, now).await?;
        }
        let (limits, taken) = (self.options().limits, self.options().envelopes.taken.clone());
        let nodes = self.options().secret_nodes.clone();
        let open = move || {
            let opened = envelope.open(&keys.keys, &taken)?;
            let inside = MessageSignature::read_attached(&opened.content);
            let (signature, content) = inside.map_err(|refused| Unopened::Refused(Mismatch::Signature(refused)))?;
            let signed = request.signature.take().map(|SignatureHeader { value }| {
                let read = value.map_or(Err(SignatureRefused::Several), |value| MessageSignature::read(&value));
                (read, std::mem::take(&mut request.body))
            });
            // Inside the envelope nothing else says how the message is written.
            let is_wbxml = content.first().is_some_and(|first| *first <= WBXML);
            let encoding = if is_wbxml { Encoding::Wbxml } else { Encoding::Xml };
            let request = DeviceRequest { body: content, encoding, ..request };
            let heard =
                hear(request, &limits, nodes, started).map_err(|_| Unopened::Refused(Mismatch::EnvelopeContent))?;
            let wrapped = Wrapped { keys, place: opened.key, cipher: opened.cipher, form: envelope.form(), signed };
            Ok(Heard { signature: Some(Ok(signature)), wrapped: Some(wrapped), ..heard })
        };
        tokio::task::spawn_blocking(open).await.map_err(|_| Unopened::Unavailable)?
    }

    /// The keys that open envelopes, as they were at most so many milliseconds ago.
    async fn envelope_keys(&self, age: i64, now: Timestamp) -> Result<Arc<Keys>, Unopened> {
        if let Some((at, keys)) = self.known_keys().known()
            && now.millis_since(at).abs() < age
        {
            return Ok(keys);
        }
        let read = self.store().read(|tx: &mut Tx<'_>| tx.envelope_keys()).await;
        let keys = read.map(|records| Arc::new(Keys::of(records))).map_err(|error| {
            tracing::error!(%error, "the keys for envelopes could not be read");
            Unopened::Unavailable
        })?;
        self.known_keys().keep(Some((now, Arc::clone(&keys))));
        Ok(keys)
    }

    /// There is another key now.
    pub fn forget_envelope_keys(&self) {
        self.known_keys().keep(None);
    }

    /// Counts an envelope that was not opened, and notes it where the connection said whose it was.
    async fn turn_away(&self, sender: Sender, mismatch: Mismatch) {
        self.metrics().message(ExchangeOutcome::Forbidden.as_str());
        self.count_mismatch(&mismatch);
        let Some(fingerprint) = sender.certificate.as_ref().map(|presented| presented.fingerprint()) else { return };
        let noted = self.store().write(move |tx| unopened(tx, fingerprint, &sender, &mismatch)).await;
        if let Err(error) = noted {
            tracing::error!(%error, "a refused envelope could not be noted");
        }
    }
}

fn unopened(
    tx: &mut Tx<'_>,
    fingerprint: CertificateFingerprint,
    sender: &Sender,
    mismatch: &Mismatch,
) -> Result<(), Error> {
    let Some(record) = tx.certificate(fingerprint)? else { return Ok(()) };
    let Some(device) = tx.device_of(&record.enrollment)? else { return Ok(()) };
    let id = ExchangeId::new(sender.received_at);
    tx.record_exchange(&Exchange {
        id: id.clone(),
        session: None,
        enrollment: None,
        device: Some(device.clone()),
        session_id: None,
        received_at: sender.received_at,
        duration_us: i64::try_from(sender.started.elapsed().as_micros()).unwrap_or(i64::MAX),
        peer: sender.peer.to_string(),
        encoding: None,
        client_message: None,
        server_message: None,
        outcome: ExchangeOutcome::Forbidden.as_str().to_owned(),
        detail: Some(mismatch.meaning()),
        headers: serde_json::to_value(&sender.headers).unwrap_or_default(),
        request: None,
        reply: None,
        request_size: i64::try_from(sender.size).unwrap_or(i64::MAX),
        reply_size: 0,
        proofs: vec![Proof::new(ProofKind::Envelope, Verdict::Refused, mismatch.as_str(), mismatch.meaning())],
    })?;
    effects::tell_mismatch(tx, &record.enrollment, mismatch, &device, &id, sender.received_at)
}
