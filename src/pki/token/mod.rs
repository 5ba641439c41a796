//! Tokens that somebody else signed (JWT, RFC 7519): whether one is what it says, by published keys (JWKS, RFC 7517).
//!
//! `jsonwebtoken` takes them apart, OpenSSL verifies. What is accepted is fixed by [`Rules`], never by the token: the
//! algorithm has to be on a list, the key is looked up by its id among keys that were had before, and no address in a
//! token (`jku`, `x5u`) is ever followed, nor any key in it (`jwk`, `x5c`) looked at.

mod keys;
mod verifier;

use jsonwebtoken::{Algorithm, Header, Validation};
use serde_json::{Map, Value};
use transom_protocol::session::Timestamp;

pub use keys::{KeySet, UnreadableKeys};

/// Longest token that is looked at, in characters. Those of Entra ID with many groups have a few thousand.
const LONGEST: usize = 32 * 1024;

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// RSA with PKCS#1 1.5 and SHA-256.
    Rs256,
    /// RSA with PSS and SHA-256.
    Ps256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
}

/// What a token has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Signed in one of these ways.
    pub signing: Vec<Signing>,
    /// By one of these issuers.
    pub issuers: Vec<String>,
    /// For one of these audiences.
    pub audiences: Vec<String>,
    /// How far two clocks may be apart, in milliseconds.
    pub skew: i64,
}

/// What a verified token says.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims(Map<String, Value>);

/// Why a token is not believed. No message repeats anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// It is not a JSON Web Token.
    #[error("this is not a JSON Web Token")]
    Malformed,
    /// It is not signed, or in a way that is not accepted.
    #[error("the token is not signed in an accepted way")]
    Algorithm,
    /// It names no key, or one that its issuer has not published.
    #[error("the token is signed with a key that its issuer has not published")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the token is wrong")]
    Signature,
    /// Somebody else made it.
    #[error("the token comes from another issuer")]
    Issuer,
    /// It was made for somebody else.
    #[error("the token was made for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// A claim is missing or is not what it has to be.
    #[error("the claim {0} of the token is missing or wrong")]
    Claim(&'static str),
}

/// The id of the key that a token names, if it is signed in an accepted way at all; nothing else of it is believed.
pub fn key_id(token: &str, rules: &Rules) -> Result<Option<String>, TokenRefused> {
    header(token, rules).map(|header| header.kid)
}

/// What a token says, if it is to be believed at `now`.
pub fn verify(token: &str, keys: &KeySet, rules: &Rules, now: Timestamp) -> Result<Claims, TokenRefused> {
    verifier::install();
    let header = header(token, rules)?;
    let key = keys.key(header.kid.as_deref(), header.alg).ok_or(TokenRefused::UnknownKey)?;
    let mut validation = Validation::new(header.alg);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&rules.issuers);
    validation.set_audience(&rules.audiences);
    // Time is an argument here, and the library would ask the clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let token = jsonwebtoken::decode::<Map<String, Value>>(token, key, &validation).map_err(|error| refused(&error))?;
    let claims = Claims(token.claims);
    // The library would take a list of issuers as well.
    if claims.text("iss").is_none() {
        return Err(TokenRefused::Issuer);
    }
    claims.check_time(rules.skew, now)?;
    Ok(claims)
}

fn header(token: &str, rules: &Rules) -> Result<Header, TokenRefused> {
    if token.len() > LONGEST {
        return Err(TokenRefused::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|error| refused(&error))?;
    // Of what must be understood (RFC 7515, 4.1.11) nothing is.
    if header.crit.is_some() {
        return Err(TokenRefused::Malformed);
    }
    let accepted = rules.signing.iter().any(|signing| signing.algorithm() == header.alg);
    if accepted { Ok(header) } else { Err(TokenRefused::Algorithm) }
}

impl Claims {
    /// A claim that is a text, if it is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A claim, whatever it is.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether a claim is this text, or a list that has it.
    pub fn has(&self, name: &str, wanted: &str) -> bool {
        holds(self.0.get(name), wanted)
    }

    fn check_time(&self, skew: i64, now: Timestamp) -> Result<(), TokenRefused> {
        let expires = self.time("exp")?.ok_or(TokenRefused::Claim("exp"))?;
        if expires.saturating_add(skew) <= now.0 {
            return Err(TokenRefused::Expired);
        }
        if self.time("nbf")?.is_some_and(|begins| begins.saturating_sub(skew) > now.0) {
            return Err(TokenRefused::NotYet);
        }
        Ok(())
    }

    /// A `NumericDate` (RFC 7519, 2) in milliseconds.
    fn time(&self, name: &'static str) -> Result<Option<i64>, TokenRefused> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        #[expect(clippy::cast_possible_truncation, reason = "a cast saturates, and such a time is far enough away")]
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        seconds.map(|seconds| Some(seconds.saturating_mul(1000))).ok_or(TokenRefused::Claim(name))
    }
}

/// Whether a value is this text, or a list that has it.
pub fn holds(value: Option<&Value>, wanted: &str) -> bool {
    match value {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Array(list)) => list.iter().any(|item| item.as_str() == Some(wanted)),
        _ => false,
    }
}

impl Signing {
    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
            Self::Es256 => Algorithm::ES256,
        }
    }
}

impl TokenRefused {
    /// The word for it in the journal and in counters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "jwt_malformed",
            Self::Algorithm => "jwt_algorithm",
            Self::UnknownKey => "jwt_key",
            Self::Signature => "jwt_signature",
            Self::Issuer => "jwt_issuer",
            Self::Audience => "jwt_audience",
            Self::Expired => "jwt_expired",
            Self::NotYet => "jwt_not_yet",
            Self::Claim(_) => "jwt_claim",
        }
    }
}

fn refused(error: &jsonwebtoken::errors::Error) -> TokenRefused {
    use jsonwebtoken::errors::ErrorKind as Kind;
    match error.kind() {
        Kind::InvalidSignature => TokenRefused::Signature,
        Kind::InvalidAlgorithm | Kind::MissingAlgorithm | Kind::UnsupportedAlgorithm | Kind::InvalidAlgorithmName => {
            TokenRefused::Algorithm
        }
        Kind::InvalidIssuer => TokenRefused::Issuer,
        Kind::InvalidAudience => TokenRefused::Audience,
        Kind::MissingRequiredClaim(name) if name == "iss" => TokenRefused::Issuer,
        Kind::MissingRequiredClaim(name) if name == "aud" => TokenRefused::Audience,
        Kind::MissingRequiredClaim(_) => TokenRefused::Claim("exp"),
        // What serde says of a header: the algorithm is the only word in it that has to be one of a list.
        Kind::Json(error) if error.is_data() && error.to_string().starts_with("unknown variant") => {
            TokenRefused::Algorithm
        }
        _ => TokenRefused::Malformed,
    }
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims(…)")
    }
}

#[cfg(test)]
pub(crate) mod tests;
