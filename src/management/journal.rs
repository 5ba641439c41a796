//! What of a message goes into the journal: its text without secrets, compressed.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use transom_protocol::syncml::redact;

/// Most that one stored body may expand to when it is read back.
const MAX_TEXT: u64 = 64 * 1024 * 1024;

/// The form in which a body is kept.
pub(crate) fn kept(text: &str) -> Vec<u8> {
    let redacted = redact::redact(text);
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(redacted.len() / 3 + 64), Compression::fast());
    // Writing to memory does not fail; should it, an empty body is kept.
    encoder.write_all(redacted.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The text of a body that was kept.
pub(crate) fn text_of(kept: &[u8]) -> String {
    let mut text = Vec::new();
    let read = DeflateDecoder::new(kept).take(MAX_TEXT).read_to_end(&mut text);
    match read {
        Ok(_) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_redacted_and_comes_back() {
        let text = r#"<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><Cred><Data>hunter2</Data></Cred></SyncHdr></SyncML>"#;
        let back = text_of(&kept(text));
        assert_eq!(back, text.replace("hunter2", redact::REDACTED));
    }

    #[test]
    fn damage_is_harmless() {
        assert_eq!(text_of(&[1, 2, 3]), "");
    }
}
