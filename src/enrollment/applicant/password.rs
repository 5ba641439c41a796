//! Passwords and tokens: how they are made, hashed and compared.
//!
//! Argon2id (RFC 9106) with the parameters that OWASP gives for 19 MiB; the hash is a PHC string, sealed by the store.
//! Tokens have 160 bits of chance: no slow hash makes those harder to guess, and SHA-256 is enough.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use sha2::{Digest as _, Sha256};

use super::TOKEN_PREFIX;
use crate::model::Secret;

/// Shortest and longest password, in characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=256;

/// What passwords and tokens that are made here consist of: letters and digits that nobody mistakes for each other
/// (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A hash of nothing that anybody knows, with the parameters of all others: unknown users take as long as known ones.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gc2FsdCBvZiBhbnkhIQ$N0bYxF5LwmX1hG2m9q0JZ5v4c7s8d3f6a1k2l3p4o5I";

/// Why something is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Too short or too long.
    #[error("a password has {} to {} characters", LENGTHS.start(), LENGTHS.end())]
    Length,
    /// Windows can't send it.
    #[error("a password has no control characters")]
    Control,
    /// It looks like a token.
    #[error("a password does not begin like an enrollment token ({TOKEN_PREFIX})")]
    Token,
    /// It could not be hashed.
    #[error("the password could not be hashed")]
    Failed,
}

/// Whether a text can be a password.
pub fn is_acceptable(password: &Secret<String>) -> Result<(), PasswordRefused> {
    let password = password.expose();
    if !LENGTHS.contains(&password.chars().count()) {
        return Err(PasswordRefused::Length);
    }
    if password.chars().any(char::is_control) {
        return Err(PasswordRefused::Control);
    }
    if token_hash(password).is_some() { Err(PasswordRefused::Token) } else { Ok(()) }
}

/// The hash of a password, as a PHC string. Takes 20 ms and 19 MiB: not for a thread that serves others.
pub fn hash_password(password: &Secret<String>, salt: &[u8; 16]) -> Result<Secret<String>, PasswordRefused> {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.expose().as_bytes(), salt)
        .map_err(|_| PasswordRefused::Failed)?;
    Ok(Secret::new(hash.to_string()))
}

/// Whether this is the password; without a hash it is not, after the same time. As slow as [`hash_password`].
pub fn is_password(password: &Secret<String>, hash: Option<&Secret<String>>) -> bool {
    let of_somebody = hash.is_some();
    let hash = hash.map_or(NOBODY, |hash| hash.expose().as_str());
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let is_right = Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok();
    of_somebody && is_right
}

/// A password that people can type: 100 bits of chance in four groups.
pub fn new_password(random: &[u8; 20]) -> Secret<String> {
    let text = letters(random);
    let groups: Vec<&str> = (0..4).filter_map(|group| text.expose().get(group * 5..group * 5 + 5)).collect();
    Secret::new(groups.join("-"))
}

/// A token: 160 bits of chance behind [`TOKEN_PREFIX`].
pub fn new_token(random: &[u8; 20]) -> Secret<String> {
    Secret::new(format!("{TOKEN_PREFIX}{}", letters(random).expose()))
}

/// The hash by which a token is kept, when a text can be one. Letters that are mistaken for each other count as the
/// same, so that a token can be read out and typed.
pub fn token_hash(text: &str) -> Option<[u8; 32]> {
    let text = Secret::new(text.trim().to_ascii_lowercase());
    let letters = text.expose().strip_prefix(TOKEN_PREFIX)?;
    let mut hash = Sha256::new();
    for letter in letters.bytes() {
        hash.update([match letter {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            other => other,
        }]);
    }
    Some(hash.finalize().into())
}

/// 160 bits in 32 letters.
fn letters(random: &[u8; 20]) -> Secret<String> {
    let mut text = String::with_capacity(32);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in random {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            let digit = usize::try_from((held >> bits) & 31).unwrap_or(0);
            text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
        }
        held &= (1 << bits) - 1;
    }
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_opens_its_hash_and_no_other() {
        let hash = hash_password(&secret("correct horse"), &[7; 16]).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(is_password(&secret("correct horse"), Some(&hash)));
        assert!(!is_password(&secret("Correct horse"), Some(&hash)));
        assert!(!is_password(&secret("correct horse"), None));
        assert!(!is_password(&secret("correct horse"), Some(&secret("not a hash"))));
        assert_ne!(hash_password(&secret("correct horse"), &[8; 16]).unwrap().expose(), hash.expose());
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let somebody = hash_password(&secret("correct horse"), &[7; 16]).unwrap();
        let parameters = |hash: &str| hash.rsplitn(3, '$').nth(2).unwrap().to_owned();
        assert_eq!(parameters(NOBODY), parameters(somebody.expose()));
        assert_eq!(NOBODY.len(), somebody.expose().len(), "salt and hash of the same size");
        assert!(PasswordHash::new(NOBODY).is_ok());
    }

    #[test]
    fn what_can_not_be_a_password_is_refused() {
        assert_eq!(is_acceptable(&secret("12345678")), Ok(()));
        assert_eq!(is_acceptable(&secret("ünï öäß!")), Ok(()));
        for (text, why) in [
            ("1234567", PasswordRefused::Length),
            (&"x".repeat(257), PasswordRefused::Length),
            ("12345678\n", PasswordRefused::Control),
            ("TRANSOM-enroll-x", PasswordRefused::Token),
        ] {
            assert_eq!(is_acceptable(&secret(text)), Err(why), "{text}");
        }
    }

    #[test]
    fn tokens_and_passwords_hold_all_the_chance_that_they_are_made_of() {
        let mut random = [0_u8; 20];
        assert_eq!(new_token(&random).expose(), &format!("{TOKEN_PREFIX}{}", "0".repeat(32)));
        assert_eq!(new_token(&[255; 20]).expose(), &format!("{TOKEN_PREFIX}{}", "z".repeat(32)));
        let before = new_token(&random).expose().clone();
        for byte in 0..20 {
            random[byte] ^= 1;
            assert_ne!(*new_token(&random).expose(), before, "byte {byte}");
            random[byte] ^= 1;
        }
        assert_eq!(new_password(&[255; 20]).expose(), "zzzzz-zzzzz-zzzzz-zzzzz");
    }

    #[test]
    fn a_token_is_known_however_it_is_typed() {
        let hash = token_hash("transom-enroll-01a").unwrap();
        for typed in [" transom-enroll-01A\n", "TRANSOM-ENROLL-O1A", "transom-enroll-oia", "transom-enroll-0la"] {
            assert_eq!(token_hash(typed), Some(hash), "{typed}");
        }
        assert_ne!(token_hash("transom-enroll-01b"), Some(hash));
        assert_eq!(token_hash("transom-01a"), None);
    }
}
