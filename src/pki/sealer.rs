//! Values that travel through a stranger's hands and come back: the cookie of a sign-in, the ticket in a form.
//!
//! AES-256-GCM under a key of the data folder, so that every instance of an installation opens what any of them sealed.
//! A sealed value is bound to what it is for; one for a cookie opens no form. How long it counts is up to whoever opens
//! it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use zeroize::Zeroizing;

use super::{DataKey, Error, Purpose, crypto};

const NONCE: usize = 12;
const TAG: usize = 16;

/// The longest sealed value that is looked at, in characters.
const LONGEST: usize = 8 * 1024;

/// Seals and opens such values.
pub struct Sealer(Zeroizing<[u8; 32]>);

impl Sealer {
    /// With a key that is derived from the data folder's.
    pub fn new(key: &DataKey) -> Result<Self, Error> {
        key.derive(Purpose::SignIn).map(Self)
    }

    /// Seals a value, as text that fits into cookies, forms and URLs.
    pub fn seal(&self, what_for: &str, plain: &[u8]) -> Result<String, Error> {
        let (mut nonce, mut tag) = ([0; NONCE], [0; TAG]);
        openssl::rand::rand_bytes(&mut nonce).map_err(crypto("can't draw a nonce"))?;
        let (cipher, about) = (Cipher::aes_256_gcm(), what_for.as_bytes());
        let sealed = encrypt_aead(cipher, self.0.as_slice(), Some(&nonce), about, plain, &mut tag);
        let sealed = sealed.map_err(crypto("can't seal a value"))?;
        Ok(BASE64.encode([nonce.as_slice(), &tag, &sealed].concat()))
    }

    /// What was sealed for this; `None` when it was not sealed here, not for this, or was changed.
    pub fn open(&self, what_for: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        if text.len() > LONGEST {
            return None;
        }
        let whole = BASE64.decode(text).ok()?;
        let (nonce, rest) = whole.split_at_checked(NONCE)?;
        let (tag, sealed) = rest.split_at_checked(TAG)?;
        let plain =
            decrypt_aead(Cipher::aes_256_gcm(), self.0.as_slice(), Some(nonce), what_for.as_bytes(), sealed, tag);
        plain.ok().map(Zeroizing::new)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_only_unchanged_and_for_what_it_was_sealed() {
        let key = DataKey::generate().unwrap();
        let sealer = Sealer::new(&key).unwrap();
        let sealed = sealer.seal("cookie", b"ada").unwrap();
        assert!(!sealed.contains("YWRh") && sealed != sealer.seal("cookie", b"ada").unwrap());
        assert_eq!(Sealer::new(&key).unwrap().open("cookie", &sealed).unwrap().as_slice(), b"ada");
        assert_eq!(sealer.open("form", &sealed), None);
        assert_eq!(Sealer::new(&DataKey::generate().unwrap()).unwrap().open("cookie", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(sealer.open("cookie", &String::from_utf8(changed).unwrap()), None, "{at}");
        }
        for text in ["", "A", "****", &"A".repeat(LONGEST + 1)] {
            assert_eq!(sealer.open("cookie", text), None);
        }
    }
}
