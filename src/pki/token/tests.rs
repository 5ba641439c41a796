//! An issuer of our own, and tokens that must not be believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::{Padding, Rsa},
    sign::{RsaPssSaltlen, Signer},
};
use serde_json::json;

use super::*;

/// Somebody with a key who signs what they are told to.
pub(crate) struct Issuer {
    pub(crate) id: &'static str,
    key: PKey<Private>,
}

impl Issuer {
    pub(crate) fn rsa(id: &'static str) -> Self {
        Self { id, key: PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap() }
    }

    fn p256(id: &'static str) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self { id, key: PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap() }
    }

    /// The public key, as it is published.
    pub(crate) fn jwk(&self) -> Value {
        if let Ok(rsa) = self.key.rsa() {
            let (n, e) = (BASE64.encode(rsa.n().to_vec()), BASE64.encode(rsa.e().to_vec()));
            return json!({ "kty": "RSA", "use": "sig", "kid": self.id, "n": n, "e": e });
        }
        let key = self.key.ec_key().unwrap();
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).unwrap();
        let (x, y) = (x.to_vec_padded(32).unwrap(), y.to_vec_padded(32).unwrap());
        json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "x": BASE64.encode(x), "y": BASE64.encode(y) })
    }

    /// A set with this key alone.
    pub(crate) fn jwks(&self) -> Vec<u8> {
        json!({ "keys": [self.jwk()] }).to_string().into_bytes()
    }

    /// A token with this header, which gets algorithm and key id where it has none.
    pub(crate) fn sign(&self, mut header: Value, claims: &Value) -> String {
        let algorithm = if self.key.rsa().is_ok() { "RS256" } else { "ES256" };
        for (name, value) in [("alg", algorithm), ("kid", self.id)] {
            header.as_object_mut().unwrap().entry(name).or_insert(json!(value));
        }
        let algorithm = header["alg"].as_str().unwrap().to_owned();
        let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        format!("{message}.{}", BASE64.encode(self.signature(&algorithm, message.as_bytes())))
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        if algorithm == "none" {
            return Vec::new();
        }
        if algorithm == "HS256" {
            // The classic: the public key taken for a shared secret.
            let secret = PKey::hmac(&self.key.public_key_to_pem().unwrap()).unwrap();
            return Signer::new(MessageDigest::sha256(), &secret).unwrap().sign_oneshot_to_vec(message).unwrap();
        }
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        if algorithm == "PS256" {
            signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
        }
        let signature = signer.sign_oneshot_to_vec(message).unwrap();
        if algorithm == "ES256" && self.key.ec_key().is_ok() {
            let signature = EcdsaSig::from_der(&signature).unwrap();
            let (r, s) = (signature.r().to_vec_padded(32).unwrap(), signature.s().to_vec_padded(32).unwrap());
            return [r, s].concat();
        }
        signature
    }
}

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const SECONDS: i64 = NOW.0 / 1000;

fn rules() -> Rules {
    Rules {
        signing: vec![Signing::Rs256, Signing::Es256, Signing::Ps256],
        issuers: vec!["https://login.example.test".into()],
        audiences: vec!["api://transom".into(), "8d1c".into()],
        skew: 300_000,
    }
}

