//! Any bytes as a request to the enrollment services, and as an answer of theirs. What is asked for a certificate can be
//! written, and is read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::enrollment::client::{self, Presented};
use transom_protocol::enrollment::{read_discover, read_get_policies, read_token_request};
use transom_protocol::soap::{Credential, LIMITS};

fuzz_target!(|body: &[u8]| {
    let _ = read_discover(body, &LIMITS).map_err(|refused| refused.fault());
    let _ = read_get_policies(body, &LIMITS).map_err(|refused| refused.fault());
    let _ = client::read_discover_response(body, &LIMITS);
    let _ = client::read_policies_response(body, &LIMITS);
    let _ = client::read_token_response(body, &LIMITS);
    let Ok(asked) = read_token_request(body, &LIMITS) else { return };
    let context = &asked.body.context;
    if context.macs.len() + context.imeis.len() + context.other.len() > 200 {
        // Near the limit of items: one that was left out in the request is always written.
        return;
    }
    let presented = match &asked.credential {
        Credential::Password { name, password } => Presented::Password { name, password: password.expose() },
        Credential::Jwt(token) => Presented::Jwt(token.expose()),
        Credential::UserToken(token) => Presented::UserToken(token.expose()),
        Credential::None | Credential::Certificate(_) => Presented::Nothing,
    };
    let written = client::write_token_request(asked.to.as_deref().unwrap_or_default(), presented, &asked.body);
    if written.len() <= LIMITS.bytes {
        let again = read_token_request(written.as_bytes(), &LIMITS).expect("what we write can be read");
        assert_eq!(again.body, asked.body);
        if !matches!(asked.credential, Credential::Certificate(_)) {
            assert_eq!(again.credential, asked.credential);
        }
    }
});
