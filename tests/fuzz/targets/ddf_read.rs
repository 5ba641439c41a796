//! Any bytes as a device description framework file: whatever is read of it makes a catalogue that answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::csp::catalogue::{Catalogue, Source, SourceFile};
use transom_protocol::csp::ddf;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = ddf::read(bytes) else { return };
    let file = SourceFile { name: "fuzz.xml".to_owned(), dialect: file.dialect, roots: file.roots };
    let source = Source { name: "fuzz".to_owned(), files: vec![file] };
    let built = Catalogue::build(&[source]);
    assert!(built.catalogue.search("policy", 10).len() <= 10);
});
