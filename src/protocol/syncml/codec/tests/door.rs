//! Choosing the encoding, and keeping the text.

use crate::syncml::codec::{Encoding, decode, encode};
use crate::xml::Limits;

#[test]
fn content_type_names_the_encoding_whatever_its_parameters() {
    for (value, wanted) in [
        ("application/vnd.syncml.dm+xml", Some(Encoding::Xml)),
        (" Application/Vnd.SyncML.DM+XML ; charset=utf-8", Some(Encoding::Xml)),
        ("application/vnd.syncml.dm+wbxml", Some(Encoding::Wbxml)),
        ("application/vnd.syncml+xml", None),
        ("text/xml", None),
        ("", None),
    ] {
        assert_eq!(Encoding::from_content_type(value), wanted, "{value}");
    }
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        assert_eq!(Encoding::from_content_type(encoding.content_type()), Some(encoding));
    }
}

#[test]
fn text_is_kept_as_it_was_decoded() {
    let text = "<SyncML> <SyncHdr/><SyncBody/></SyncML>\r\n";
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    let body: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units).collect();
    let decoded = decode(Encoding::Xml, &body, &Limits::default()).unwrap();
    assert_eq!(decoded.text, text);
    let written = encode(Encoding::Xml, &decoded.message);
    assert_eq!(decode(Encoding::Xml, &written, &Limits::default()).unwrap().message, decoded.message);
}
