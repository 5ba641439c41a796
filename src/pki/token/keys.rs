//! The keys that an issuer published (JWKS, RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde_json::Value;

/// Keys that are looked at; Entra ID publishes about ten.
const MOST: usize = 200;

/// The shortest RSA modulus that is believed, in bytes.
const RSA_BYTES: usize = 256;

/// The keys of an issuer that can verify one of our algorithms. Others are left out: issuers publish what they like.
#[derive(Clone)]
pub struct KeySet(Vec<Key>);

/// What was published is not a set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a set of keys (JWKS), or it has none that can verify RS256, PS256 or ES256")]
pub struct UnreadableKeys;

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    public: DecodingKey,
}

impl KeySet {
    /// Reads a set.
    pub fn parse(json: &[u8]) -> Result<Self, UnreadableKeys> {
        let set: Value = serde_json::from_slice(json).map_err(|_| UnreadableKeys)?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or(UnreadableKeys)?;
        let keys: Vec<Key> = listed.iter().take(MOST).filter_map(Key::read).collect();
        if keys.is_empty() { Err(UnreadableKeys) } else { Ok(Self(keys)) }
    }

    /// Whether a key of this id is among them. A token without an id is served where there is one key only.
    pub fn knows(&self, id: Option<&str>) -> bool {
        match id {
            Some(_) => self.0.iter().any(|key| key.id.as_deref() == id),
            None => self.0.len() == 1,
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits = |key: &&Key| {
            key.public.family() == algorithm.family() && key.algorithm.is_none_or(|stated| stated == algorithm)
        };
        match id {
            Some(_) => self.0.iter().filter(|key| key.id.as_deref() == id).find(fits),
            None if self.0.len() == 1 => self.0.first().filter(fits),
            None => None,
        }
        .map(|key| &key.public)
    }
}

impl Key {
    fn read(value: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|public| *public != PublicKeyUse::Signature) {
            return None;
        }
        let long_enough = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let modulus = BASE64.decode(&rsa.n).ok()?;
                modulus.iter().skip_while(|byte| **byte == 0).count() >= RSA_BYTES
            }
            AlgorithmParameters::EllipticCurve(point) => point.curve == EllipticCurve::P256,
            _ => false,
        };
        let algorithm = match jwk.common.key_algorithm {
            Some(stated) => Some(Algorithm::try_from(stated).ok()?),
            None => None,
        };
        let public = DecodingKey::from_jwk(&jwk).ok()?;
        long_enough.then_some(Self { id: jwk.common.key_id, algorithm, public })
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| key.id.as_deref().unwrap_or(""))).finish()
    }
}
