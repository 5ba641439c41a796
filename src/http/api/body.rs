//! The body of a request: JSON within the limit, or nothing.

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, Resource, ResponseError as _,
    dev::Payload,
    error::PayloadError,
    http::StatusCode,
    web::{self, Bytes, PayloadConfig},
};
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::http::problem::Problem;

/// A JSON object. What is wrong with it is told with its place.
pub struct Body<T> {
    /// What was sent.
    pub value: T,
    /// The same, byte for byte.
    pub(super) bytes: Bytes,
}

/// Any JSON.
pub(super) struct AnyBody {
    /// What was sent.
    pub(super) value: Value,
    /// The same, byte for byte.
    pub(super) bytes: Bytes,
}

/// A body that is no JSON, such as an archive.
pub(super) struct RawBody(pub(super) Bytes);

/// The longest body of a route that has a limit of its own, in bytes: no setting changes it.
#[derive(Clone, Copy)]
struct OwnLimit(usize);

/// A resource that takes bodies of up to so many bytes, whatever the limit of the others is.
pub(super) fn sized(path: &str, most: usize) -> Resource {
    web::resource(path).app_data(PayloadConfig::new(most)).app_data(OwnLimit(most))
}

/// No body, or an empty object.
#[derive(Debug)]
pub struct NoBody;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let bytes = read(request, payload);
        async move {
            // Read first, so that the connection can be used again.
            let bytes = bytes.await?;
            if !is_json {
                return Err(not_json());
            }
            Ok(Self { value: object(&bytes)?, bytes })
        }
        .boxed_local()
    }
}

impl FromRequest for AnyBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let bytes = read(request, payload);
        async move {
            let bytes = bytes.await?;
            if !is_json {
                return Err(not_json());
            }
            Ok(Self { value: parse(&bytes)?, bytes })
        }
        .boxed_local()
    }
}

impl FromRequest for RawBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let of_archive = |problem: Problem| match problem.status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::archive_too_large(),
            _ => problem,
        };
        read(request, payload).map(move |bytes| bytes.map(Self).map_err(of_archive)).boxed_local()
    }
}

impl FromRequest for NoBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request);
        let bytes = read(request, payload);
        async move {
            let bytes = bytes.await?;
            match (bytes.is_empty(), is_json) {
                (true, _) => Ok(Self),
                (false, true) => object(&bytes).map(|Nothing {}| Self),
                (false, false) => Err(not_json()),
            }
        }
        .boxed_local()
    }
}

fn read(request: &HttpRequest, payload: &mut Payload) -> LocalBoxFuture<'static, Result<Bytes, Problem>> {
    debug_assert!(request.app_data::<PayloadConfig>().is_some(), "the limit of the body");
    let own = request.app_data::<OwnLimit>().copied();
    Bytes::from_request(request, payload)
        .map(move |read| read.map_err(|error| problem_of(error.as_error::<PayloadError>(), own)))
        .boxed_local()
}

fn problem_of(error: Option<&PayloadError>, own: Option<OwnLimit>) -> Problem {
    match (error, own) {
        (Some(PayloadError::Overflow), Some(OwnLimit(most))) => Problem::larger_than(most),
        (Some(PayloadError::Overflow), None) => Problem::too_large(),
        _ => Problem::bad_request("the body ended too early"),
    }
}

fn is_json(request: &HttpRequest) -> bool {
    request.content_type().trim().eq_ignore_ascii_case("application/json")
}

fn not_json() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail("the body must be application/json")
}

/// Fields by their names: a list would be taken for the same fields in their order.
fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    match bytes.trim_ascii_start() {
        [b'[', ..] => Err(wrong(String::new(), "a list stands where an object is expected".to_owned())),
        _ => parse(bytes),
    }
}

fn wrong(pointer: String, what: String) -> Problem {
    let problem = Problem::bad_request(format!("the body can't be read: {what}"));
    problem.kind("body", "The body can't be read").error(pointer, what)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| wrong(pointer(error.path()), error.inner().to_string()))?;
    json.end().map_err(|error| wrong(String::new(), error.to_string()))?;
    Ok(value)
}

/// The place as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&step);
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::NewOrder;

    fn places(body: &str) -> Vec<(String, String)> {
        let problem = object::<NewOrder>(body.as_bytes()).err().unwrap();
        problem.errors().iter().map(|error| (error.pointer.clone(), error.detail.clone())).collect()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (body, pointer, detail) in [
            (r#"{"devices":["a",7]}"#, "/devices/1", "expected a string"),
            (r#"{"command":{"kind":"get","items":[{"target":7}]}}"#, "/command/items/0/target", "expected a string"),
            (r#"{"commands":[{"kind":"get","itmes":[]}]}"#, "/commands/0/itmes", "unknown field `itmes`"),
            (r#"{"devcies":[]}"#, "/devcies", "unknown field `devcies`"),
            (r#"{"device_id":"a"} x"#, "", "trailing characters"),
            (r#"{"device_id":"a","device_id":"b"}"#, "", "duplicate field `device_id`"),
            ("{", "", "EOF"),
            (" []", "", "a list stands where an object is expected"),
        ] {
            let places = places(body);
            assert_eq!(places.len(), 1);
            assert_eq!(places[0].0, pointer, "{body}: {}", places[0].1);
            assert!(places[0].1.contains(detail), "{body}: {}", places[0].1);
        }
    }

    #[test]
    fn a_pointer_escapes_what_it_must() {
        let error = serde_path_to_error::deserialize::<_, std::collections::BTreeMap<String, u8>>(
            &mut serde_json::Deserializer::from_str(r#"{"a/b~c":"x"}"#),
        );
        assert_eq!(pointer(error.unwrap_err().path()), "/a~1b~0c");
    }
}
