//! A certificate as proxies write it into a header.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::percent_decode;

/// Longer than any certificate of ours in any of these forms.
const MAX: usize = 16 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificate, in DER, of any of the forms that are in use: `:base64:` (RFC 9440), PEM with percent signs (nginx,
/// `$ssl_client_escaped_cert`), PEM without its lines or bare base64 (`HAProxy`, Caddy, Traefik). Of a chain with commas
/// the first counts. That it is a certificate whoever reads it finds out.
pub(super) fn read(value: &[u8]) -> Option<Vec<u8>> {
    if value.len() > MAX {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?.trim();
    if let Some(inner) = text.strip_prefix(':') {
        return der(inner.strip_suffix(':')?);
    }
    // A plus sign is one: these are not forms of a browser.
    let text = percent_decode(text.as_bytes()).decode_utf8().ok()?;
    let first = text.split(',').next()?.trim();
    let base64 = match first.strip_prefix(BEGIN) {
        Some(rest) => rest.trim_end().strip_suffix(END)?,
        None => first,
    };
    let compact: String = base64.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    der(&compact)
}

fn der(base64: &str) -> Option<Vec<u8>> {
    // Nothing else begins like a certificate, and a mistake shows here rather than in a device that nobody knows.
    BASE64.decode(base64).ok().filter(|der| der.first() == Some(&0x30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_the_same_certificate() {
        let der = [0x30, 0x03, 0x02, 0x01, 0xfb];
        let forms = [
            ":MAMCAfs=:",
            "MAMCAfs=",
            "MAMCAfs",
            "-----BEGIN%20CERTIFICATE-----%0AMAMCAfs%3D%0A-----END%20CERTIFICATE-----%0A",
            "-----BEGIN CERTIFICATE----- MAMCAfs= -----END CERTIFICATE-----",
            "MAMCAfs%3D,MAMCAQE%3D",
        ];
        for form in forms {
            assert_eq!(read(form.as_bytes()).as_deref(), Some(&der[..]), "{form}");
        }
        for wrong in ["", ":MAMCAfs=", "AAAA", "(null)", "-----BEGIN CERTIFICATE-----MAMCAfs=", "%ff"] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(read("M".repeat(20_000).as_bytes()), None);
    }
}
