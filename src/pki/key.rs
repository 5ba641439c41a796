//! Which public keys are good enough: RSA from 2,048 to 8,192 bits, and the curves P-256 and P-384.

use openssl::{
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    nid::Nid,
    pkey::{HasPublic, Id, PKey, PKeyRef, Public},
    rsa::Rsa,
    sha::sha256,
};

use crate::model::KeyFingerprint;

const MIN_RSA_BITS: i32 = 2048;
/// Verifying takes a server longer than making a signature takes whoever sent it.
const MAX_RSA_BITS: i32 = 8192;
/// Primes up to here divide no modulus that was made with care (CA/Browser Forum, Baseline Requirements 6.1.6).
const SMALL_PRIMES: u32 = 752;

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// Neither RSA nor a curve that is taken.
    #[error("it is neither RSA nor on the curve P-256 or P-384")]
    Kind,
    /// RSA of another length than is taken.
    #[error("it is RSA with {0} bits; 2048 to 8192 are taken")]
    Length(i32),
    /// An RSA exponent that gives no protection.
    #[error("its RSA exponent is not an odd number from 65537 up")]
    Exponent,
    /// An RSA modulus with a small factor.
    #[error("its RSA modulus has a small factor")]
    Modulus,
    /// A point that is not on its curve.
    #[error("its point is not on its curve")]
    Point,
    /// OpenSSL could not make sense of it.
    #[error("it can't be read")]
    Unreadable,
}

/// The same key in the one form that we write keys in, when it is good enough. The same key always has the same
/// fingerprint, however it was encoded.
pub(super) fn strong<T: HasPublic>(key: &PKeyRef<T>) -> Result<PKey<Public>, WeakKey> {
    match key.id() {
        Id::RSA => strong_rsa(key),
        Id::EC => strong_curve(key),
        _ => Err(WeakKey::Kind),
    }
}

fn strong_rsa<T: HasPublic>(key: &PKeyRef<T>) -> Result<PKey<Public>, WeakKey> {
    let rsa = key.rsa().map_err(unreadable)?;
    let (modulus, exponent) = (rsa.n(), rsa.e());
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&modulus.num_bits()) {
        return Err(WeakKey::Length(modulus.num_bits()));
    }
    if exponent.is_negative() || !exponent.is_odd() || !(17..=256).contains(&exponent.num_bits()) {
        return Err(WeakKey::Exponent);
    }
    let has_small_factor = |divisor| modulus.mod_word(divisor).is_ok_and(|rest| rest == 0);
    if !modulus.is_odd() || (3..SMALL_PRIMES).step_by(2).any(has_small_factor) {
        return Err(WeakKey::Modulus);
    }
    let rebuild = || {
        let rsa = Rsa::from_public_components(modulus.to_owned()?, exponent.to_owned()?)?;
        PKey::from_rsa(rsa)
    };
    rebuild().map_err(unreadable)
}

fn strong_curve<T: HasPublic>(key: &PKeyRef<T>) -> Result<PKey<Public>, WeakKey> {
    let given = key.ec_key().map_err(unreadable)?;
    let Some(curve @ (Nid::X9_62_PRIME256V1 | Nid::SECP384R1)) = given.group().curve_name() else {
        return Err(WeakKey::Kind);
    };
    given.check_key().map_err(|_| WeakKey::Point)?;
    let rebuild = || {
        // By the curve's name, whatever parameters it came with.
        let group = EcGroup::from_curve_name(curve)?;
        PKey::from_ec_key(EcKey::from_public_key(&group, given.public_key())?)
    };
    rebuild().map_err(unreadable)
}

fn unreadable(_: ErrorStack) -> WeakKey {
    WeakKey::Unreadable
}

/// SHA-256 of a key as `SubjectPublicKeyInfo`.
pub(super) fn fingerprint(key: &PKeyRef<Public>) -> Result<KeyFingerprint, ErrorStack> {
    Ok(KeyFingerprint::new(sha256(&key.public_key_to_der()?)))
}

#[cfg(test)]
mod tests {
    use openssl::{
        bn::{BigNum, BigNumRef},
        dsa::Dsa,
        ec::Asn1Flag,
    };

