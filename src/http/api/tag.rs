//! `ETag` and `If-Match`: a change is for the record as the caller last saw it.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::header};
use serde::Serialize;

use crate::http::problem::Problem;

/// Longest tag that is looked at.
const MAX_TAG: usize = 64;

/// What the record was when the caller looked; nothing where any will do.
pub(super) struct IfMatch(pub(super) Option<String>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request).map(Self))
    }
}

fn read(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    if value == "*" {
        return Ok(None);
    }
    let tag = value.to_str().ok().and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"'));
    let is_tag = |tag: &&str| {
        (1..=MAX_TAG).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    tag.filter(is_tag).map(|tag| Some(tag.to_owned())).ok_or_else(|| {
        Problem::bad_request("If-Match: write one ETag as it was answered, or *").error("If-Match", "no ETag")
    })
}

/// A record with its tag.
pub(super) fn tagged(tag: &str, record: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, format!("\"{tag}\""))).json(record)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_tag_stands_in_quotes() {
        let seen = |value: &str| read(&TestRequest::post().insert_header((header::IF_MATCH, value)).to_http_request());
        assert_eq!(seen("\"7\"").unwrap().as_deref(), Some("7"));
        assert_eq!(seen("\"18-0a-z\"").unwrap().as_deref(), Some("18-0a-z"));
        assert_eq!(seen("*").unwrap(), None);
        assert_eq!(read(&TestRequest::post().to_http_request()).unwrap(), None);
        for wrong in ["7", "\"\"", "\"a b\"", "\"7\", \"8\"", "W/\"7\""] {
            assert!(seen(wrong).is_err(), "{wrong}");
        }
    }
}
