//! What a decoder must bear: bodies that are wrong, large or meant to do harm. And what it must take although it
//! is rare.

use super::token::{END, ENTITY, HAS_ATTRIBUTES, HAS_CONTENT, LITERAL, LITERAL_C, OPAQUE, PI, STR_I, STR_T};
use super::{to_xml, tree};
use crate::xml::{Limits, Reason, Refusal};

/// Version 1.2, `SyncML` 1.2, UTF-8, no string table.
const HEADER: &[u8] = &[0x02, 0xA4, 0x01, 0x6A, 0x00];

const SYNC_ML: u8 = 0x2D | HAS_CONTENT;
const SYNC_BODY: u8 = 0x2B | HAS_CONTENT;
const ITEM: u8 = 0x14 | HAS_CONTENT;
const META: u8 = 0x1A | HAS_CONTENT;
const DATA: u8 = 0x0F | HAS_CONTENT;
const FORMAT: u8 = 0x07 | HAS_CONTENT;
const TYPE: u8 = 0x13 | HAS_CONTENT;
const FINAL: u8 = 0x12;

fn body(parts: &[&[u8]]) -> Vec<u8> {
    [&[HEADER], parts].concat().concat()
}

fn with_strings(strings: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let length = [u8::try_from(strings.len()).unwrap()];
    [&[&HEADER[..4], &length, strings], parts].concat().concat()
}

fn text(text: &str) -> Vec<u8> {
    [&[STR_I], text.as_bytes(), &[0]].concat()
}

