//! Passwords that were right a moment ago: `GetPolicies` and the request for a certificate follow each other, and many
//! devices of a bulk account come at once; each would cost a hash of 20 ms.
//!
//! What is remembered is a keyed hash of the password together with the stored hash that it opened, for a few minutes,
//! in this process. Another password of the account makes it worthless at once, since the stored hash is read anew each
//! time; a wrong password is never found here and costs what it always does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

use crate::model::{EnrollmentUserId, Secret};

/// How long, in milliseconds.
const REMEMBERED: i64 = 5 * 60 * 1000;

/// How many accounts.
const MOST: usize = 1024;

/// Passwords that were right a moment ago.
pub(super) struct Verified {
    key: Zeroizing<[u8; 32]>,
    known: Mutex<HashMap<EnrollmentUserId, ([u8; 32], Timestamp)>>,
}

impl Verified {
    /// None yet; the key is 32 random bytes.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key: Zeroizing::new(key), known: Mutex::default() }
    }

    /// Whether this password opened this hash a moment ago.
    pub(super) fn knows(
        &self,
        user: &EnrollmentUserId,
        password: &Secret<String>,
        hash: &Secret<String>,
        now: Timestamp,
    ) -> bool {
        let proof = self.proof(password, hash);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(user).is_some_and(|(known, at)| {
            (0..REMEMBERED).contains(&now.millis_since(*at)) && openssl::memcmp::eq(known, &proof)
        })
    }

    /// This password opened this hash.
    pub(super) fn remember(
        &self,
        user: &EnrollmentUserId,
        password: &Secret<String>,
        hash: &Secret<String>,
        now: Timestamp,
    ) {
        let proof = self.proof(password, hash);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (_, at)| (0..REMEMBERED).contains(&now.millis_since(*at)));
        }
        if known.len() < MOST || known.contains_key(user) {
            known.insert(user.clone(), (proof, now));
        }
    }

    fn proof(&self, password: &Secret<String>, hash: &Secret<String>) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.key.as_slice())
            .chain_update(hash.expose().as_bytes())
            .chain_update([0])
            .chain_update(password.expose().as_bytes())
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_of_the_same_hash_is_known_and_only_for_a_while() {
        let verified = Verified::new([1; 32]);
        let secret = |text: &str| Secret::new(text.to_owned());
        let (user, other) = (EnrollmentUserId::new(Timestamp(1)), EnrollmentUserId::new(Timestamp(2)));
        verified.remember(&user, &secret("right"), &secret("$hash"), Timestamp(1_000));
        let knows = |user: &EnrollmentUserId, password: &str, hash: &str, at| {
            verified.knows(user, &secret(password), &secret(hash), Timestamp(at))
        };
        assert!(knows(&user, "right", "$hash", 1_000));
        assert!(!knows(&user, "wrong", "$hash", 1_000));
        assert!(!knows(&user, "right", "$other", 1_000), "the password was changed");
        assert!(!knows(&other, "right", "$hash", 1_000));
        assert!(!knows(&user, "right", "$hash", 1_000 + REMEMBERED));
        assert!(!knows(&user, "right", "$hash", 999));
    }

    #[test]
    fn a_flood_of_accounts_does_not_fill_the_memory() {
        let verified = Verified::new([1; 32]);
        let secret = Secret::new("x".to_owned());
        for number in 0..2 * MOST {
            let user = EnrollmentUserId::new(Timestamp(i64::try_from(number).unwrap()));
            verified.remember(&user, &secret, &secret, Timestamp(0));
        }
        assert_eq!(verified.known.lock().unwrap().len(), MOST);
    }
}
