//! Any bytes as a provisioning document, as a device reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::enrollment::client::read_provisioning;
use transom_protocol::soap::LIMITS;

fuzz_target!(|document: &[u8]| {
    if let Ok(read) = read_provisioning(document, &LIMITS) {
        assert!(!format!("{read:?}").is_empty());
    }
});
