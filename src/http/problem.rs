//! What went wrong, for machines and people: problem JSON (RFC 9457).

use std::{fmt, fmt::Display};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal of the admin API. Its type is `about:blank` or a URN of ours that scripts can rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem, as a URI.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Kind,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What is wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The request, as a URN of its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Each thing that is wrong with what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemError>,
    /// Seconds to wait before trying again.
    #[serde(skip)]
    retry_after: Option<u32>,
}

/// A short name of ours, or `about:blank`: the status says all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind(Option<&'static str>);

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemError {
    /// Where, as a JSON pointer into the body or the name of a parameter.
    pub pointer: String,
    /// What.
    pub detail: String,
}

impl Problem {
    /// `application/problem+json`.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// A problem that its status says all about.
    pub fn new(status: StatusCode) -> Self {
        Self {
            kind: Kind(None),
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: None,
            instance: None,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 400 with what is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND)
    }

    /// 409 with what stands in the way.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT).detail(detail)
    }

    /// 413: more than the usual limit.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE).detail("the body is larger than this takes (admin_door.body_limit)")
    }

    /// 413: more than so many bytes, which no setting changes.
    pub(super) fn larger_than(most: usize) -> Self {
        let what = format!("the body is larger than the {} MiB that this takes", most >> 20);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE).detail(what)
    }

    /// 413: more than any route takes.
    pub(super) fn too_large_for_any() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE).detail("the body is larger than anything that is taken here")
    }

    /// 413: of what is imported, which no setting bounds.
    pub fn archive_too_large() -> Self {
        let most = crate::admin::MAX_IMPORT >> 20;
        Self::new(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("an import has at most {most} MiB: import parts of it"))
    }

    /// 422: understood, but it can't work. Each reason is added with [`Self::error`].
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY).detail(detail)
    }

    /// 503: the store does not answer.
    pub fn unavailable() -> Self {
        Self { retry_after: Some(10), ..Self::new(StatusCode::SERVICE_UNAVAILABLE) }
    }

    /// 500. The cause goes to the log, the client learns the id of the request.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Of a kind of its own: a short name, and the same in words.
    #[must_use]
    pub fn kind(self, name: &'static str, title: &'static str) -> Self {
        Self { kind: Kind(Some(name)), title, ..self }
    }

    /// With what is wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With one more thing that is wrong with what was sent.
    #[must_use]
    pub fn error(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(ProblemError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// What is wrong this time, in a sentence.
    pub fn what(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Each thing that is wrong with what was sent.
    pub fn errors(&self) -> &[ProblemError] {
        &self.errors
    }

    /// About the request with an id.
    #[must_use]
    pub(super) fn about(mut self, request_id: &str) -> Self {
        self.instance = Some(format!("urn:uuid:{request_id}"));
        self
    }

    /// As JSON.
    pub(super) fn to_body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.title)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut reply = HttpResponse::build(self.status);
        reply.content_type(Self::CONTENT_TYPE);
        if let Some(seconds) = self.retry_after {
            reply.insert_header((header::RETRY_AFTER, seconds));
        }
        let mut reply = reply.body(self.to_body());
        // Whoever observes the request writes its id in.
        reply.extensions_mut().insert(self.clone());
        reply
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_str("about:blank"),
            Some(name) => serializer.collect_str(&format_args!("urn:transom:problem:{name}")),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_the_standard() {
        let problem = Problem::unprocessable("2 of 3 commands can't work")
            .kind("command-refused", "The command can't work")
            .error("/items/0/target", "is empty")
            .about("0190");
        let json: serde_json::Value = serde_json::from_str(&problem.to_body()).unwrap();
        let expected = serde_json::json!({
            "type": "urn:transom:problem:command-refused",
            "title": "The command can't work",
            "status": 422,
            "detail": "2 of 3 commands can't work",
            "instance": "urn:uuid:0190",
            "errors": [{"pointer": "/items/0/target", "detail": "is empty"}],
        });
        assert_eq!(json, expected);
    }
}
