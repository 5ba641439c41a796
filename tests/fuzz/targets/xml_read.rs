//! Any bytes as the XML body of a message. What is read can be written, and is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::syncml::{read, write};
use transom_protocol::xml::{self, Limits};

fuzz_target!(|body: &[u8]| {
    let limits = Limits::default();
    let Ok(text) = xml::text(body, &limits) else { return };
    let Ok(message) = read::read(&text, &limits) else { return };
    let written = write::write(&message);
    if written.len() <= limits.bytes {
        let again = read::read(&written, &limits).expect("what we write can be read");
        assert_eq!(again.header, message.header);
    }
});
