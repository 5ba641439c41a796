//! An issuing authority that exists already: taken over with its key, or refused with the reason.

use openssl::{
    error::ErrorStack,
    pkcs12::Pkcs12,
    pkey::{PKey, Private},
    x509::{X509, X509KeyUsage, X509PurposeId, X509Ref},
};
use transom_protocol::session::Timestamp;

use super::{
    CertificateAuthority, CertificateRefused, Error, certificate,
    device::{DeviceKeyKind, DeviceKeyPair, RequestShape},
    key::{self, WeakKey},
    request::CertificateRequest,
    verify::chain,
};
use crate::model::Secret;

/// Why an authority is not taken over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportRefused {
    /// No certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// No private key.
    #[error("there is no private key in it that can be read")]
    NoKey,
    /// An encrypted key and no passphrase, or the wrong one.
    #[error("the private key is encrypted, and the passphrase does not open it")]
    Passphrase,
    /// Not PKCS#12, or with a cipher that OpenSSL no longer has.
    #[error("the PKCS#12 can't be read")]
    Pkcs12,
    /// None of the certificates is for the key.
    #[error("none of the certificates is for the private key")]
    Mismatch,
    /// A certificate that may not issue.
    #[error("the certificate is not that of an authority (its basic constraints don't say so)")]
    NotAuthority,
    /// A key that may not sign certificates.
    #[error("the certificate does not allow its key to sign certificates (keyCertSign)")]
    NoCertSign,
    /// It has ended, or has not begun.
    #[error("the certificate {0}")]
    NotValidNow(CertificateRefused),
    /// Nothing by which what it issues could point back at it.
    #[error("the certificate has no subject key identifier")]
    NoKeyId,
    /// A key that protects nothing.
    #[error("the key is refused: {0}")]
    Key(#[from] WeakKey),
    /// The root is not there.
    #[error("the root above it is not there")]
    NoRoot,
    /// More than one certificate between root and devices.
    #[error("there is more than one authority between the root and devices; Windows is told of one only")]
    TooDeep,
    /// What it would issue does not verify.
    #[error("a certificate that it issues would not be accepted: {0}")]
    Chain(CertificateRefused),
    /// Something went wrong here.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl ImportRefused {
    /// What may help.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoRoot => {
                Some("append the certificates above it, up to the root, to the file, or name them with --chain")
            }
            Self::Passphrase => Some("give it with --passphrase-file or in TRANSOM_CA_PASSPHRASE"),
            Self::Pkcs12 => {
                Some("is the passphrase right? A file with old ciphers is rewritten by: openssl pkcs12 -legacy")
            }
            Self::NotAuthority | Self::NoCertSign => {
                Some("ask for a certificate of a subordinate authority, not for one of a server")
            }
            _ => None,
        }
    }
}

impl CertificateAuthority {
    /// From certificates and a key in PEM; `more` holds certificates above it.
    pub fn import_pem(
        certificates: &[u8],
        key: &[u8],
        passphrase: Option<&Secret<String>>,
        more: &[u8],
        now: Timestamp,
    ) -> Result<Self, ImportRefused> {
        let mut all = pem(certificates);
        all.extend(pem(more));
        judge(&all, private_key(key, passphrase)?, now)
    }

    /// From PKCS#12; `more` holds certificates above it in PEM.
    pub fn import_pkcs12(
        archive: &[u8],
        passphrase: Option<&Secret<String>>,
        more: &[u8],
        now: Timestamp,
    ) -> Result<Self, ImportRefused> {
        let passphrase = passphrase.map_or("", |secret| secret.expose().as_str());
        if passphrase.contains('\0') {
            return Err(ImportRefused::Passphrase);
        }
        let parsed = Pkcs12::from_der(archive).and_then(|archive| archive.parse2(passphrase));
        let parsed = parsed.map_err(|_| ImportRefused::Pkcs12)?;
        let mut all: Vec<X509> = parsed.cert.into_iter().collect();
        all.extend(parsed.ca.into_iter().flatten());
        all.extend(pem(more));
        judge(&all, parsed.pkey.ok_or(ImportRefused::NoKey)?, now)
    }
}

fn pem(text: &[u8]) -> Vec<X509> {
    X509::stack_from_pem(text).unwrap_or_default()
}

