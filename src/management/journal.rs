//! What of a message goes into the journal: its text without secrets, compressed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Read as _;

use flate2::{Compress, CompressError, Compression, FlushCompress, Status, read::DeflateDecoder};
use transom_protocol::syncml::codec::Encoding;
use transom_protocol::syncml::{Message, redact, write};

use crate::model::SecretNodes;

/// Most that one stored body may expand to when it is read back.
const MAX_TEXT: u64 = 64 * 1024 * 1024;

thread_local! {
    /// Making one takes longer than compressing a message with it.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// The form in which a body is kept.
pub(crate) fn kept(text: &str, nodes: &SecretNodes) -> Vec<u8> {
    let redacted = redact::redact_also(text, &|uri| nodes.hold(uri));
    // Compressing to memory does not fail; should it, an empty body is kept.
    COMPRESS.with_borrow_mut(|compress| compressed(compress, redacted.as_bytes())).unwrap_or_default()
}

fn compressed(compress: &mut Compress, plain: &[u8]) -> Result<Vec<u8>, CompressError> {
    compress.reset();
    let mut output = Vec::with_capacity(plain.len() / 3 + 64);
    loop {
        let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = plain.get(read..).unwrap_or_default();
        if compress.compress_vec(rest, &mut output, FlushCompress::Finish)? == Status::StreamEnd {
            return Ok(output);
        }
        output.reserve(plain.len() / 3 + 64);
    }
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

/// The text of a reply: its body, where that is text.
pub(super) fn text_of_reply<'a>(encoding: Encoding, reply: &Message, body: &'a [u8]) -> Cow<'a, str> {
    match (encoding, std::str::from_utf8(body)) {
        (Encoding::Xml, Ok(text)) => Cow::Borrowed(text),
        _ => Cow::Owned(write::write(reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_redacted_and_comes_back() {
        let text = r#"<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><Cred><Data>hunter2</Data></Cred></SyncHdr></SyncML>"#;
        let back = text_of(&kept(text, &SecretNodes::default()));
        assert_eq!(back, text.replace("hunter2", redact::REDACTED));
    }

    #[test]
    fn what_was_kept_before_leaves_no_trace() {
        let noise: String = (0_u32..20_000).map(|n| char::from(b' ' + (n.wrapping_mul(n) % 89) as u8)).collect();
        for inside in ["", &noise, "<b>short</b>", &"long ".repeat(100_000)] {
            let text = format!("<a><![CDATA[{}]]></a>", inside.replace(['<', '>', '&'], ""));
            assert_eq!(text_of(&kept(&text, &SecretNodes::default())), text);
        }
    }

    #[test]
    fn damage_is_harmless() {
        assert_eq!(text_of(&[1, 2, 3]), "");
    }
}
