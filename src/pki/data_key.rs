//! The key of the data folder, from which every other key of the installation at rest is derived.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use openssl::{md::Md, pkey::Id, pkey_ctx::PkeyCtx, rand::rand_bytes};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{Error, crypto, files};

const LENGTH: usize = 32;

/// Thirty-two random bytes, kept in the data folder and nowhere else. Whoever has them and the database has all.
#[derive(Clone, ZeroizeOnDrop)]
pub struct DataKey([u8; LENGTH]);

/// What a derived key is for. Keys for different purposes say nothing about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Secrets in the database.
    StoreSeal,
    /// The private key of the authority.
    AuthorityKey,
    /// What a browser keeps for us while somebody signs in.
    SignIn,
}

impl DataKey {
    /// A new one.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; LENGTH];
        rand_bytes(&mut bytes).map_err(crypto("can't draw random bytes"))?;
        Ok(Self(bytes))
    }

    /// From its file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = files::read_secret(path)?;
        let compact: Zeroizing<Vec<u8>> = Zeroizing::new(text.trim_ascii().to_vec());
        let bytes = Zeroizing::new(BASE64.decode(compact.as_slice()).unwrap_or_default());
        let bytes = bytes.as_slice().try_into();
        bytes.map(Self).map_err(|_| Error::Content { path: path.to_owned(), expected: "a key of 32 bytes in base64" })
    }

    /// Into a new file that only its owner can read.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let text = Zeroizing::new(format!("{}\n", BASE64.encode(self.0)));
        files::write_secret(path, text.as_bytes())
    }

    /// The key for a purpose: HKDF with SHA-256 (RFC 5869).
    pub fn derive(&self, purpose: Purpose) -> Result<Zeroizing<[u8; 32]>, Error> {
        let derive = || {
            let mut context = PkeyCtx::new_id(Id::HKDF)?;
            context.derive_init()?;
            context.set_hkdf_md(Md::sha256())?;
            context.set_hkdf_key(&self.0)?;
            context.add_hkdf_info(purpose.info())?;
            let mut key = Zeroizing::new([0; 32]);
            context.derive(Some(key.as_mut_slice()))?;
            Ok(key)
        };
        derive().map_err(crypto("can't derive a key"))
    }
}

impl Purpose {
    // Part of what is on disk: a change makes existing installations unreadable.
    const fn info(self) -> &'static [u8] {
        match self {
            Self::StoreSeal => b"transom store seal v1",
            Self::AuthorityKey => b"transom authority key v1",
            Self::SignIn => b"transom sign in v1",
        }
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("transom.key");
        let key = DataKey::generate().unwrap();
        key.save(&path).unwrap();
        let again = DataKey::load(&path).unwrap();
        assert_eq!(key.0, again.0);
        assert_ne!(key.0, DataKey::generate().unwrap().0);
    }

    #[test]
    fn a_file_with_anything_else_is_refused_without_being_quoted() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("short", "c2VjcmV0"), ("text", "secret!"), ("empty", "")] {
            let path = folder.path().join(name);
            files::write_secret(&path, content.as_bytes()).unwrap();
            let error = DataKey::load(&path).unwrap_err();
            assert!(matches!(error, Error::Content { .. }));
            assert!(content.is_empty() || !format!("{error:?}").contains(content));
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_stay_the_same() {
        let key = DataKey([7; LENGTH]);
        let seal = key.derive(Purpose::StoreSeal).unwrap();
        assert_ne!(seal, key.derive(Purpose::AuthorityKey).unwrap());
        assert_ne!(*seal, key.0);
        // HKDF-SHA256, no salt, worked out with Python's hmac; it must never change.
        assert_eq!(BASE64.encode(*seal), "0XUlMClNcKB2omwvCI/a3XCnebDB8hJ7ohptJpj7Jhg=");
    }
}
