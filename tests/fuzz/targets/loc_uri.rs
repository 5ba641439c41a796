//! Two lines: what an author writes as an address, and what a device answers with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::csp::LocUri;

fuzz_target!(|text: &str| {
    let (ours, theirs) = text.split_once('\n').unwrap_or((text, "./Vendor/MSFT"));
    let Ok(uri) = ours.parse::<LocUri>() else { return };
    assert!(uri.as_str().len() <= LocUri::MAX_LEN);
    assert!(uri.names_same_node(uri.as_str()));
    assert!(uri.names_same_node(&uri.path().to_ascii_uppercase()));
    assert!(!uri.is_ancestor_of(uri.as_str()));
    assert!(!(uri.names_same_node(theirs) && uri.is_ancestor_of(theirs)));
    let _ = (uri.scope(), uri.query(), uri.ends_session(), uri.works_asynchronously());
});