fn opaque(bytes: &[u8]) -> Vec<u8> {
    [&[OPAQUE, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn decode(body: &[u8]) -> Result<String, Refusal> {
    to_xml(body, &Limits::default())
}

fn refused(body: &[u8]) -> (String, usize, String) {
    let Refusal { path, offset, reason } = decode(body).unwrap_err();
    (path, offset, reason.to_string())
}

/// `Data` of an item whose Meta names this format and type.
fn data(format: Option<&str>, mime: Option<&str>, content: &[u8]) -> String {
    let mut meta = vec![META, 0, 1];
    for (tag, value) in [(FORMAT, format), (TYPE, mime)] {
        if let Some(value) = value {
            meta.extend([&[tag], text(value).as_slice(), &[END]].concat());
        }
    }
    meta.extend([END, 0, 0]);
    let xml = decode(&body(&[&[SYNC_ML, ITEM], &meta, &[DATA], content, &[END, END, END]])).unwrap();
    let (_, data) = xml.split_once("<Data>").unwrap();
    data.strip_suffix("</Data></Item></SyncML>").unwrap().to_owned()
}

#[test]
fn headers_that_are_refused() {
    let what = |bytes: &[u8]| refused(bytes).2;
    assert_eq!(what(&[]), "the body ends too early");
    assert_eq!(what(b"<SyncML/>"), "WBXML version 4.12 is not known");
    assert_eq!(what(&[0x00, 0xA4, 0x01, 0x6A, 0x00]), "WBXML version 1.0 is not known");
    assert_eq!(what(&[0x02, 0xA4, 0x01, 0x04, 0x00]), "charset 4 is not UTF-8");
    assert_eq!(what(&[0x02, 0x04, 0x6A, 0x00]), "the document type is not one of SyncML, MetInf, DevInf or DDF");
    assert_eq!(
        what(&[0x02, 0x00, 0x00, 0x6A, 0x02, b'x', 0x00]),
        "the document type is not one of SyncML, MetInf, DevInf or DDF"
    );
    assert_eq!(what(&[0x02, 0x00, 0x09, 0x6A, 0x00]), "an index lies outside of the string table");
    assert_eq!(what(&[0x02, 0xA4, 0x01, 0x6A, 0xFF, 0x7F]), "a length is given that goes beyond the end of the body");
    assert_eq!(what(&[0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]), "a number is longer than five bytes");
}

#[test]
fn bodies_that_are_refused_say_where_and_why() {
    let at = |path: &str, offset, what: &str| (path.to_owned(), offset, what.to_owned());
    let open = &[SYNC_ML, SYNC_BODY];
    let inside = |bytes: &[u8]| refused(&body(&[open, bytes]));
    let path = "SyncML/SyncBody";

    assert_eq!(refused(&body(&[])), at("/", 5, "the body ends before the message does"));
    assert_eq!(inside(&[]), at(path, 7, "the body ends before the message does"));
    assert_eq!(inside(&[END, END, 0x2D]), at("/", 9, "an element stands after the end of the message"));
    assert_eq!(inside(&[END, END, END]), at("/", 9, "an END stands where no element is open"));
    assert_eq!(refused(&body(&[&text("x")])), at("/", 5, "text stands outside of the message"));
    assert_eq!(inside(&[0x3F]), at(path, 7, "tag 0x3f of code page 0 is not known"));
    assert_eq!(inside(&[0x30]), at(path, 7, "tag 0x30 of code page 0 is not known"));
    assert_eq!(inside(&[0, 1, 0x17]), at(path, 9, "tag 0x17 of code page 1 is not known"));
    assert_eq!(inside(&[0, 7]), at(path, 7, "code page 7 is not known"));
    assert_eq!(inside(&[FINAL | HAS_ATTRIBUTES]), at(path, 7, "SyncML has no attributes"));
    assert_eq!(inside(&[0x84, 0]), at(path, 7, "SyncML has no attributes"));
    assert_eq!(inside(&[PI]), at(path, 7, "processing instructions are not part of SyncML"));
    for extension in [0x40, 0x41, 0x42, 0x80, 0x81, 0x82, 0xC0, 0xC1, 0xC2] {
        assert_eq!(inside(&[extension]), at(path, 7, "extension tokens are not part of SyncML"));
    }
    assert_eq!(inside(&[STR_I, b'x']), at(path, 7, "a string is not ended by a NUL"));
    assert_eq!(inside(&[STR_I, 0xFF, 0]), at(path, 7, "a string is not UTF-8"));
    assert_eq!(inside(&[STR_I, 0x01, 0]), at(path, 7, "a string holds a character that XML can't carry"));
    assert_eq!(inside(&[STR_T, 0]), at(path, 7, "an index lies outside of the string table"));
    for entity in [&[0x00][..], &[0x0B], &[0x83, 0xB0, 0x00], &[0x83, 0xFF, 0x7E], &[0x88, 0x80, 0x80, 0x00]] {
        let bytes = [&[ENTITY], entity].concat();
        assert_eq!(inside(&bytes), at(path, 7, "an entity is no character that XML can carry"));
    }
    assert_eq!(
        inside(&[OPAQUE, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F]),
        at(path, 7, "a length is given that goes beyond the end of the body")
    );
    assert_eq!(
        inside(&[&opaque(&[0x00])[..], &[END]].concat()),
        at(path, 10, "opaque data that is no text stands where text must be")
    );
}

#[test]
fn a_tag_from_the_string_table_needs_a_name_that_xml_has() {
    let named = |name: &[u8], tag| decode(&with_strings(name, &[&[SYNC_ML], &[tag, 0], &[END, END][..]]));
    let xml = decode(&with_strings(b"X-New.1", &[&[SYNC_ML, LITERAL, 0, LITERAL_C, 0, END, END]])).unwrap();
    assert_eq!(xml, "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><X-New.1/><X-New.1></X-New.1></SyncML>");
    for name in [&b"1a"[..], b"a b", b"a:b", b"a/><b", b"\xC3\xBC", b"\0", &[b'a'; 65]] {
        assert!(named(name, LITERAL_C).is_err(), "{name:?}");
    }
    assert!(named(&[b'a'; 64], LITERAL_C).is_ok());
}

#[test]
fn text_never_becomes_markup() {
    let xml = decode(&body(&[&[SYNC_ML, DATA], &text("</Data>&lt;]]>\r\n"), &[END, END]])).unwrap();
    assert_eq!(xml, "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><Data>&lt;/Data&gt;&amp;lt;]]&gt;&#13;\n</Data></SyncML>");
    assert_eq!(tree::parse(&xml).children[0].text, "</Data>&lt;]]>\r\n");
}

#[test]
fn strings_come_inline_by_index_and_by_character() {
    let strings = b"skipped\0table";
    let pieces = [text("in"), vec![STR_T, 8], vec![ENTITY, 0x81, 0x7C], opaque(b"!")].concat();
    let xml = decode(&with_strings(strings, &[&[SYNC_ML, DATA], &pieces, &[END, END]])).unwrap();
    assert!(xml.contains("<Data>intable\u{fc}!</Data>"), "{xml}");
}

#[test]
fn document_types_by_number_and_by_name() {
    let rest = [SYNC_ML, END];
    let root = |head: &[u8]| decode(&[head, &rest].concat()).unwrap();
    assert_eq!(root(&[0x01, 0x9F, 0x51, 0x6A, 0x00]), "<SyncML xmlns=\"SYNCML:SYNCML1.0\"></SyncML>");
    assert_eq!(root(&[0x02, 0x9F, 0x53, 0x03, 0x00]), "<SyncML xmlns=\"SYNCML:SYNCML1.1\"></SyncML>");
    assert_eq!(root(&[0x03, 0x01, 0x00, 0x00]), "<SyncML xmlns=\"SYNCML:SYNCML1.2\"></SyncML>");
    // The name in the example of the specification has no NUL at its end.
    let name = b"-//SYNCML//DTD SyncML 1.1//EN";
    let head = [&[0x02, 0x00, 0x00, 0x6A, 0x1D], name.as_slice()].concat();
    assert_eq!(root(&head), "<SyncML xmlns=\"SYNCML:SYNCML1.1\"></SyncML>");
    let meta = decode(&[0x02, 0xA4, 0x02, 0x6A, 0x00, 0x0E | HAS_CONTENT, 0x12, END]).unwrap();
    assert_eq!(meta, "<MetInf xmlns=\"syncml:metinf\"><Size/></MetInf>");
    let info = decode(&[0x02, 0xA4, 0x03, 0x6A, 0x00, 0x0A | HAS_CONTENT, 0x15, END]).unwrap();
    assert_eq!(info, "<DevInf xmlns=\"syncml:devinf\"><Mod/></DevInf>");
}

#[test]
fn each_change_of_page_declares_the_namespace() {
    let item = [META, 0, 1, 0x05 | HAS_CONTENT, 0x0A, END, 0x0B, 0, 0, FINAL, END];
    let tree_in_data = [DATA, 0, 2, 0x20 | HAS_CONTENT, 0x37, END, END];
    let xml = decode(&body(&[&[SYNC_ML], &item, &tree_in_data, &[END]])).unwrap();
    assert_eq!(
        xml,
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><Meta><Anchor xmlns=\"syncml:metinf\"><Last/></Anchor>\
         <Mark xmlns=\"syncml:metinf\"/><Final/></Meta>\
         <Data><MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD/></MgmtTree></Data></SyncML>"
    );
}

#[test]
fn the_nearest_format_decides_what_opaque_data_is() {
    let raw = opaque(&[0, 1, 255]);
    assert_eq!(data(Some("b64"), None, &raw), "AAH/");
    assert_eq!(data(Some(" BIN "), None, &raw), "AAH/");
    assert_eq!(data(Some("b64"), None, &opaque(b"AAH/")), "AAH/");
    assert_eq!(data(Some("bin"), None, &text("AAH/")), "AAH/");
    assert_eq!(data(Some("chr"), None, &opaque(b"AAH/")), "AAH/");
    assert_eq!(data(None, None, &raw), "AAH/");
    assert_eq!(data(None, None, &opaque(b"<a/>")), "&lt;a/&gt;");

    // Meta of the command, then an item with its own and one without.
    let meta = |format: &str| [&[META, 0, 1, FORMAT], text(format).as_slice(), &[END, END, 0, 0]].concat();
    let item = |meta: &[u8]| [&[ITEM], meta, &[DATA], &opaque(b"AAH/"), &[END, END]].concat();
    let command = [meta("bin"), item(&meta("chr")), item(&[])].concat();
    let xml = decode(&body(&[&[SYNC_ML, 0x60], &command, &[END, END]])).unwrap();
    let values: Vec<&str> = xml.split("<Data>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(values, ["AAH/", "QUFILw=="]);
}

#[test]
fn a_nonce_may_be_raw() {
    let xml = decode(&body(&[&[SYNC_ML, META, 0, 1, 0x50], &opaque(&[0, 1, 255]), &[END, END, END]])).unwrap();
    assert!(xml.contains(">AAH/</NextNonce>"), "{xml}");
}

#[test]
fn a_document_inside_data_becomes_markup() {
    let info = [0x02, 0xA4, 0x03, 0x6A, 0x00, 0x4A, 0x51, STR_I, b'M', 0, END, END];
    let wbxml = Some("application/vnd.syncml-devinf+wbxml");
    assert_eq!(data(None, wbxml, &opaque(&info)), "<DevInf xmlns=\"syncml:devinf\"><Man>M</Man></DevInf>");
    // Not said to be one, or said to be base64, or broken: a value like any other.
    assert_eq!(data(None, Some("text/plain"), &opaque(&info)), "AqQDagBKUQNNAAEB");
    assert_eq!(data(Some("b64"), wbxml, &opaque(&info)), "AqQDagBKUQNNAAEB");
    assert_eq!(data(None, wbxml, &opaque(&info[..11])), "AqQDagBKUQNNAAE=");
    assert_eq!(data(None, wbxml, &opaque(b"text")), "text");
}

#[test]
fn a_document_inside_is_bounded_with_the_one_around_it() {
    let info = [&[0x02, 0xA4, 0x03, 0x6A, 0x00][..], &[0x4A; 3], &[END; 3]].concat();
    let mime = [&[META, 0, 1, TYPE], text("x/y+wbxml").as_slice(), &[END, END, 0, 0]].concat();
    let bytes = body(&[&[SYNC_ML, ITEM], &mime, &[DATA], &opaque(&info), &[END, END, END]]);
    let depth = |depth| to_xml(&bytes, &Limits { depth, ..Limits::default() }).unwrap();
    assert!(depth(6).contains("<DevInf><DevInf></DevInf>"));
    assert!(!depth(5).contains("<DevInf"));
    let full = depth(6).len();
    assert!(to_xml(&bytes, &Limits { bytes: full, ..Limits::default() }).is_ok());
    let refusal = to_xml(&bytes, &Limits { bytes: full - 30, ..Limits::default() }).unwrap_err();
    assert_eq!(refusal.reason, Reason::TooLarge(full - 30));
}

#[test]
fn limits_hold() {
    let limits = Limits { bytes: 400, depth: 4, elements: 10, ..Limits::default() };
    let at = |bytes: &[u8]| to_xml(bytes, &limits).map_err(|refusal| (refusal.offset, refusal.reason.to_string()));
    assert!(at(&body(&[&[SYNC_ML; 4], &[END; 4]])).is_ok());
    assert_eq!(at(&body(&[&[SYNC_ML; 5], &[END; 5]])), Err((9, "elements are nested more than 4 deep".to_owned())));
    assert!(at(&body(&[&[SYNC_ML], &[FINAL; 9], &[END]])).is_ok());
    assert_eq!(at(&body(&[&[SYNC_ML], &[FINAL; 10], &[END]])), Err((15, "there are more than 10 elements".to_owned())));
    assert_eq!(at(&[0; 401]), Err((400, "the body is larger than 400 bytes".to_owned())));
    assert_eq!(
        at(&body(&[&[SYNC_ML, DATA], &text(&"&".repeat(90)), &[END, END]])).unwrap_err().1,
        "the body is larger than 400 bytes"
    );
}

#[test]
fn the_string_table_does_not_multiply() {
    // 2 MB of references to a string of 100 letters would be 100 MB of text.
    let limits = Limits::default();
    let references = [STR_T, 0].repeat(limits.bytes / 2 - 200);
    for open in [&[SYNC_ML, DATA], &[SYNC_ML, SYNC_BODY]] {
        let bytes = with_strings(&[b'x'; 100], &[open, &references, &[END, END]]);
        assert!(bytes.len() < limits.bytes);
        let refusal = to_xml(&bytes, &limits).unwrap_err();
        assert_eq!(refusal.reason, Reason::TooLarge(limits.bytes));
        assert!(refusal.offset < limits.bytes / 20, "refused late, at {}", refusal.offset);
    }
}
