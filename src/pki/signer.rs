//! Certificates that people and packages sign with: which of them count, and whether one made a signature.

use openssl::{
    asn1::Asn1Time,
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::Id,
    rsa::Padding,
    sign::Verifier,
    stack::Stack,
    x509::{
        X509, X509PurposeId, X509Ref, X509StoreContext, X509StoreContextRef,
        store::X509StoreBuilder,
        verify::{X509VerifyFlags, X509VerifyParam},
    },
};
use transom_protocol::session::Timestamp;

/// The shortest RSA key that counts, in bits.
const RSA_BITS: u32 = 2048;

/// Longest name that is taken, in characters.
const LONGEST: usize = 256;

/// Which certificates count: those of some issuers, and single ones.
pub struct TrustedSigners {
    issuers: Vec<X509>,
    /// SHA-1 or SHA-256, which differ in length.
    thumbprints: Vec<Vec<u8>>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The first e-mail address of the certificate, or its common name.
    pub name: String,
    /// SHA-256 of the certificate, in hex.
    pub thumbprint: String,
}

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerRefused {
    /// It is not a certificate.
    #[error("this is not a certificate")]
    Unreadable,
    /// Its key is not RSA of at least 2048 bits.
    #[error("the key of the certificate is not RSA with at least 2048 bits")]
    Key,
    /// It has not begun or has ended.
    #[error("the certificate is not valid at this time")]
    Time,
    /// Nobody that counts issued it, and it is not listed itself.
    #[error("the certificate is not from an issuer that is trusted for this, nor is it listed")]
    Untrusted,
    /// It names nobody.
    #[error("the certificate has neither an e-mail address nor a common name")]
    Nameless,
    /// Its key did not make this signature.
    #[error("the signature was not made with the key of the certificate")]
    Signature,
}

impl TrustedSigners {
    /// The certificates of a PEM file; `None` when it has none.
    pub fn issuers(pem: &[u8]) -> Option<Vec<X509>> {
        X509::stack_from_pem(pem).ok().filter(|issuers| !issuers.is_empty())
    }

    /// From issuers and thumbprints in hex; `None` when one is no thumbprint.
    pub fn new(issuers: Vec<X509>, thumbprints: &[String]) -> Option<Self> {
        let thumbprints = thumbprints.iter().map(|text| thumbprint(text)).collect::<Option<Vec<_>>>()?;
        Some(Self { issuers, thumbprints })
    }

    /// Who signed something with RSA and SHA-256.
    pub fn verify(
        &self,
        certificate: &[u8],
        signed: &[u8],
        signature: &[u8],
        now: Timestamp,
    ) -> Result<Signer, SignerRefused> {
        let certificate = X509::from_der(certificate).map_err(|_| SignerRefused::Unreadable)?;
        let key = certificate.public_key().map_err(|_| SignerRefused::Key)?;
        if key.id() != Id::RSA || key.bits() < RSA_BITS {
            return Err(SignerRefused::Key);
        }
        is_in_time(&certificate, now)?;
        if !self.lists(&certificate) && !self.issued(&certificate, now).unwrap_or(false) {
            return Err(SignerRefused::Untrusted);
        }
        let verify = || {
            let mut verifier = Verifier::new(MessageDigest::sha256(), &key)?;
            verifier.set_rsa_padding(Padding::PKCS1)?;
            verifier.verify_oneshot(signature, signed)
        };
        if !verify().unwrap_or(false) {
            return Err(SignerRefused::Signature);
        }
        signer(&certificate)
    }

    fn lists(&self, certificate: &X509Ref) -> bool {
        let is = |digest: MessageDigest| {
            certificate.digest(digest).is_ok_and(|own| self.thumbprints.iter().any(|listed| **listed == *own))
        };
        is(MessageDigest::sha256()) || is(MessageDigest::sha1())
    }

    /// Whether one of the issuers issued it, for a use that signing in is.
    fn issued(&self, certificate: &X509Ref, now: Timestamp) -> Result<bool, ErrorStack> {
        let mut param = X509VerifyParam::new()?;
        param.set_time(now.0.div_euclid(1000));
        param.set_purpose(X509PurposeId::SSL_CLIENT)?;
        // An issuer in the file counts, whether it is a root or stands below one.
        param.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        let mut store = X509StoreBuilder::new()?;
        for issuer in &self.issuers {
            store.add_cert(issuer.clone())?;
        }
        store.set_param(&param)?;
        let mut context = X509StoreContext::new()?;
        let is_one_of_them = self.issuers.iter().any(|issuer| issuer.as_ref() == certificate);
        let verified = context.init(&store.build(), certificate, &*Stack::new()?, X509StoreContextRef::verify_cert)?;
        // The authority itself is none of its own users.
        Ok(verified && !is_one_of_them)
    }
}

impl SignerRefused {
    /// The word for it in the journal and in counters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "certificate_unreadable",
            Self::Key => "certificate_key",
            Self::Time => "certificate_time",
            Self::Untrusted => "certificate_untrusted",
            Self::Nameless => "certificate_nameless",
            Self::Signature => "certificate_signature",
        }
    }
}

fn is_in_time(certificate: &X509Ref, now: Timestamp) -> Result<(), SignerRefused> {
    let now = Asn1Time::from_unix(now.0.div_euclid(1000)).map_err(|_| SignerRefused::Time)?;
    let fits = certificate.not_before() <= &*now && certificate.not_after() > &*now;
    if fits { Ok(()) } else { Err(SignerRefused::Time) }
}

fn signer(certificate: &X509Ref) -> Result<Signer, SignerRefused> {
    let digest = certificate.digest(MessageDigest::sha256()).map_err(|_| SignerRefused::Unreadable)?;
    let email = certificate.subject_alt_names().into_iter().flatten().find_map(|name| name.email().map(str::to_owned));
    let common = || {
        let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next()?;
        entry.data().to_string().ok()
    };
    let name = email.or_else(common).map(|name| name.trim().to_owned()).ok_or(SignerRefused::Nameless)?;
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(SignerRefused::Nameless);
    }
    Ok(Signer { name, thumbprint: crate::model::hex(&digest) })
}

/// A thumbprint as people copy it: hex in any case, with blanks or colons.
fn thumbprint(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|character| !" :\u{200e}".contains(*character)).collect();
    let value = |digit: &char| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[char]| Some(value(pair.first()?)? << 4 | value(pair.get(1)?)?);
    let bytes = digits.chunks(2).map(pair).collect::<Option<Vec<u8>>>()?;
    matches!(bytes.len(), 20 | 32).then_some(bytes)
}

impl std::fmt::Debug for TrustedSigners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustedSigners({} issuers, {} listed)", self.issuers.len(), self.thumbprints.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprints_are_taken_as_people_copy_them() {
        let sha1 = "\u{200e}a9 99 3e 36 47 06 81 6a ba 3e 25 71 78 50 c2 6c 9c d0 d8 9d";
        assert_eq!(thumbprint(sha1).unwrap().len(), 20);
        assert_eq!(thumbprint(&"AB:".repeat(32)).unwrap(), [0xab; 32]);
        for text in ["", "a9", "zz", &"a".repeat(41), &"a".repeat(63)] {
            assert_eq!(thumbprint(text), None, "{text}");
        }
    }
}
