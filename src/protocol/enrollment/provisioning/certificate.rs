//! A certificate in a store of Windows (CSP `CertificateStore`).

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha1::{Digest as _, Sha1};

use super::wap::Wap;

/// A certificate, named as Windows names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCertificate {
    der: Vec<u8>,
}

impl StoreCertificate {
    /// A certificate as DER.
    pub fn new(der: Vec<u8>) -> Self {
        Self { der }
    }

    /// The certificate as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-1 over the DER in upper-case hex: a name, not a proof of anything.
    pub fn thumbprint(&self) -> String {
        Sha1::digest(&self.der).iter().fold(String::with_capacity(40), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02X}");
            text
        })
    }

    /// The node of its name, and what it holds: base64 in one line.
    pub(super) fn write(&self, wap: &mut Wap) {
        wap.characteristic(&self.thumbprint(), |wap| wap.parm("EncodedCertificate", &STANDARD.encode(&self.der)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_named_by_its_sha1_in_upper_case() {
        assert_eq!(StoreCertificate::new(b"abc".to_vec()).thumbprint(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    }
}
