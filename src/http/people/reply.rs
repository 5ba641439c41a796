//! How pages of people are answered.

use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;

use super::cookie;
use crate::{
    admin::{NotIn, Opened},
    http::{observe::Note, problem::Problem},
};

/// A page.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    let text = page.render().map_err(Problem::internal)?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(text))
}

/// Somebody came in: the cookie, and on to a page.
pub(super) fn opened(opened: &Opened, to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .cookie(cookie::made(&opened.secret, opened.seconds))
        .insert_header((header::LOCATION, to.to_owned()))
        .finish()
}

/// On to another page.
pub(super) fn go(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, to.to_owned())).finish()
}

/// The status with which somebody is turned away, and why in words; what is no fault of theirs is a problem.
pub(super) fn refused(request: &HttpRequest, why: NotIn) -> Result<(StatusCode, String), Problem> {
    let text = why.to_string();
    let (status, word) = match why {
        NotIn::Wrong => (StatusCode::UNAUTHORIZED, "sign_in"),
        NotIn::Locked(_) => (StatusCode::TOO_MANY_REQUESTS, "locked"),
        NotIn::Link => (StatusCode::GONE, "link"),
        NotIn::Choice(_) => (StatusCode::UNPROCESSABLE_ENTITY, "choice"),
        NotIn::NoPasswords => (StatusCode::FORBIDDEN, "passwords"),
        NotIn::Provider(denied) => {
            tracing::warn!(id = Note::of(request).id(), %denied, "an operator could not sign in at the provider");
            let status = if denied.is_ours() { StatusCode::BAD_GATEWAY } else { StatusCode::UNAUTHORIZED };
            (status, denied.word())
        }
        NotIn::NoRole | NotIn::NoAccount => (StatusCode::FORBIDDEN, "role"),
        NotIn::Disabled => (StatusCode::FORBIDDEN, "disabled"),
        NotIn::NameTaken(_) => (StatusCode::CONFLICT, "name"),
        NotIn::Failed(error) => return Err(error.into()),
    };
    Note::of(request).reason(word);
    Ok((status, text))
}

/// Where a request comes from, and the id that it has.
pub(super) fn asker(request: &HttpRequest) -> (IpAddr, Option<String>) {
    let note = Note::of(request);
    let peer = note.peer().or_else(|| request.peer_addr().map(|address| address.ip()));
    (peer.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)), Some(note.id().to_owned()))
}

/// A page of ours to go on to, or the first one. Never another site: `//` and `/\` would be one.
pub(super) fn local(next: Option<&str>) -> &str {
    let is_local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && path.len() <= 2048
    };
    next.filter(is_local).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(local(Some("/devices?q=a%20b")), "/devices?q=a%20b");
        for wrong in ["", "//evil.test", "/\\evil.test", "https://evil.test", "javascript:alert(1)", "/a\r\nb: c", "/ü"]
        {
            assert_eq!(local(Some(wrong)), "/", "{wrong:?}");
        }
        assert_eq!(local(None), "/");
    }
}
