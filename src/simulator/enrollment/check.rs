//! What a device looks at before it believes a document, and what only shows later.

use openssl::pkey::PKey;
use openssl::x509::X509;
use percent_encoding::percent_decode_str;
use transom_protocol::enrollment::EnrollmentType;
use transom_protocol::enrollment::client::{Provisioned, Store};

use super::{EnrollError, Step};
use crate::pki::device::DeviceKeyPair;

/// The certificate of the document: in the right store, of the key that was asked for.
pub(super) fn certificate<'a>(
    provisioned: &'a Provisioned,
    key: &DeviceKeyPair,
    enrollment_type: EnrollmentType,
) -> Result<&'a [u8], EnrollError> {
    let wrong = |what: &str| EnrollError::wrong(Step::Document, what);
    let mut own = provisioned.certificates.iter().filter(|(store, _)| matches!(store, Store::My(_)));
    let (store, der) = own.next().ok_or_else(|| wrong("there is no certificate for the device"))?;
    if own.next().is_some() {
        return Err(wrong("there are two certificates for the device"));
    }
    if *store != Store::My(enrollment_type) {
        return Err(wrong("the certificate is not for the store of this type of enrollment"));
    }
    let is_ours = || {
        let pem = key.key_pem().ok()?;
        let own = PKey::private_key_from_pem(&pem).ok()?;
        Some(X509::from_der(der).ok()?.public_key().ok()?.public_eq(&own))
    };
    match is_ours() {
        Some(true) => Ok(der),
        Some(false) => Err(wrong("the certificate is of another key than the request")),
        None => Err(wrong("the certificate can't be read")),
    }
}

/// What only shows in a later step.
pub(super) fn document(provisioned: &Provisioned, certificate: &[u8]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut note = |what: &str| problems.push(format!("provisioning document: {what}"));
    if !provisioned.address.as_ref().is_some_and(|address| address.starts_with("https://")) {
        note("ADDR is not https");
    }
    if provisioned.roots().count() != 1 {
        note("there is not exactly one root");
    }
    if provisioned.dm_client("EntDMID").is_none_or(str::is_empty) {
        note("there is no EntDMID, and so no renewal");
    }
    match &provisioned.certificate_search {
        None => note("no search for the client certificate: the device may present none"),
        Some(search) if !finds(search, certificate) => note("the search does not find the client certificate"),
        Some(_) => {}
    }
    if !is_signed(provisioned, certificate) {
        note("the certificate is not signed by the root, nor by an intermediate of the document");
    }
    problems
}

/// Whether the criteria are those of this certificate: the store, and every part of the name.
fn finds(search: &str, certificate: &[u8]) -> bool {
    let Ok(certificate) = X509::from_der(certificate) else { return false };
    let subject: Vec<String> = certificate
        .subject_name()
        .entries()
        .filter_map(|entry| {
            let name = entry.object().nid().short_name().ok()?;
            Some(format!("{name}={}", entry.data().to_string().ok()?))
        })
        .collect();
    let value = |name: &str| {
        let pair = search.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(percent_decode_str(pair).decode_utf8_lossy().into_owned())
    };
    let wanted = value("Subject").unwrap_or_default();
    let store = value("Stores").unwrap_or_default();
    !wanted.is_empty()
        && wanted.split(',').all(|part| subject.iter().any(|own| own == part.trim()))
        && matches!(store.as_str(), r"My\User" | r"My\System")
}

/// Whether one of the authorities of the document signed the certificate.
fn is_signed(provisioned: &Provisioned, certificate: &[u8]) -> bool {
    let Ok(certificate) = X509::from_der(certificate) else { return false };
    let mut authorities = provisioned.certificates.iter().filter(|(store, _)| !matches!(store, Store::My(_)));
    authorities.any(|(_, der)| {
        let key = X509::from_der(der).and_then(|authority| authority.public_key());
        key.and_then(|key| certificate.verify(&key)).unwrap_or(false)
    })
}

/// A certificate in PEM as DER.
pub(super) fn der(pem: &str) -> Result<Vec<u8>, EnrollError> {
    let der = X509::from_pem(pem.as_bytes()).and_then(|certificate| certificate.to_der());
    der.map_err(|error| EnrollError::Setup(format!("the certificate of the device: {error}")))
}
