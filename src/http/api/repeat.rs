//! `Idempotency-Key`: a request that may come again.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use sha2::{Digest as _, Sha256};

use super::{Caller, token::CallerKey};
use crate::{admin::Repetition, http::problem::Problem};

/// Name of the header.
const HEADER: &str = "Idempotency-Key";

/// Longest key that is taken.
const MAX_KEY: usize = 255;

/// The key of a request, if it has one.
pub(super) struct Repeat {
    key: Option<String>,
    /// Makes the hash of a request say nothing to one who reads the database: it may be of a body with secrets.
    caller_key: CallerKey,
    route: String,
}

impl Repeat {
    /// What tells this request from others with the same key.
    pub(super) fn of(self, caller: &Caller, body: &[u8]) -> Option<Repetition> {
        let hash = Sha256::new()
            .chain_update(self.caller_key.expose())
            .chain_update(self.route.as_bytes())
            .chain_update([0])
            .chain_update(body);
        let request_hash = hash.finalize().into();
        self.key.map(|key| Repetition { token: caller.token.clone(), key, request_hash })
    }
}

impl FromRequest for Repeat {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller_key = request.extensions().get::<CallerKey>().cloned();
        let read = key_of(request).and_then(|key| {
            let caller_key =
                caller_key.ok_or_else(|| Problem::internal("a route of the API is outside of authentication"))?;
            Ok(Self { key, caller_key, route: request.path().to_owned() })
        });
        ready(read)
    }
}

fn key_of(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let wrong = || {
        let what = format!("write one key of 1 to {MAX_KEY} visible ASCII characters");
        Problem::bad_request(format!("{HEADER}: {what}")).error(HEADER, what)
    };
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().map_err(|_| wrong())?;
    let fits = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits && values.next().is_none() { Ok(Some(key.to_owned())) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_key_is_one_short_word() {
        let key = |values: &[&str]| {
            let request =
                values.iter().fold(TestRequest::post(), |request, value| request.append_header((HEADER, *value)));
            key_of(&request.to_http_request())
        };
        assert_eq!(key(&["a-1"]).unwrap().as_deref(), Some("a-1"));
        assert_eq!(key(&[]).unwrap(), None);
        for wrong in [&[""][..], &["a b"], &["a", "a"], &[&"x".repeat(256)]] {
            assert!(key(wrong).is_err(), "{wrong:?}");
        }
    }
}
