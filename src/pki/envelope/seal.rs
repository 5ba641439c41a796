//! The other direction: content that is signed and put into an envelope for one certificate.

use cms::{
    cert::IssuerAndSerialNumber,
    content_info::{CmsVersion, ContentInfo},
    enveloped_data::{
        EncryptedContentInfo, EnvelopedData, KeyTransRecipientInfo, RecipientIdentifier, RecipientInfo, RecipientInfos,
    },
};
use der::{
    Any, Decode as _, Encode as _,
    asn1::{OctetString, SetOfVec},
};
use openssl::{pkey::Id, symm, x509::X509};
use transom_protocol::session::Timestamp;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::{
    DATA, ENVELOPED_DATA, EnvelopeKey, Form,
    algorithm::{ContentCipher, Transport, openssl},
};
use crate::{
    model::{EnvelopeCipher, KeyTransport},
    pki::{Error, crypto, encoding, signature},
};

const CANT_SEAL: &str = "can't envelope a message";

/// How envelopes are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Making {
    /// What the content is encrypted with.
    pub cipher: EnvelopeCipher,
    /// How its key is sent.
    pub transport: KeyTransport,
}

/// Signs content with a key, and envelopes both for the certificate, in DER, of another.
pub fn sign_and_seal(
    content: &[u8],
    signer: &EnvelopeKey,
    recipient: &[u8],
    (making, form): (Making, Form),
    now: Timestamp,
) -> Result<Vec<u8>, Error> {
    let signed = signature::sign_attached(signer.key(), signer.certificate(), content, now)?;
    seal(&signed, recipient, making).map(|sealed| form.write(sealed))
}

/// Envelopes what it is given for a certificate, in DER.
pub fn seal(content: &[u8], recipient: &[u8], making: Making) -> Result<Vec<u8>, Error> {
    let encrypt = || {
        let key = X509::from_der(recipient)?.public_key()?;
        if key.id() != Id::RSA {
            return Ok(None);
        }
        let chosen = ContentCipher::fresh(making.cipher)?;
        let cipher = openssl(making.cipher);
        let mut content_key = Zeroizing::new(vec![0; cipher.key_len()]);
        openssl::rand::rand_bytes(&mut content_key)?;
        let encrypted = symm::encrypt(cipher, &content_key, Some(&chosen.iv), content)?;
        let sent = Transport::of(making.transport).encrypt(&key, &content_key)?;
        Ok(Some((chosen, encrypted, sent)))
    };
    let Some((chosen, encrypted, sent)) = encrypt().map_err(crypto(CANT_SEAL))? else {
        return Err(Error::NoRsa);
    };
    let write = || {
        let certificate = Certificate::from_der(recipient)?;
        let recipient = KeyTransRecipientInfo {
            version: CmsVersion::V0,
            rid: RecipientIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: certificate.tbs_certificate().issuer().clone(),
                serial_number: certificate.tbs_certificate().serial_number().clone(),
            }),
            key_enc_alg: Transport::of(making.transport).identifier()?,
            enc_key: OctetString::new(sent)?,
        };
        let data = EnvelopedData {
            version: CmsVersion::V0,
            originator_info: None,
            recip_infos: RecipientInfos(SetOfVec::try_from(vec![RecipientInfo::Ktri(recipient)])?),
            encrypted_content: EncryptedContentInfo {
                content_type: DATA,
                content_enc_alg: chosen.identifier()?,
                encrypted_content: Some(OctetString::new(encrypted)?),
            },
            unprotected_attrs: None,
        };
        ContentInfo { content_type: ENVELOPED_DATA, content: Any::encode_from(&data)? }.to_der()
    };
    write().map_err(encoding(CANT_SEAL))
}
