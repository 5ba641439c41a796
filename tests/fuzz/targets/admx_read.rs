//! An administrative template, and the payload of one of its policies, told apart by the first line break.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::csp::admx::{self, Payload};

fuzz_target!(|bytes: &[u8]| {
    let _ = admx::read(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(payload) = Payload::parse(text) else { return };
    let written = payload.to_string();
    assert_eq!(Payload::parse(&written).expect("what we write can be read"), payload);
});
