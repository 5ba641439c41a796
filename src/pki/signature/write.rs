//! The other side: how a device signs a message, and how the server signs what it envelopes. The simulated device has no
//! other way to be believed than a real one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use der::{
    Any, DateTime, Decode as _, Encode as _,
    asn1::{ObjectIdentifier, OctetString, SetOfVec, UtcTime},
};
use openssl::{
    hash::hash,
    pkey::{Id, PKeyRef, Private},
    sign::Signer,
};
use transom_protocol::session::Timestamp;
use x509_cert::{
    Certificate,
    attr::{Attribute, Attributes},
    spki::AlgorithmIdentifierOwned,
};

use super::{
    DATA, Digest, SIGNED_DATA,
    algorithm::{ECDSA_WITH_SHA256, RSA},
    attributes::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME},
};
use crate::pki::{Error, crypto, device::DeviceKeyPair, encoding};

const CANT_SIGN: &str = "can't sign a message";

impl DeviceKeyPair {
    /// The value of the header `MS-Signature` for a body, as Windows makes it: SHA-256, with the certificate and the
    /// time.
    pub fn sign_message(&self, certificate: &[u8], body: &[u8], signing_time: Timestamp) -> Result<String, Error> {
        sign(&self.0, certificate, (body, None), signing_time).map(|message| STANDARD.encode(message))
    }
}

/// Signed data that brings what it signs, in DER.
pub(in crate::pki) fn sign_attached(
    key: &PKeyRef<Private>,
    certificate: &[u8],
    content: &[u8],
    signing_time: Timestamp,
) -> Result<Vec<u8>, Error> {
    let inside =
        OctetString::new(content).and_then(|content| Any::encode_from(&content)).map_err(encoding(CANT_SIGN))?;
    sign(key, certificate, (content, Some(inside)), signing_time)
}

fn sign(
    key: &PKeyRef<Private>,
    certificate: &[u8],
    (content, inside): (&[u8], Option<Any>),
    signing_time: Timestamp,
) -> Result<Vec<u8>, Error> {
    let digest = hash(Digest::Sha256.openssl(), content).map_err(crypto(CANT_SIGN))?;
    let attributes = attributes(&digest, signing_time).map_err(encoding(CANT_SIGN))?;
    let signed = attributes.to_der().map_err(encoding(CANT_SIGN))?;
    let sign = || Signer::new(Digest::Sha256.openssl(), key)?.sign_oneshot_to_vec(&signed);
    let signature = sign().map_err(crypto(CANT_SIGN))?;
    message(key.id(), certificate, (attributes, signature), inside).map_err(encoding(CANT_SIGN))
}

fn message(
    kind: Id,
    certificate: &[u8],
    (attributes, signature): (Attributes, Vec<u8>),
    inside: Option<Any>,
) -> Result<Vec<u8>, der::Error> {
    let certificate = Certificate::from_der(certificate)?;
    let digest = AlgorithmIdentifierOwned { oid: Digest::Sha256.oid(), parameters: None };
    let signature_algorithm = match kind {
        Id::RSA => AlgorithmIdentifierOwned { oid: RSA, parameters: Some(Any::null()) },
        _ => AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None },
    };
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate().issuer().clone(),
            serial_number: certificate.tbs_certificate().serial_number().clone(),
        }),
        digest_alg: digest.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm,
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: DATA, econtent: inside },
        certificates: Some(CertificateSet::try_from(vec![CertificateChoices::Certificate(certificate)])?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer])?,
    };
    ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&data)? }.to_der()
}

fn attributes(digest: &[u8], signing_time: Timestamp) -> Result<Attributes, der::Error> {
    let attribute = |oid: ObjectIdentifier, value: Any| {
        Ok::<_, der::Error>(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
    };
    let since = std::time::Duration::from_millis(u64::try_from(signing_time.0).unwrap_or_default());
    let time = UtcTime::from_date_time(DateTime::from_unix_duration(since)?)?;
    SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, Any::encode_from(&DATA)?)?,
        attribute(MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest)?)?)?,
        attribute(SIGNING_TIME, Any::encode_from(&time)?)?,
    ])
}
