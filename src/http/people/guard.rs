//! Around every page: no other site may post here, show a page of ours in a frame, or run a script in one.

use actix_web::{
    Error, HttpRequest, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
};

use crate::http::{observe::Note, problem::Problem};

/// Everything that a page loads comes from here; nothing in a page runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every page.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses what another site has a browser send, and gives replies their headers.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    Note::of(request.request()).route("pages");
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if is_safe || is_from_here(request.request()) {
        match next.call(request).await {
            Ok(response) => response.map_into_boxed_body(),
            Err(error) => return Err(error),
        }
    } else {
        Note::of(request.request()).reason("site");
        let problem = Problem::new(StatusCode::FORBIDDEN).detail("another site sent this");
        request.into_response(problem.error_response())
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Whether a page of ours sends this, or no page at all. What the browser says of it counts; a script can't write that.
fn is_from_here(request: &HttpRequest) -> bool {
    let one = |name: &str| {
        let mut values = request.headers().get_all(name);
        (values.next().map(HeaderValue::as_bytes), values.next().is_some())
    };
    let (site, two_sites) = one("sec-fetch-site");
    let (origin, two_origins) = one("origin");
    if two_sites || two_origins {
        return false;
    }
    match (site, origin) {
        (Some(site), _) => matches!(site, b"same-origin" | b"none"),
        (None, Some(origin)) => {
            let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
            let origin = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
            origin.is_some() && origin == host
        }
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn here(headers: &[(&'static str, &str)]) -> bool {
        let request = headers.iter().fold(TestRequest::post(), |request, header| request.append_header(*header));
        is_from_here(&request.insert_header((header::HOST, "mdm.example.test:8080")).to_http_request())
    }

    #[test]
    fn what_another_site_sends_is_refused() {
        assert!(here(&[]));
        assert!(here(&[("sec-fetch-site", "same-origin")]));
        assert!(here(&[("origin", "https://mdm.example.test:8080")]));
        for wrong in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://mdm.example.test:8080")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://evil.example.test")],
            &[("origin", "https://mdm.example.test:8080.evil.test")],
            &[("origin", "https://mdm.example.test")],
            &[("origin", "null")],
        ] {
            assert!(!here(wrong), "{wrong:?}");
        }
    }
}