    use super::*;

    fn rsa(modulus: &BigNumRef, exponent: u32) -> PKey<Public> {
        let exponent = BigNum::from_u32(exponent).unwrap();
        PKey::from_rsa(Rsa::from_public_components(modulus.to_owned().unwrap(), exponent).unwrap()).unwrap()
    }

    fn curve(nid: Nid, flag: Asn1Flag) -> PKey<Public> {
        let mut group = EcGroup::from_curve_name(nid).unwrap();
        group.set_asn1_flag(flag);
        let key = EcKey::generate(&group).unwrap();
        PKey::from_ec_key(EcKey::from_public_key(&group, key.public_key()).unwrap()).unwrap()
    }

    #[test]
    fn weak_keys_are_refused_each_for_its_reason() {
        let good = Rsa::generate(2048).unwrap();
        let modulus = good.n().to_owned().unwrap();
        assert!(strong(&rsa(&modulus, 65_537)).is_ok());
        for exponent in [0, 1, 2, 3, 17, 65_536] {
            assert_eq!(strong(&rsa(&modulus, exponent)).unwrap_err(), WeakKey::Exponent, "{exponent}");
        }
        let short = Rsa::generate(1024).unwrap();
        assert_eq!(strong(&rsa(&short.n().to_owned().unwrap(), 65_537)).unwrap_err(), WeakKey::Length(1024));
        let mut divisible = modulus.to_owned().unwrap();
        divisible.clear_bit(0).unwrap();
        assert_eq!(strong(&rsa(&divisible, 65_537)).unwrap_err(), WeakKey::Modulus);
        let rest = modulus.mod_word(751).unwrap();
        let mut divisible = modulus.to_owned().unwrap();
        divisible.sub_word(rest.try_into().unwrap()).unwrap();
        if !divisible.is_odd() {
            divisible.add_word(751).unwrap();
        }
        assert_eq!(strong(&rsa(&divisible, 65_537)).unwrap_err(), WeakKey::Modulus);
        let mut long = BigNum::new().unwrap();
        long.set_bit(8192).unwrap();
        long.add_word(1).unwrap();
        assert_eq!(strong(&rsa(&long, 65_537)).unwrap_err(), WeakKey::Length(8193));
        for other in [Nid::SECP224R1, Nid::SECP521R1, Nid::SECP256K1] {
            assert_eq!(strong(&curve(other, Asn1Flag::NAMED_CURVE)).unwrap_err(), WeakKey::Kind);
        }
        let dsa = Dsa::generate(1024).unwrap();
        let dsa = Dsa::from_public_components(
            dsa.p().to_owned().unwrap(),
            dsa.q().to_owned().unwrap(),
            dsa.g().to_owned().unwrap(),
            dsa.pub_key().to_owned().unwrap(),
        );
        assert_eq!(strong(&PKey::from_dsa(dsa.unwrap()).unwrap()).unwrap_err(), WeakKey::Kind);
        assert_eq!(strong(&PKey::generate_ed25519().unwrap()).unwrap_err(), WeakKey::Kind);
    }

    #[test]
    fn a_key_has_one_fingerprint_however_it_was_encoded() {
        let named = curve(Nid::SECP384R1, Asn1Flag::NAMED_CURVE);
        let point = named.ec_key().unwrap();
        let mut group = EcGroup::from_curve_name(Nid::SECP384R1).unwrap();
        group.set_asn1_flag(Asn1Flag::EXPLICIT_CURVE);
        let explicit = PKey::from_ec_key(EcKey::from_public_key(&group, point.public_key()).unwrap()).unwrap();
        assert_ne!(named.public_key_to_der().unwrap(), explicit.public_key_to_der().unwrap());
        let fingerprint_of = |key: &PKeyRef<Public>| fingerprint(&strong(key).unwrap()).unwrap();
        let reread = PKey::public_key_from_der(&explicit.public_key_to_der().unwrap()).unwrap();
        assert_eq!(fingerprint_of(&named), fingerprint_of(&reread));
    }
}
