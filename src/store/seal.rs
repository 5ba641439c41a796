//! Encryption of what may hold a secret (design, promise 9): AES-256-GCM with a key from outside the database.
//!
//! A sealed value is bound to its table, column and row, so that it can't be moved to another place. The key is never
//! stored, printed or derived from anything in the database.

use std::sync::{Mutex, PoisonError};

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use super::Error;

/// The key that seals, and the number by which sealed values name it.
pub struct SealKey {
    id: u8,
    bytes: Zeroizing<[u8; 32]>,
    /// With the key set; nobody uses them just now. Setting one up takes longer than sealing a message with it.
    idle: Mutex<Vec<Ciphers>>,
}

/// One for each direction.
struct Ciphers {
    seal: CipherCtx,
    open: CipherCtx,
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

/// Bytes of a term.
const TERM: usize = 16;

/// What a cipher wants to have room for beyond the text.
const BLOCK: usize = 16;

impl SealKey {
    /// From 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { id: 1, bytes: Zeroizing::new(bytes), idle: Mutex::default() }
    }

    /// Seals a value for a place.
    pub(super) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        // OpenSSL's own generator takes longer than sealing a short value does.
        let nonce: [u8; NONCE] = rand::random();
        let whole = self.with_ciphers(|ciphers| {
            let cipher = &mut ciphers.seal;
            cipher.encrypt_init(None, None, Some(&nonce))?;
            cipher.cipher_update(&place.associated_data(self.id), None)?;
            let mut whole = Vec::with_capacity(OVERHEAD + plain.len() + BLOCK);
            whole.push(self.id);
            whole.extend_from_slice(&nonce);
            whole.extend_from_slice(&[0; TAG]);
            cipher.cipher_update_vec(plain, &mut whole)?;
            cipher.cipher_final_vec(&mut whole)?;
            if let Some(tag) = whole.get_mut(OVERHEAD - TAG..OVERHEAD) {
                cipher.tag(tag)?;
            }
            Ok(whole)
        });
        whole.map_err(Error::unavailable)
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
        let plain = self.with_ciphers(|ciphers| {
            let cipher = &mut ciphers.open;
            cipher.decrypt_init(None, None, Some(nonce))?;
            cipher.cipher_update(&place.associated_data(id), None)?;
            // Large enough from the beginning, so that no copy of a secret stays behind.
            let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len() + BLOCK));
            cipher.cipher_update_vec(sealed, &mut plain)?;
            cipher.set_tag(tag)?;
            cipher.cipher_final_vec(&mut plain)?;
            Ok(plain)
        });
        plain.map_err(|_| corrupt())
    }

    /// One of 2^18 buckets for a text, so that no flood of texts can fill a table. Which texts share one nobody can know
    /// without the key, and all instances agree.
    pub(super) fn bucket(&self, label: &str, text: &str) -> u32 {
        let hash = Sha256::new()
            .chain_update(self.bytes.as_slice())
            .chain_update(b"bucket")
            .chain_update(label.as_bytes())
            .chain_update([0])
            .chain_update(text.as_bytes())
            .finalize();
        hash.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) >> 14
    }

    /// What stands for a word in an index: nobody can tell the word from it without the key, and the same word gives the
    /// same.
    pub(super) fn term(&self, word: &str) -> Vec<u8> {
        let hash =
            Sha256::new().chain_update(self.bytes.as_slice()).chain_update(b"term\0").chain_update(word).finalize();
        hash.iter().take(TERM).copied().collect()
    }

    /// Works with ciphers that have the key. Those that something went wrong with are not used again.
    fn with_ciphers<T>(&self, work: impl FnOnce(&mut Ciphers) -> Result<T, ErrorStack>) -> Result<T, ErrorStack> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle().pop();
        let mut ciphers = found.map_or_else(|| Ciphers::new(&self.bytes), Ok)?;
        let done = work(&mut ciphers)?;
        idle().push(ciphers);
        Ok(done)
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

impl Ciphers {
    fn new(key: &[u8; 32]) -> Result<Self, ErrorStack> {
        let (mut seal, mut open) = (CipherCtx::new()?, CipherCtx::new()?);
        seal.encrypt_init(Some(Cipher::aes_256_gcm()), Some(key), None)?;
        open.decrypt_init(Some(Cipher::aes_256_gcm()), Some(key), None)?;
        Ok(Self { seal, open })
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
