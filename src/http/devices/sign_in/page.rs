//! The few pages that a device's web view gets to see: plain HTML, nothing loaded from anywhere, every value escaped.
//!
//! The one script is allowed by its hash and nothing else is. There is no `form-action` in the policy: browsers hold a
//! form's redirects against it as well, and those of Windows lead to schemes of its own.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest as _, Sha256};

use crate::enrollment::sign_in::Denied;

/// Sends the form as soon as it is there.
const SCRIPT: &str = "document.forms[0].submit()";

const STYLE: &str = "body{font:16px/1.5 'Segoe UI',system-ui,sans-serif;margin:2em auto;max-width:40em;padding:0 1em}\
    button{font:inherit;padding:.4em 1.6em;margin-right:1em}.text{white-space:pre-wrap}.id{color:#666;font-size:85%}";

/// Gives the handle to Windows (MS-MDE2 3.2): a form that posts itself, with a button for where no script runs.
#[derive(Template)]
#[template(path = "devices/sign_in/handoff.html", config = "src/http/askama.toml")]
pub(super) struct Handoff<'a> {
    pub(super) app: &'a str,
    pub(super) handle: &'a str,
    style: &'static str,
    script: &'static str,
}

/// Asks for the terms of use (MS-MDE2 3.5).
#[derive(Template)]
#[template(path = "devices/sign_in/terms.html", config = "src/http/askama.toml")]
pub(super) struct TermsPage<'a> {
    pub(super) text: &'a str,
    pub(super) user: &'a str,
    pub(super) ticket: &'a str,
    style: &'static str,
}

/// Says what went wrong.
#[derive(Template)]
#[template(path = "devices/sign_in/refused.html", config = "src/http/askama.toml")]
struct Refused<'a> {
    what: &'a str,
    remedy: &'a str,
    id: &'a str,
    style: &'static str,
}

impl<'a> Handoff<'a> {
    pub(super) const fn new(app: &'a str, handle: &'a str) -> Self {
        Self { app, handle, style: STYLE, script: SCRIPT }
    }
}

impl<'a> TermsPage<'a> {
    pub(super) const fn new(text: &'a str, user: &'a str, ticket: &'a str) -> Self {
        Self { text, user, ticket, style: STYLE }
    }
}

/// A page as a reply.
pub(super) fn reply(status: StatusCode, page: &impl Template) -> HttpResponse {
    let Ok(html) = page.render() else { return HttpResponse::InternalServerError().finish() };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy()))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(html)
}

/// Says why somebody is not signed in. The id is that of the request, under which the log knows more.
pub(super) fn refused(denied: &Denied, id: &str) -> HttpResponse {
    let status = match denied {
        Denied::NotOffered => StatusCode::NOT_FOUND,
        Denied::NotAllowed(_) => StatusCode::FORBIDDEN,
        Denied::Exchange(_) | Denied::Provided(_) => StatusCode::BAD_GATEWAY,
        denied if denied.is_ours() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    said(status, &denied.to_string(), denied.remedy(), id)
}

/// Says something else that is wrong.
pub(super) fn said(status: StatusCode, what: &str, remedy: &str, id: &str) -> HttpResponse {
    reply(status, &Refused { what, remedy, id, style: STYLE })
}

/// The same for a request that is not what Windows sends.
pub(super) fn not_from_windows(what: &str, id: &str) -> HttpResponse {
    let remedy = "this page is opened by Windows itself: Settings, Accounts, Access work or school";
    said(StatusCode::BAD_REQUEST, what, remedy, id)
}

fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64.encode(Sha256::digest(text.as_bytes())));
    let (script, style) = (hash(SCRIPT), hash(STYLE));
    format!("default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; frame-ancestors 'none'")
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;

    use super::*;

    fn body(reply: HttpResponse) -> String {
        String::from_utf8(reply.into_body().try_into_bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_handle_is_posted_to_the_app_and_nothing_breaks_out() {
        let page = reply(StatusCode::OK, &Handoff::new("ms-app://x?a=1&b=\"><script>", "h\"&<'>"));
        let html = body(page);
        assert_eq!(html.matches("<script>").count(), 1);
        assert!(html.contains(&format!("<script>{SCRIPT}</script>")));
        let document = roxmltree::Document::parse(html.trim_start_matches("<!DOCTYPE html>").trim()).unwrap();
        let named = |name: &str| document.descendants().find(|node| node.has_tag_name(name)).unwrap();
        assert_eq!(named("form").attribute("action"), Some("ms-app://x?a=1&b=\"><script>"));
        assert_eq!(named("form").attribute("method"), Some("post"));
        let field = named("input");
        assert_eq!((field.attribute("name"), field.attribute("value")), (Some("wresult"), Some("h\"&<'>")));
        assert!(named("noscript").descendants().any(|node| node.has_tag_name("button")));
    }

    #[test]
    fn the_policy_allows_what_the_pages_hold_and_nothing_else() {
        let page = reply(StatusCode::OK, &Handoff::new("ms-app://x", "h"));
        let policy = page.headers().get("content-security-policy").unwrap().to_str().unwrap().to_owned();
        let html = body(page);
        for (tag, text) in [("script", SCRIPT), ("style", STYLE)] {
            assert!(html.contains(&format!("<{tag}>{text}</{tag}>")), "{tag}");
            let hash = BASE64.encode(Sha256::digest(text.as_bytes()));
            assert!(policy.contains(&format!("{tag}-src 'sha256-{hash}'")), "{policy}");
        }
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"));
    }

    #[test]
    fn what_a_stranger_wrote_is_text_on_every_page() {
        let evil = "</p><script>alert(1)</script>";
        let pages = [
            body(reply(StatusCode::OK, &TermsPage::new(evil, evil, evil))),
            body(refused(&Denied::Provider(evil.to_owned()), evil)),
            body(not_from_windows(evil, evil)),
        ];
        for html in pages {
            assert!(!html.contains("<script>") && html.contains("alert(1)"), "{html}");
        }
    }
}
