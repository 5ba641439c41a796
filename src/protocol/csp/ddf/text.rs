//! From the bytes of a file to its text: these files were saved by many editors.

use serde::{Deserialize, Serialize};

/// How the characters of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16 with a byte order mark. What the declaration says is not asked.
    Utf16,
    /// Windows-1252: neither of the above, so that some characters may be others than meant.
    Windows1252,
}

impl Encoding {
    /// What is to be said of a file in it, where something is.
    pub(crate) const fn told(self) -> Option<&'static str> {
        match self {
            Self::Utf8 | Self::Utf16 => None,
            Self::Windows1252 => Some("neither UTF-8 nor UTF-16: read as Windows-1252"),
        }
    }
}

/// The text of a file, without its byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> (String, Encoding) {
    let (marked, bytes) = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (Some(encoding), bytes.get(mark..).unwrap_or_default()),
        None => (None, bytes),
    };
    if let Some(encoding) = marked.filter(|encoding| *encoding != encoding_rs::UTF_8) {
        return (encoding.decode_without_bom_handling(bytes).0.into_owned(), Encoding::Utf16);
    }
    // The mark of UTF-8 promises nothing: an editor may have put the bytes of another encoding behind it.
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), Encoding::Utf8),
        Err(_) => (encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(), Encoding::Windows1252),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_is_known_by_its_bytes() {
        let little: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain("<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(decode(&little), ("<a>é</a>".to_owned(), Encoding::Utf16));
        assert_eq!(decode("\u{FEFF}<a>é</a>".as_bytes()), ("<a>é</a>".to_owned(), Encoding::Utf8));
        assert_eq!(decode("<a>é</a>".as_bytes()), ("<a>é</a>".to_owned(), Encoding::Utf8));
        assert_eq!(decode(b"<a>\x93x\x94</a>"), ("<a>“x”</a>".to_owned(), Encoding::Windows1252));
        assert_eq!(decode(b"\xEF\xBB\xBF<a>\x93x\x94</a>"), ("<a>“x”</a>".to_owned(), Encoding::Windows1252));
    }
}
