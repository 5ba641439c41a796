//! Base64 as it stands in envelopes: lines of 64 characters, with or without padding.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes that a text stands for; white space is passed over, anything else that does not belong there refused.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    LENIENT.decode(compact).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_passed_over_and_nothing_else() {
        assert_eq!(decode(" TWFu\r\nTWE= \n").as_deref(), Some(b"ManMa".as_slice()));
        assert_eq!(decode("TWE").as_deref(), Some(b"Ma".as_slice()));
        assert_eq!(decode("").as_deref(), Some(b"".as_slice()));
        for wrong in ["TW-u", "TWFu.", "T", "TWFu=TWFu", "TWF\u{a0}u"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
