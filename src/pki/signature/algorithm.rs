//! What a signature may be made with: SHA-256 or stronger, RSA PKCS#1 v1.5, RSA PSS or ECDSA (RFC 3370, 4056, 5754).

use der::{Decode as _, Encode as _, Tag, asn1::ObjectIdentifier};
use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{Id, PKeyRef, Public},
    rsa::Padding,
    sign::{RsaPssSaltlen, Verifier},
};
use serde::Serialize;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::SignatureRefused;
use crate::pki::der::{context, elements, only};

/// The digest of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Digest {
    /// SHA-256, which Windows uses.
    #[serde(rename = "sha256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "sha384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "sha512")]
    Sha512,
}

/// How the digest was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// RSA PKCS#1 v1.5.
    RsaPkcs1,
    /// RSA PSS, with the length of its salt.
    RsaPss {
        /// In bytes.
        salt: u8,
    },
    /// ECDSA.
    Ecdsa,
}

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ECDSA_SPECIFIED: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3");

pub(super) const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// What names its digest itself.
const WITH_DIGEST: &[(ObjectIdentifier, Scheme, Digest)] = &[
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"), Scheme::RsaPkcs1, Digest::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"), Scheme::RsaPkcs1, Digest::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"), Scheme::RsaPkcs1, Digest::Sha512),
    (ECDSA_WITH_SHA256, Scheme::Ecdsa, Digest::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"), Scheme::Ecdsa, Digest::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"), Scheme::Ecdsa, Digest::Sha512),
];

/// What was good once.
const WEAK: &[(ObjectIdentifier, &str)] = &[
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.2"), "MD2"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.5"), "MD5"),
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.26"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4"), "SHA-224"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"), "MD2"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), "MD5"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14"), "SHA-224"),
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.29"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1"), "SHA-224"),
];

impl Digest {
    pub(super) fn named(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, SignatureRefused> {
        Self::of(algorithm.oid)
    }

    fn of(oid: ObjectIdentifier) -> Result<Self, SignatureRefused> {
        match oid {
            SHA256 => Ok(Self::Sha256),
            SHA384 => Ok(Self::Sha384),
            SHA512 => Ok(Self::Sha512),
            other => Err(not_taken(other)),
        }
    }

    pub(super) const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => SHA256,
            Self::Sha384 => SHA384,
            Self::Sha512 => SHA512,
        }
    }

    pub(super) fn openssl(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

impl Scheme {
    /// What the algorithm identifier of a signer says, beside its digest.
    pub(super) fn named(algorithm: &AlgorithmIdentifierOwned, digest: Digest) -> Result<Self, SignatureRefused> {
        if let Some((_, scheme, with)) = WITH_DIGEST.iter().find(|(oid, ..)| *oid == algorithm.oid) {
            return agreed(*scheme, *with, digest);
        }
        match algorithm.oid {
            RSA => Ok(Self::RsaPkcs1),
            RSA_PSS => pss(algorithm, digest),
            // Both are how CryptoAPI names ECDSA where it does not name the digest with it.
            EC_PUBLIC_KEY => Ok(Self::Ecdsa),
            ECDSA_SPECIFIED => {
                let named = algorithm.parameters.as_ref().and_then(|parameters| parameters.to_der().ok());
                let named = named.ok_or(SignatureRefused::Contradiction)?;
                agreed(Self::Ecdsa, Digest::of(algorithm_of(&named)?)?, digest)
            }
            other => Err(not_taken(other)),
        }
    }

    pub(super) fn verify(
        self,
        key: &PKeyRef<Public>,
        digest: Digest,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureRefused> {
        let suits = match self {
            Self::RsaPkcs1 | Self::RsaPss { .. } => key.id() == Id::RSA,
            Self::Ecdsa => key.id() == Id::EC,
        };
        if !suits {
            return Err(SignatureRefused::Contradiction);
        }
        let verify = || -> Result<bool, ErrorStack> {
            let mut verifier = Verifier::new(digest.openssl(), key)?;
            if let Self::RsaPss { salt } = self {
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_mgf1_md(digest.openssl())?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(i32::from(salt)))?;
            }
            verifier.verify_oneshot(signature, signed)
        };
        let verified = verify();
        // What a refusal left behind is not for the next TLS connection of this thread.
        drop(ErrorStack::get());
        if verified.unwrap_or(false) { Ok(()) } else { Err(SignatureRefused::Wrong) }
    }
}

/// `RSASSA-PSS-params` (RFC 4055 3.1), where whatever is left out stands for SHA-1.
fn pss(algorithm: &AlgorithmIdentifierOwned, digest: Digest) -> Result<Scheme, SignatureRefused> {
    let malformed = SignatureRefused::Malformed;
    let Some(parameters) = algorithm.parameters.as_ref().and_then(|parameters| parameters.to_der().ok()) else {
        return Err(SignatureRefused::Weak("SHA-1"));
    };
    let parts = only(&parameters, Tag::Sequence).and_then(elements).ok_or(malformed)?;
    let part = |number| parts.iter().find_map(|part| part.inside(context(number)));
    let hash = Digest::of(algorithm_of(part(0).ok_or(SignatureRefused::Weak("SHA-1"))?)?)?;
    let mask = part(1).ok_or(SignatureRefused::Weak("SHA-1"))?;
    let mask = only(mask, Tag::Sequence).and_then(elements).ok_or(SignatureRefused::Malformed)?;
    let [function, with] = mask.as_slice() else { return Err(SignatureRefused::Malformed) };
    if ObjectIdentifier::from_der(function.whole).ok() != Some(MGF1) {
        return Err(SignatureRefused::Algorithm("a mask that is not MGF1".to_owned()));
    }
    let mask = Digest::of(algorithm_of(with.whole)?)?;
    let salt = match part(2).map(|salt| only(salt, Tag::Integer)) {
        None => 20,
        Some(Some([salt])) if *salt < 0x80 => *salt,
        Some(Some([0, salt])) => *salt,
        Some(_) => return Err(SignatureRefused::Malformed),
    };
    // The trailer field has one value that there is a meaning for.
    if !matches!(part(3).map(|trailer| only(trailer, Tag::Integer)), None | Some(Some([1]))) {
        return Err(SignatureRefused::Malformed);
    }
    if mask == hash { agreed(Scheme::RsaPss { salt }, hash, digest) } else { Err(SignatureRefused::Contradiction) }
}

/// The name in an `AlgorithmIdentifier` in DER.
fn algorithm_of(der: &[u8]) -> Result<ObjectIdentifier, SignatureRefused> {
    let read = AlgorithmIdentifierOwned::from_der(der).map_err(|_| SignatureRefused::Malformed)?;
    Ok(read.oid)
}

fn agreed(scheme: Scheme, with: Digest, digest: Digest) -> Result<Scheme, SignatureRefused> {
    if with == digest { Ok(scheme) } else { Err(SignatureRefused::Contradiction) }
}

fn not_taken(oid: ObjectIdentifier) -> SignatureRefused {
    match WEAK.iter().find(|(weak, _)| *weak == oid) {
        Some((_, name)) => SignatureRefused::Weak(name),
        None => SignatureRefused::Algorithm(oid.to_string()),
    }
}
