//! What tells certificates and keys apart.

use std::fmt;

use super::{bytes_of_hex, hex};

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// From the bytes of a SHA-256.
            pub const fn new(digest: [u8; 32]) -> Self {
                Self(digest)
            }

            /// The digest that 64 hexadecimal digits are.
            pub fn parse(text: &str) -> Option<Self> {
                bytes_of_hex(text).and_then(|bytes| bytes.try_into().ok()).map(Self)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    )*};
}

digests! {
    /// SHA-256 of a certificate, whole.
    CertificateFingerprint;
    /// SHA-256 of a public key as `SubjectPublicKeyInfo`, in the one form that we write it in.
    KeyFingerprint;
}

/// The serial number of a certificate: lower-case hexadecimal digits without leading zeros, of 20 bytes at most
/// (RFC 5280 4.1.2.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(String);

impl SerialNumber {
    /// From a positive number in bytes, the highest first; zeros in front don't count.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let from = bytes.iter().position(|byte| *byte != 0)?;
        let significant = bytes.get(from..)?;
        let text = hex(significant);
        (significant.len() <= 20).then(|| Self(text.strip_prefix('0').map(str::to_owned).unwrap_or(text)))
    }

    /// The serial number that a text is, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let even = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
        Self::from_bytes(&bytes_of_hex(&even)?)
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number in bytes, the highest first, without zeros in front.
    pub fn to_bytes(&self) -> Vec<u8> {
        let even = if self.0.len() % 2 == 1 { format!("0{}", self.0) } else { self.0.clone() };
        bytes_of_hex(&even).unwrap_or_default()
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_comes_back_from_its_text() {
        let digest = KeyFingerprint::new([0xa5; 32]);
        assert_eq!(digest.to_string(), "a5".repeat(32));
        assert_eq!(KeyFingerprint::parse(&digest.to_string().to_uppercase()), Some(digest));
        for wrong in ["", "a5", &"g5".repeat(32), &"a5".repeat(33), &format!("+5{}", "a5".repeat(31))] {
            assert_eq!(KeyFingerprint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_serial_number_has_one_text() {
        for (text, canonical) in [("0A", "a"), ("a", "a"), ("00ff01", "ff01"), ("0100", "100")] {
            assert_eq!(SerialNumber::parse(text).unwrap().as_str(), canonical);
        }
        assert_eq!(SerialNumber::from_bytes(&[0, 0x0f, 1]).unwrap().to_string(), "f01");
        for wrong in ["", "0", "00", "-1", "xyz", &"1".repeat(41)] {
            assert_eq!(SerialNumber::parse(wrong), None, "{wrong}");
        }
        assert!(SerialNumber::parse(&"f".repeat(40)).is_some());
    }
}
