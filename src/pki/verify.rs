//! Whether a certificate is one of ours for a device. Whether it still counts is the database's to say.

use std::time::Duration;

use openssl::{
    error::ErrorStack,
    stack::Stack,
    x509::{
        X509, X509ExtendedKeyUsage, X509PurposeId, X509Ref, X509StoreContext, X509StoreContextRef,
        store::X509StoreBuilder,
        verify::{X509VerifyFlags, X509VerifyParam},
    },
};
use transom_protocol::session::Timestamp;

use super::{
    Authorities,
    certificate::{self, certificate_fingerprint, timestamp},
    key::{self, WeakKey},
};
use crate::model::{CertificateFingerprint, KeyFingerprint, SerialNumber};

/// No device certificate of ours has more than 2 KiB.
const MAX_BYTES: usize = 16 * 1024;

/// Keys and digests of at least 112 bits: SHA-1 and RSA with 1,024 bits are below.
const SECURITY_LEVEL: i32 = 2;

/// A certificate that one of our authorities issued to a device, valid now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// What tells it from all others.
    pub fingerprint: CertificateFingerprint,
    /// Its serial number.
    pub serial: SerialNumber,
    /// What tells its key from all others.
    pub key: KeyFingerprint,
    /// The name that the server gave it.
    pub common_name: Option<String>,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// Why a certificate is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateRefused {
    /// No certificate, or one that no authority would write.
    #[error("it is no well-formed certificate")]
    Malformed,
    /// None of our authorities issued it.
    #[error("no authority of this server issued it")]
    Unknown,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not begun.
    #[error("it is not valid yet")]
    NotYetValid,
    /// It is for something else than to show who a client is.
    #[error("it is not for client authentication")]
    Purpose,
    /// It is one that issues.
    #[error("it is the certificate of an authority")]
    IsAuthority,
    /// Its key or its signature protect nothing.
    #[error("its key or its signature is too weak")]
    Weak,
    /// Its signature is not the authority's.
    #[error("its signature is wrong")]
    Signature,
    /// Anything else, with the number that OpenSSL has for it.
    #[error("it does not verify (OpenSSL {0})")]
    Other(i32),
}

/// Judges a certificate in DER by the authorities that are trusted at `now`.
pub fn verify_device_certificate(
    authorities: &Authorities,
    der: &[u8],
    now: Timestamp,
) -> Result<DeviceCertificate, CertificateRefused> {
    verify_device_certificate_with_grace(authorities, der, now, Duration::ZERO)
}

/// The same, where a certificate still counts for a while after its end: a device that was off when it should have
/// renewed.
pub fn verify_device_certificate_with_grace(
    authorities: &Authorities,
    der: &[u8],
    now: Timestamp,
    grace: Duration,
) -> Result<DeviceCertificate, CertificateRefused> {
    if der.len() > MAX_BYTES {
        return Err(CertificateRefused::Malformed);
    }
    let parsed = certificate::parse(der).ok_or(CertificateRefused::Malformed)?;
    let malformed = |_| CertificateRefused::Malformed;
    let not_after = timestamp(parsed.not_after()).map_err(malformed)?;
    let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
    let is_late = now >= not_after && now.0 < not_after.0.saturating_add(grace);
    let at = if is_late { not_after.plus_millis(-1000) } else { now };
    let trusted: Vec<&X509Ref> = authorities.trusted(now).map(|authority| authority.certificate().as_ref()).collect();
    match certificate::is_authority(&parsed) {
        Some(false) => {}
        Some(true) => return Err(CertificateRefused::IsAuthority),
        None => return Err(CertificateRefused::Malformed),
    }
    chain(X509PurposeId::SSL_CLIENT, &trusted, &[], &parsed, at)?;
    // OpenSSL takes a certificate without any purpose for one with all of them.
    if parsed.extended_key_usage() != Some(X509ExtendedKeyUsage::SSL_CLIENT) {
        return Err(CertificateRefused::Purpose);
    }
    let key = parsed.public_key().map_err(malformed)?;
    let key = key::strong(&key).map_err(|weak| match weak {
        WeakKey::Unreadable => CertificateRefused::Malformed,
        _ => CertificateRefused::Weak,
    })?;
    Ok(DeviceCertificate {
        fingerprint: certificate_fingerprint(der),
        serial: certificate::serial(&parsed).ok_or(CertificateRefused::Malformed)?,
        key: key::fingerprint(&key).map_err(malformed)?,
        common_name: certificate::common_name(&parsed),
        not_before: timestamp(parsed.not_before()).map_err(malformed)?,
        not_after,
    })
}

/// Whether a chain leads from a certificate to one of those trusted, which need not be roots: what else a company's root
/// has issued is no business of ours.
pub(super) fn chain(
    purpose: X509PurposeId,
    trusted: &[&X509Ref],
    between: &[&X509Ref],
    certificate: &X509Ref,
    at: Timestamp,
) -> Result<(), CertificateRefused> {
    let verify = || -> Result<Result<(), i32>, ErrorStack> {
        let mut param = X509VerifyParam::new()?;
        param.set_time(at.0.div_euclid(1000));
        param.set_purpose(purpose)?;
        param.set_auth_level(SECURITY_LEVEL);
        param.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        let mut store = X509StoreBuilder::new()?;
        for certificate in trusted {
            store.add_cert((*certificate).to_owned())?;
        }
        store.set_param(&param)?;
        let mut untrusted = Stack::<X509>::new()?;
        for certificate in between {
            untrusted.push((*certificate).to_owned())?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&store.build(), certificate, &untrusted, |context: &mut X509StoreContextRef| {
            Ok(if context.verify_cert()? { Ok(()) } else { Err(context.error().as_raw()) })
        })
    };
    let verified = verify();
    // What a refusal left behind is not for the next TLS connection of this thread.
    drop(ErrorStack::get());
    match verified {
        Ok(Ok(())) => Ok(()),
        Ok(Err(code)) => Err(refused(code)),
        Err(_) => Err(CertificateRefused::Malformed),
    }
}

/// The codes of `X509_V_ERR_…` (OpenSSL, `x509_vfy.h`) that are told apart.
const fn refused(code: i32) -> CertificateRefused {
    match code {
        2 | 18 | 19 | 20 | 21 | 30 => CertificateRefused::Unknown,
        7 => CertificateRefused::Signature,
        9 => CertificateRefused::NotYetValid,
        10 => CertificateRefused::Expired,
        26 => CertificateRefused::Purpose,
        66..=68 => CertificateRefused::Weak,
        code => CertificateRefused::Other(code),
    }
}