fn private_key(pem: &[u8], passphrase: Option<&Secret<String>>) -> Result<PKey<Private>, ImportRefused> {
    let mut asked = false;
    let key = PKey::private_key_from_pem_callback(pem, |buffer| {
        asked = true;
        let passphrase = passphrase.map_or(&[][..], |secret| secret.expose().as_bytes());
        // Longer than OpenSSL takes, so none that has encrypted anything.
        let Some(room) = buffer.get_mut(..passphrase.len()) else { return Ok(0) };
        room.copy_from_slice(passphrase);
        Ok(passphrase.len())
    });
    key.map_err(|_| if asked { ImportRefused::Passphrase } else { ImportRefused::NoKey })
}

fn judge(certificates: &[X509], key: PKey<Private>, now: Timestamp) -> Result<CertificateAuthority, ImportRefused> {
    if certificates.is_empty() {
        return Err(ImportRefused::NoCertificate);
    }
    let is_its = |certificate: &&X509| certificate.public_key().is_ok_and(|public| public.public_eq(&key));
    // Of several for one key, the one that lives longest: a renewed authority keeps its key.
    let mut its: Vec<&X509> = certificates.iter().filter(is_its).collect();
    its.sort_by(|one, other| one.not_after().compare(other.not_after()).unwrap_or(std::cmp::Ordering::Equal));
    let issuing = its.pop().ok_or(ImportRefused::Mismatch)?.clone();
    key::strong(&key)?;
    if certificate::is_authority(&issuing) != Some(true) {
        return Err(ImportRefused::NotAuthority);
    }
    if !issuing.key_usage().is_some_and(|usage| usage.contains(X509KeyUsage::KEY_CERT_SIGN)) {
        return Err(ImportRefused::NoCertSign);
    }
    if issuing.subject_key_id().is_none() {
        return Err(ImportRefused::NoKeyId);
    }
    let root = root_of(&issuing, certificates)?;
    let authority = CertificateAuthority::from_parts(issuing, key, root);
    authority.try_out(now)?;
    Ok(authority)
}

/// The root above a certificate; `None` when it is one itself.
fn root_of(issuing: &X509Ref, certificates: &[X509]) -> Result<Option<X509>, ImportRefused> {
    if is_root(issuing) {
        return Ok(None);
    }
    let above = certificates.iter().find(|candidate| signed(candidate, issuing)).ok_or(ImportRefused::NoRoot)?;
    if is_root(above) { Ok(Some(above.clone())) } else { Err(ImportRefused::TooDeep) }
}

fn is_root(certificate: &X509Ref) -> bool {
    signed(certificate, certificate)
}

fn signed(issuer: &X509Ref, certificate: &X509Ref) -> bool {
    let names = issuer.subject_name().try_cmp(certificate.issuer_name()).is_ok_and(std::cmp::Ordering::is_eq);
    let fits = names && issuer.public_key().is_ok_and(|key| certificate.verify(&key).unwrap_or_default());
    drop(ErrorStack::get());
    fits
}

impl CertificateAuthority {
    /// Issues a certificate to nobody and verifies it up to the root, as a stranger would: a constraint on the length of
    /// the path, on purposes or on names shows there.
    fn try_out(&self, now: Timestamp) -> Result<(), ImportRefused> {
        let chain_of: Vec<&X509Ref> = self.chain().map(AsRef::as_ref).collect();
        let root = chain_of.last().copied().into_iter().collect::<Vec<_>>();
        let key = DeviceKeyPair::generate(DeviceKeyKind::P256)?;
        let request = key.request("probe", "probe", RequestShape::Windows11)?;
        let request =
            CertificateRequest::read(&request).map_err(|_| ImportRefused::Chain(CertificateRefused::Malformed))?;
        chain(X509PurposeId::ANY, &root, &[], self.certificate(), now).map_err(|refused| match refused {
            CertificateRefused::Expired | CertificateRefused::NotYetValid => ImportRefused::NotValidNow(refused),
            refused => ImportRefused::Chain(refused),
        })?;
        let issued = self.issue_device(&request, "probe", std::time::Duration::from_secs(60), now)?;
        let issued =
            certificate::parse(&issued.encoded.der).ok_or(ImportRefused::Chain(CertificateRefused::Malformed))?;
        chain(X509PurposeId::SSL_CLIENT, &root, &[self.certificate()], &issued, now).map_err(ImportRefused::Chain)
    }
}
