//! Encryption of what may hold a secret (design, promise 9): AES-256-GCM with a key from outside the database.
//!
//! A sealed value is bound to its table, column and row, so that it can't be moved to another place. The key is never
//! stored, printed or derived from anything in the database.

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::{Zeroize as _, Zeroizing};

use super::Error;

/// The key that seals, and the number by which sealed values name it.
pub struct SealKey {
    id: u8,
    bytes: Zeroizing<[u8; 32]>,
}

/// The place of a sealed value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Table and column.
    pub(super) column: &'static str,
    /// Id of the row.
    pub(super) row: &'a str,
}

/// Key number, nonce and tag before the ciphertext.
const NONCE: usize = 12;
const TAG: usize = 16;
const OVERHEAD: usize = 1 + NONCE + TAG;

impl SealKey {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { id: 1, bytes: Zeroizing::new(bytes) }
    }

    /// Seals a value for a place.
    pub(super) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        let mut tag = [0; TAG];
        openssl::rand::rand_bytes(&mut nonce).map_err(Error::unavailable)?;
        let cipher = Cipher::aes_256_gcm();
        let sealed =
            encrypt_aead(cipher, self.bytes.as_slice(), Some(&nonce), &place.associated_data(self.id), plain, &mut tag)
                .map_err(Error::unavailable)?;
        let mut whole = Vec::with_capacity(OVERHEAD + sealed.len());
        whole.push(self.id);
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&tag);
        whole.extend_from_slice(&sealed);
        Ok(whole)
    }

    /// Opens what was sealed for a place. The result is wiped from memory when it is dropped.
    pub(super) fn open(&self, place: Place<'_>, whole: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let corrupt = || Error::corrupt(place.column);
        let (&id, rest) = whole.split_first().ok_or_else(corrupt)?;
        if id != self.id {
            return Err(Error::WrongKey);
        }
        let (nonce, rest) = rest.split_at_checked(NONCE).ok_or_else(corrupt)?;
        let (tag, sealed) = rest.split_at_checked(TAG).ok_or_else(corrupt)?;
        let cipher = Cipher::aes_256_gcm();
        decrypt_aead(cipher, self.bytes.as_slice(), Some(nonce), &place.associated_data(id), sealed, tag)
            .map(Zeroizing::new)
            .map_err(|_| corrupt())
    }

    /// Seals a value as JSON.
    pub(super) fn seal_json(&self, place: Place<'_>, value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
        let mut plain = serde_json::to_vec(value).map_err(|_| Error::corrupt(place.column))?;
        let sealed = self.seal(place, &plain);
        plain.zeroize();
        sealed
    }

    /// Opens what was sealed as JSON.
    pub(super) fn open_json<T: serde::de::DeserializeOwned>(&self, place: Place<'_>, whole: &[u8]) -> Result<T, Error> {
        let plain = self.open(place, whole)?;
        // The parser's message could quote a secret.
        serde_json::from_slice(&plain).map_err(|_| Error::corrupt(place.column))
    }
}

impl Place<'_> {
    /// What the tag vouches for beside the value.
    fn associated_data(self, key: u8) -> Vec<u8> {
        let mut data = Vec::with_capacity(2 + self.column.len() + self.row.len());
        data.push(key);
        data.extend_from_slice(self.column.as_bytes());
        data.push(0);
        data.extend_from_slice(self.row.as_bytes());
        data
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'_> = Place { column: "commands.instruction", row: "1" };

    #[test]
    fn what_was_sealed_opens_again_and_is_not_in_the_bytes() {
        let key = SealKey::new([7; 32]);
        let sealed = key.seal(HERE, b"the BitLocker key").unwrap();
        assert_eq!(key.open(HERE, &sealed).unwrap().as_slice(), b"the BitLocker key");
        assert!(!sealed.windows(9).any(|window| window == b"BitLocker"));
        assert_ne!(sealed, key.seal(HERE, b"the BitLocker key").unwrap(), "the nonce is fresh");
        assert_eq!(key.open(HERE, &key.seal(HERE, b"").unwrap()).unwrap().as_slice(), b"");
    }

    #[test]
    fn a_sealed_value_can_not_be_moved_or_changed() {
        let key = SealKey::new([7; 32]);
        let sealed = key.seal(HERE, b"value").unwrap();
        assert!(key.open(Place { row: "2", ..HERE }, &sealed).is_err());
        assert!(key.open(Place { column: "commands.progress", ..HERE }, &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(HERE, &changed).is_err(), "byte {at}");
            assert!(key.open(HERE, &sealed[..at]).is_err(), "first {at} bytes");
        }
    }

    #[test]
    fn another_key_opens_nothing_and_no_key_is_printed() {
        let sealed = SealKey::new([7; 32]).seal(HERE, b"value").unwrap();
        assert!(SealKey::new([8; 32]).open(HERE, &sealed).is_err());
        assert_eq!(format!("{:?}", SealKey::new([0x41; 32])), "SealKey(…)");
    }
}
