//! OpenSSL's arithmetic for `jsonwebtoken`, which brings none of its own here. Verifies; signs nothing.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey, EcPoint},
    ecdsa::EcdsaSig,
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Public},
    rsa::{Padding, Rsa},
    sign::{RsaPssSaltlen, Verifier},
};

static OPENSSL: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(Error::from(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: |algorithm, key| {
        Ok(Box::new(WithKey { algorithm: *algorithm, key: public_key(*algorithm, key)? }))
    },
    // Asked for only where keys are written, which nobody here does.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes OpenSSL what verifies, unless it is already.
pub(super) fn install() {
    let _ = OPENSSL.install_default();
}

struct WithKey {
    algorithm: Algorithm,
    key: PKey<Public>,
}

impl JwtVerifier for WithKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl jsonwebtoken::signature::Verifier<Vec<u8>> for WithKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), jsonwebtoken::signature::Error> {
        let good = match self.algorithm {
            Algorithm::RS256 => self.rsa(message, signature, Padding::PKCS1),
            Algorithm::PS256 => self.rsa(message, signature, Padding::PKCS1_PSS),
            Algorithm::ES256 => self.ecdsa(message, signature),
            _ => Ok(false),
        };
        if good.unwrap_or(false) { Ok(()) } else { Err(jsonwebtoken::signature::Error::new()) }
    }
}

impl WithKey {
    fn rsa(&self, message: &[u8], signature: &[u8], padding: Padding) -> Result<bool, ErrorStack> {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key)?;
        verifier.set_rsa_padding(padding)?;
        if padding == Padding::PKCS1_PSS {
            verifier.set_rsa_mgf1_md(MessageDigest::sha256())?;
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        verifier.verify_oneshot(signature, message)
    }

    /// The two numbers one after the other (RFC 7518, 3.4), as DER for OpenSSL.
    fn ecdsa(&self, message: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        if signature.len() != 64 {
            return Ok(false);
        }
        let (r, s) = signature.split_at(32);
        let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?.to_der()?;
        Verifier::new(MessageDigest::sha256(), &self.key)?.verify_oneshot(&signature, message)
    }
}

/// The key, when it is one for this algorithm.
fn public_key(algorithm: Algorithm, key: &DecodingKey) -> Result<PKey<Public>, Error> {
    let key = match (algorithm, key.kind()) {
        (Algorithm::RS256 | Algorithm::PS256, DecodingKeyKind::RsaModulusExponent { n, e }) => rsa_key(n, e),
        (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => p256_key(point),
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    key.map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    PKey::from_rsa(Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?)
}

/// From an uncompressed point; one that is not on the curve is refused.
fn p256_key(point: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let point = EcPoint::from_bytes(&group, point, &mut *BigNumContext::new()?)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    PKey::from_ec_key(key)
}
