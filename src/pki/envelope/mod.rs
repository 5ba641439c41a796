//! Messages that are signed and enveloped (`EnhancedAppLayerSecurity`; MS-MDM 2.1 note 6): CMS signed data with the message
//! in it, inside CMS enveloped data (RFC 5652 5 and 6).
//!
//! Opening proves nothing: anybody can envelope something for a certificate. Who speaks is said by the signature inside,
//! which is judged as the one of a header is ([`signature`](super::signature)). Nothing here may be told to the sender:
//! every failure has to look like every other one to him.

mod algorithm;
mod key;
mod refused;
mod seal;
#[cfg(test)]
mod tests;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use cms::{
    content_info::ContentInfo,
    enveloped_data::{EnvelopedData, KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo},
};
use der::{Decode as _, Tag, TagNumber, asn1::ObjectIdentifier};
use openssl::{error::ErrorStack, symm};
use x509_cert::{Certificate, ext::pkix::SubjectKeyIdentifier};
use zeroize::Zeroizing;

use self::algorithm::{ContentCipher, Transport, openssl};
pub use self::{
    key::{EnvelopeKey, can_be_sealed_for},
    refused::EnvelopeRefused,
    seal::{Making, seal, sign_and_seal},
};
use super::{
    ber,
    der::{Element, context, elements, only, write},
};
pub use crate::model::{EnvelopeCipher, KeyTransport};

const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

/// A device writes to one server, and perhaps to itself.
const MOST_RECIPIENTS: usize = 8;

/// What a SEQUENCE begins with. No message in XML or WBXML does, with or without a byte order mark.
const SEQUENCE: u8 = 0x30;

/// What base64 of a SEQUENCE begins with whose length takes more than a byte, or is not told.
const BASE64_OF_SEQUENCE: [u8; 2] = *b"MI";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How the bytes of an envelope travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Binary,
    /// As base64.
    Base64,
}

/// An envelope that nobody has opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    form: Form,
    recipients: Vec<KeyTransRecipientInfo>,
    cipher: ContentCipher,
    content: Vec<u8>,
}

/// What was in an envelope: what it says is a claim still.
#[derive(Clone)]
pub struct Opened {
    /// The bytes.
    pub content: Zeroizing<Vec<u8>>,
    /// The place of the key that opened it, among those that were tried.
    pub key: usize,
    /// What it was encrypted with.
    pub cipher: EnvelopeCipher,
}

impl Form {
    /// How a body is written, when it can be an envelope and nothing else that a device sends.
    pub fn of(body: &[u8]) -> Option<Self> {
        match body {
            [SEQUENCE, 0x80..=0x84, ..] => Some(Self::Binary),
            _ if body.trim_ascii_start().starts_with(&BASE64_OF_SEQUENCE) => Some(Self::Base64),
            _ => None,
        }
    }

    /// Writes an envelope so.
    pub fn write(self, der: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Binary => der,
            Self::Base64 => BASE64.encode(der).into_bytes(),
        }
    }
}

impl Envelope {
    /// Reads an envelope. Nothing is deciphered, and no length is believed.
    pub fn read(body: &[u8]) -> Result<Self, EnvelopeRefused> {
        let form = Form::of(body).ok_or(EnvelopeRefused::NotBase64)?;
        let der = match form {
            Form::Binary => ber::to_der(body)?,
            Form::Base64 => {
                let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                ber::to_der(&BASE64.decode(text).map_err(|_| EnvelopeRefused::NotBase64)?)?
            }
        };
        let malformed = |_| EnvelopeRefused::Malformed;
        let info = ContentInfo::from_der(&der).map_err(malformed)?;
        if info.content_type != ENVELOPED_DATA {
            return Err(EnvelopeRefused::NotEnvelopedData(info.content_type.to_string()));
        }
        let whole = write(Tag::Sequence, info.content.value()).map_err(malformed)?;
        let data =
            EnvelopedData::from_der(&in_one_piece(&whole).ok_or(EnvelopeRefused::Malformed)?).map_err(malformed)?;
        let count = data.recip_infos.0.len();
        if count == 0 || count > MOST_RECIPIENTS {
            return Err(EnvelopeRefused::Recipients(count));
        }
        let cipher = ContentCipher::named(&data.encrypted_content.content_enc_alg)?;
        let content = data.encrypted_content.encrypted_content.ok_or(EnvelopeRefused::Empty)?.into_bytes().to_vec();
        let recipients = data.recip_infos.0.into_vec().into_iter().filter_map(|recipient| match recipient {
            RecipientInfo::Ktri(recipient) => Some(recipient),
            _ => None,
        });
        Ok(Self { form, recipients: recipients.collect(), cipher, content })
    }

