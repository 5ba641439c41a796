//! Any bytes as the WBXML body of a message. What is read can be written as WBXML, and stands for the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::syncml::{read, wbxml};
use transom_protocol::xml::Limits;

fuzz_target!(|body: &[u8]| {
    let limits = Limits::default();
    let Ok(text) = wbxml::to_xml(body, &limits) else { return };
    assert!(text.len() <= limits.bytes);
    let Ok(message) = read::read(&text, &limits) else { return };
    let again = wbxml::to_xml(&wbxml::encode(&message), &limits).expect("what we write can be read");
    let again = read::read(&again, &limits).expect("what we write is a message");
    assert_eq!(again.header, message.header);
    assert_eq!(again.body.is_final, message.body.is_final);
});
