//! What the content of an element stands for: text, base64 of bytes, or a WBXML document inside.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::syncml::Format;

/// Content of an element, as it is collected piece by piece.
#[derive(Debug, Clone, Default)]
pub(super) struct Content<'a> {
    bytes: Cow<'a, [u8]>,
    has_text: bool,
    opaque_pieces: usize,
}

/// What the format of a value says about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    /// `bin`: opaque content is raw bytes.
    Raw,
    /// `b64`: opaque content is base64 text, but some send raw bytes.
    Base64,
    /// Any other: opaque content is text.
    No,
}

impl Binary {
    /// What a format says.
    pub(super) fn of(format: &Format) -> Self {
        match format {
            Format::Bin => Self::Raw,
            Format::B64 => Self::Base64,
            _ => Self::No,
        }
    }
}

impl<'a> Content<'a> {
    pub(super) fn push_text(&mut self, piece: &'a str) {
        self.has_text = true;
        self.push(Cow::Borrowed(piece.as_bytes()));
    }

    pub(super) fn push_character(&mut self, character: char) {
        self.has_text = true;
        self.push(Cow::Owned(character.to_string().into_bytes()));
    }

    pub(super) fn push_opaque(&mut self, piece: &'a [u8]) {
        self.opaque_pieces += 1;
        self.push(Cow::Borrowed(piece));
    }

    fn push(&mut self, piece: Cow<'a, [u8]>) {
        if self.bytes.is_empty() {
            self.bytes = piece;
        } else {
            self.bytes.to_mut().extend_from_slice(&piece);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The content as a document, when it is one `OPAQUE` and nothing else.
    pub(super) fn as_document(&self) -> Option<&'a [u8]> {
        match &self.bytes {
            Cow::Borrowed(bytes) if self.opaque_pieces == 1 && !self.has_text => Some(bytes),
            _ => None,
        }
    }

    /// The content of an element that can hold nothing but text.
    pub(super) fn into_plain_text(self) -> Result<Cow<'a, str>, &'static str> {
        let text = match self.bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        };
        text.filter(|text| is_xml_text(text)).ok_or("opaque data that is no text stands where text must be")
    }

    /// The content of `Data` as text for XML, by the table in the documentation of [`super`].
    pub(super) fn into_text(self, binary: Binary) -> Result<Cow<'a, str>, &'static str> {
        let is_opaque = self.opaque_pieces > 0;
        let as_text = match self.bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Cow::Borrowed(bytes)),
            Cow::Owned(bytes) => {
                String::from_utf8(bytes).map(Cow::Owned).map_err(|error| Cow::Owned(error.into_bytes()))
            }
        };
        let bytes = match as_text {
            Ok(text) if !is_opaque => return Ok(text),
            Ok(text) if binary == Binary::No && is_xml_text(&text) => return Ok(text),
            Ok(text) if binary == Binary::Base64 && is_base64(&text) => return Ok(text),
            Ok(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Err(bytes) => bytes,
        };
        if self.has_text && binary != Binary::No {
            return Err("a value mixes text with binary data");
        }
        Ok(Cow::Owned(STANDARD.encode(bytes)))
    }
}

/// Whether every character is one that XML 1.0 can carry.
pub(super) fn is_xml_text(text: &str) -> bool {
    text.chars().all(is_xml_character)
}

/// Whether XML 1.0 can carry a character, be it written as a reference (`Char`, 2.2).
pub const fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Whether a text is base64 with its padding; white space does not count.
fn is_base64(text: &str) -> bool {
    let dense: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opaque(bytes: &[u8], binary: Binary) -> Result<String, &'static str> {
        let mut content = Content::default();
        content.push_opaque(bytes);
        content.into_text(binary).map(Cow::into_owned)
    }

    #[test]
    fn opaque_under_bin_is_raw() {
        assert_eq!(opaque(&[0, 1, 255], Binary::Raw).unwrap(), "AAH/");
        assert_eq!(opaque(b"AAH/", Binary::Raw).unwrap(), "QUFILw==");
    }

    #[test]
    fn opaque_under_b64_is_base64_already_or_else_raw() {
        assert_eq!(opaque(b"AAH/", Binary::Base64).unwrap(), "AAH/");
        assert_eq!(opaque(b"AAH/\r\nAAH/", Binary::Base64).unwrap(), "AAH/\r\nAAH/");
        assert_eq!(opaque(&[0, 1, 255], Binary::Base64).unwrap(), "AAH/");
        assert_eq!(opaque(b"AAH", Binary::Base64).unwrap(), "QUFI");
    }

    #[test]
    fn opaque_elsewhere_is_text_where_it_can_be() {
        assert_eq!(opaque(b"<a>&amp;</a>\r\n", Binary::No).unwrap(), "<a>&amp;</a>\r\n");
        assert_eq!(opaque("gr\u{fc}n".as_bytes(), Binary::No).unwrap(), "gr\u{fc}n");
        assert_eq!(opaque(&[0xFF, 0xFE], Binary::No).unwrap(), "//4=");
        assert_eq!(opaque(b"a\0b", Binary::No).unwrap(), "YQBi");
    }

    #[test]
    fn strings_are_never_encoded() {
        for binary in [Binary::Raw, Binary::Base64, Binary::No] {
            let mut content = Content::default();
            content.push_text("not base64");
            content.push_character('!');
            assert_eq!(content.into_text(binary).unwrap(), "not base64!");
        }
    }

    #[test]
    fn a_character_may_be_cut_between_two_opaque_pieces() {
        let mut content = Content::default();
        content.push_opaque(&[b'a', 0xC3]);
        content.push_opaque(&[0xBC]);
        assert_eq!(content.into_text(Binary::No).unwrap(), "a\u{fc}");
    }

    #[test]
    fn binary_pieces_are_encoded_as_one_value_and_not_mixed_with_text() {
        let mut content = Content::default();
        content.push_opaque(&[0]);
        content.push_opaque(&[1, 255]);
        assert_eq!(content.clone().into_text(Binary::Raw).unwrap(), "AAH/");
        content.push_text("AA==");
        assert!(content.clone().into_text(Binary::Raw).is_err());
        assert!(content.into_text(Binary::Base64).is_err());
    }

    #[test]
    fn only_a_single_opaque_piece_can_be_a_document() {
        let mut content = Content::default();
        content.push_opaque(b"abc");
        assert_eq!(content.as_document(), Some(b"abc".as_slice()));
        content.push_opaque(b"d");
        assert_eq!(content.as_document(), None);
    }
}