fn claims() -> Value {
    json!({ "iss": "https://login.example.test", "aud": "8d1c", "sub": "ada", "exp": SECONDS + 60, "nbf": SECONDS - 60 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn keys(of: &Issuer) -> KeySet {
    KeySet::parse(&of.jwks()).unwrap()
}

#[test]
fn a_good_token_is_believed_in_every_accepted_way() {
    let (rsa, p256) = (Issuer::rsa("a"), Issuer::p256("b"));
    for (issuer, header) in [(&rsa, json!({})), (&rsa, json!({ "alg": "PS256" })), (&p256, json!({}))] {
        let token = issuer.sign(header, &claims());
        assert_eq!(key_id(&token, &rules()).unwrap().as_deref(), Some(issuer.id));
        let claims = verify(&token, &keys(issuer), &rules(), NOW).unwrap();
        assert_eq!(claims.text("sub"), Some("ada"));
        assert_eq!(format!("{claims:?}"), "Claims(…)");
    }
    let several = rsa.sign(json!({}), &with("aud", json!(["other", "api://transom"])));
    assert!(verify(&several, &keys(&rsa), &rules(), NOW).is_ok());
}

#[test]
fn a_token_is_believed_only_if_everything_about_it_is_right() {
    let issuer = Issuer::rsa("a");
    let set = keys(&issuer);
    let cases = [
        (with("iss", json!("https://login.example.test.evil.test")), TokenRefused::Issuer),
        (with("iss", json!(["https://login.example.test"])), TokenRefused::Issuer),
        (without("iss"), TokenRefused::Issuer),
        (with("aud", json!("8d1")), TokenRefused::Audience),
        (with("aud", json!("8D1C")), TokenRefused::Audience),
        (with("aud", json!([])), TokenRefused::Audience),
        (without("aud"), TokenRefused::Audience),
        (with("exp", json!(SECONDS - 301)), TokenRefused::Expired),
        (with("exp", json!("tomorrow")), TokenRefused::Claim("exp")),
        (without("exp"), TokenRefused::Claim("exp")),
        (with("nbf", json!(SECONDS + 301)), TokenRefused::NotYet),
        (with("nbf", json!("today")), TokenRefused::Claim("nbf")),
    ];
    for (claims, reason) in cases {
        let token = issuer.sign(json!({}), &claims);
        assert_eq!(verify(&token, &set, &rules(), NOW), Err(reason), "{claims}");
    }
    for claims in [with("exp", json!(SECONDS - 299)), with("nbf", json!(SECONDS + 299)), without("nbf")] {
        assert!(verify(&issuer.sign(json!({}), &claims), &set, &rules(), NOW).is_ok(), "{claims}");
    }
}

#[test]
fn the_token_does_not_choose_how_it_is_verified() {
    let (issuer, other) = (Issuer::rsa("a"), Issuer::rsa("a"));
    let set = keys(&issuer);
    let refused = |token: &str| verify(token, &set, &rules(), NOW).unwrap_err();
    for algorithm in ["none", "HS256", "RS512", "made-up"] {
        assert_eq!(
            refused(&issuer.sign(json!({ "alg": algorithm }), &claims())),
            TokenRefused::Algorithm,
            "{algorithm}"
        );
    }
    let only_rs256 = Rules { signing: vec![Signing::Rs256], ..rules() };
    let token = issuer.sign(json!({ "alg": "PS256" }), &claims());
    assert_eq!(verify(&token, &set, &only_rs256, NOW), Err(TokenRefused::Algorithm));
    // Another family than the key's.
    assert_eq!(refused(&issuer.sign(json!({ "alg": "ES256" }), &claims())), TokenRefused::UnknownKey);
    // Keys and addresses of keys that a token brings along.
    for header in [
        json!({ "jwk": other.jwk() }),
        json!({ "jku": "https://evil.example.test/keys" }),
        json!({ "x5u": "https://evil.example.test/cert" }),
    ] {
        assert_eq!(refused(&other.sign(header, &claims())), TokenRefused::Signature);
    }
    assert_eq!(refused(&other.sign(json!({ "kid": "b" }), &claims())), TokenRefused::UnknownKey);
    assert_eq!(refused(&other.sign(json!({ "kid": "../a" }), &claims())), TokenRefused::UnknownKey);
    assert_eq!(refused(&issuer.sign(json!({ "crit": ["x"] }), &claims())), TokenRefused::Malformed);
}

#[test]
fn a_changed_token_is_refused() {
    let issuer = Issuer::rsa("a");
    let set = keys(&issuer);
    let token = issuer.sign(json!({}), &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let other = issuer.sign(json!({}), &with("sub", json!("eve")));
    let body_of_other = other.split('.').nth(1).unwrap();
    let mixed = [parts[0], body_of_other, parts[2]].join(".");
    assert_eq!(verify(&mixed, &set, &rules(), NOW), Err(TokenRefused::Signature));
    for text in
        ["", ".", "..", "a.b.c", parts[0], &token[..token.len() - 4], &format!("{token}.x"), &"a".repeat(LONGEST + 1)]
    {
        let refused = verify(text, &set, &rules(), NOW).unwrap_err();
        assert!(matches!(refused, TokenRefused::Malformed | TokenRefused::Signature), "{text}: {refused:?}");
    }
}

#[test]
fn keys_that_are_weak_or_for_something_else_are_left_out() {
    let issuer = Issuer::rsa("a");
    let mut for_encryption = issuer.jwk();
    for_encryption["use"] = json!("enc");
    let mut of_another_algorithm = issuer.jwk();
    of_another_algorithm["alg"] = json!("RSA-OAEP");
    let weak = Issuer { id: "a", key: PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap() };
    let secret = json!({ "kty": "oct", "kid": "a", "k": "c2VjcmV0" });
    for key in [for_encryption, of_another_algorithm, weak.jwk(), secret, json!({}), json!(7)] {
        let set = json!({ "keys": [key.clone(), issuer.jwk()] }).to_string();
        assert_eq!(KeySet::parse(set.as_bytes()).unwrap().len(), 1, "{key}");
        assert!(KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).is_err());
    }
    for text in ["", "{}", "[]", "{\"keys\":{}}", "<html>"] {
        assert!(KeySet::parse(text.as_bytes()).is_err());
    }
    let mut only_ps256 = issuer.jwk();
    only_ps256["alg"] = json!("PS256");
    let set = KeySet::parse(json!({ "keys": [only_ps256] }).to_string().as_bytes()).unwrap();
    assert_eq!(verify(&issuer.sign(json!({}), &claims()), &set, &rules(), NOW), Err(TokenRefused::UnknownKey));
}

#[test]
fn a_token_without_key_id_is_believed_where_there_is_one_key() {
    let (issuer, other) = (Issuer::rsa("a"), Issuer::rsa("b"));
    let token = issuer.sign(json!({ "kid": null }), &claims());
    assert!(verify(&token, &keys(&issuer), &rules(), NOW).is_ok());
    let both = KeySet::parse(json!({ "keys": [issuer.jwk(), other.jwk()] }).to_string().as_bytes()).unwrap();
    assert_eq!(verify(&token, &both, &rules(), NOW), Err(TokenRefused::UnknownKey));
    assert!(!both.knows(None) && both.knows(Some("b")) && !both.knows(Some("c")));
}
