//! Any bytes as the value of a signature header, as they are and as base64. What is read vouches for nothing.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use transom::pki::signature::{MessageSignature, Window};
use transom::model::Timestamp;

fuzz_target!(|bytes: &[u8]| {
    let encoded = STANDARD.encode(bytes);
    for header in [bytes, encoded.as_bytes()] {
        let Ok(signature) = MessageSignature::read(header) else { continue };
        // A body and a certificate that no fuzzer has the key of.
        let now = Timestamp(1_795_000_000_000);
        let verified = signature.verify(b"a body", include_bytes!("../seeds/message_signature.der"), now, &Window::default());
        assert!(verified.is_err());
    }
});
