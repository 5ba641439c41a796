//! From the bytes of a body to text (XML 1.0 appendix F, as far as Windows clients go).

use super::{Limits, Reason, Refusal};

/// A body as UTF-8 text, without its byte order mark. The XML declaration is not asked: some samples of Microsoft
/// label UTF-8 bytes as utf-16 (protocol 2.1), so the bytes themselves decide. UTF-16 is known by its byte order mark
/// or by a NUL beside the first character, which no UTF-8 document can have there.
///
/// The size is checked before anything is copied; the text takes at most one and a half times the bytes of the body.
pub fn text(body: &[u8], limits: &Limits) -> Result<String, Refusal> {
    if body.len() > limits.bytes {
        return Err(Refusal::at(limits.bytes, Reason::TooLarge(limits.bytes)));
    }
    match body {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest, 3),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, 2, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, 2, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => utf16(body, 0, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(body, 0, u16::from_be_bytes),
        _ => utf8(body, 0),
    }
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<String, Refusal> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Refusal::at(skipped + error.valid_up_to(), Reason::Encoding("UTF-8"))),
    }
}

fn utf16(bytes: &[u8], skipped: usize, unit: fn([u8; 2]) -> u16) -> Result<String, Refusal> {
    let (units, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(units.len());
    let mut offset = skipped;
    for character in char::decode_utf16(units.iter().map(|&pair| unit(pair))) {
        let character = character.map_err(|_| Refusal::at(offset, Reason::Encoding("UTF-16")))?;
        offset += 2 * character.len_utf16();
        text.push(character);
    }
    if odd.is_empty() { Ok(text) } else { Err(Refusal::at(offset, Reason::Encoding("UTF-16"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "<a>é😀\u{F000}</a>";

    fn le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn be(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    fn read(body: &[u8]) -> Result<String, Refusal> {
        text(body, &Limits::default())
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let marked = |mark: &[u8], rest: Vec<u8>| [mark, rest.as_slice()].concat();
        for body in [
            DOCUMENT.as_bytes().to_vec(),
            marked(b"\xEF\xBB\xBF", DOCUMENT.as_bytes().to_vec()),
            le(DOCUMENT),
            be(DOCUMENT),
            marked(b"\xFF\xFE", le(DOCUMENT)),
            marked(b"\xFE\xFF", be(DOCUMENT)),
        ] {
            assert_eq!(read(&body).as_deref(), Ok(DOCUMENT), "{body:x?}");
        }
    }

    #[test]
    fn label_does_not_decide() {
        let labelled = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>";
        assert_eq!(read(labelled.as_bytes()).as_deref(), Ok(labelled));
        assert_eq!(read(&le(&labelled.replace("utf-16", "utf-8"))).map(|text| text.len()), Ok(labelled.len() - 1));
    }

    #[test]
    fn limit_comes_before_everything_else() {
        let limits = Limits { bytes: 4, ..Limits::default() };
        assert_eq!(text(b"\xFF\xFF\xFF\xFF\xFF", &limits), Err(Refusal::at(4, Reason::TooLarge(4))));
        assert!(text(b"<a/>", &limits).is_ok());
    }

    #[test]
    fn wrong_bytes_are_refused_where_they_stand() {
        let refused = |body: &[u8]| read(body).map_err(|refusal| (refusal.offset, refusal.reason.code()));
        assert_eq!(refused(b"<a>\xC3(</a>"), Err((3, "encoding")));
        assert_eq!(refused(b"\xEF\xBB\xBF<a>\xFF</a>"), Err((6, "encoding")));
        // A low surrogate alone, a high one at the end, half a unit at the end.
        assert_eq!(refused(&[&le("<a>")[..], &[0x00, 0xDC]].concat()), Err((6, "encoding")));
        assert_eq!(refused(&[b"\xFE\xFF", &be("<")[..], &[0xD8, 0x3D]].concat()), Err((4, "encoding")));
        assert_eq!(refused(&[&le("<a>")[..], &[0x20]].concat()), Err((6, "encoding")));
    }

    #[test]
    fn nothing_and_one_byte_are_text() {
        assert_eq!(read(b"").as_deref(), Ok(""));
        assert_eq!(read(b"<").as_deref(), Ok("<"));
    }
}