    /// How it travelled.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Whether it is for one of these keys, by what it says.
    pub fn is_for_any<'k>(&self, keys: impl IntoIterator<Item = &'k EnvelopeKey>) -> bool {
        keys.into_iter().any(|key| self.for_key(key).is_some())
    }

    fn for_key(&self, key: &EnvelopeKey) -> Option<&KeyTransRecipientInfo> {
        self.recipients.iter().find(|recipient| names(&recipient.rid, key.parsed()))
    }

    /// Opens it with the first of the keys that it says that it is for, where it was made with one of these ciphers.
    ///
    /// Whether the key of the content or the content itself is wrong can't be told from outside: a key that can't be
    /// decrypted is replaced by one of chance, and the content is deciphered with that (RFC 3218 2.3.2).
    pub fn open(&self, keys: &[EnvelopeKey], taken: &[EnvelopeCipher]) -> Result<Opened, EnvelopeRefused> {
        let ours = keys.iter().enumerate().find_map(|(place, key)| Some((place, key, self.for_key(key)?)));
        let (place, key, recipient) = ours.ok_or(EnvelopeRefused::OtherKey)?;
        let transport = Transport::named(&recipient.key_enc_alg)?;
        let ContentCipher { cipher, iv } = &self.cipher;
        if !taken.contains(cipher) {
            return Err(EnvelopeRefused::Cipher(cipher.as_str().to_owned()));
        }
        let opened = || -> Result<Vec<u8>, ErrorStack> {
            let by_chance = {
                let mut key = Zeroizing::new(vec![0; openssl(*cipher).key_len()]);
                openssl::rand::rand_bytes(&mut key)?;
                key
            };
            let sent = transport.decrypt(key.key(), recipient.enc_key.as_bytes());
            let content_key = sent.ok().filter(|sent| sent.len() == by_chance.len()).unwrap_or(by_chance);
            symm::decrypt(openssl(*cipher), &content_key, Some(iv), &self.content)
        };
        let opened = opened();
        // What a failure left behind is not for the next TLS connection of this thread.
        drop(ErrorStack::get());
        let content = opened.map(Zeroizing::new).map_err(|_| EnvelopeRefused::NotOpened)?;
        Ok(Opened { content, key: place, cipher: *cipher })
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("key", &self.key).field("cipher", &self.cipher).finish_non_exhaustive()
    }
}

/// Whether a recipient is named by this certificate (RFC 5652 6.2.1).
fn names(recipient: &RecipientIdentifier, certificate: &Certificate) -> bool {
    let certificate = certificate.tbs_certificate();
    match recipient {
        RecipientIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == *certificate.issuer() && named.serial_number == *certificate.serial_number()
        }
        RecipientIdentifier::SubjectKeyIdentifier(named) => {
            matches!(certificate.get_extension::<SubjectKeyIdentifier>(), Ok(Some((_, id))) if id == *named)
        }
    }
}

/// The same `EnvelopedData` with its encrypted content in one piece. Who writes while he encrypts tells it in several, and
/// its tag is then that of something constructed, which in DER it never is.
fn in_one_piece(data: &[u8]) -> Option<Vec<u8>> {
    let parts = elements(only(data, Tag::Sequence)?)?;
    // Behind the recipients, which are a SET.
    let at = parts.iter().position(|part| part.tag == Tag::Set)? + 1;
    let encrypted = elements(parts.get(at)?.inside(Tag::Sequence)?)?;
    let (last, before) = encrypted.split_last()?;
    let Some(pieces) = last.inside(context(0)) else { return Some(data.to_vec()) };
    let mut content = Vec::with_capacity(pieces.len());
    for piece in elements(pieces)? {
        content.extend_from_slice(piece.inside(Tag::OctetString)?);
    }
    let tag = Tag::ContextSpecific { number: TagNumber(0), constructed: false };
    let whole = |parts: &[Element<'_>]| parts.iter().flat_map(|part| part.whole).copied().collect::<Vec<u8>>();
    let content = write(tag, &content).ok()?;
    let encrypted = write(Tag::Sequence, &[whole(before), content].concat()).ok()?;
    let data = [whole(parts.get(..at)?), encrypted, whole(parts.get(at + 1..)?)].concat();
    write(Tag::Sequence, &data).ok()
}
