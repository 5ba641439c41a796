//! The cookie of a session.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
};
use sha2::{Digest as _, Sha256};

use crate::model::{Secret, hex};

/// Its name. A browser takes a cookie of such a name only for this host and only with `Secure`.
pub(super) const NAME: &str = "__Host-transom";

/// Longest that is looked at.
const LONGEST: usize = 64;

/// What the browser shows. Of two, which one counts would be anybody's guess.
pub(super) fn of(request: &HttpRequest) -> Option<Secret<String>> {
    let headers = request.headers().get_all(header::COOKIE);
    let mut found = headers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='));
    let value = found.next()?;
    let is_one = found.next().is_none() && (1..=LONGEST).contains(&value.len());
    is_one.then(|| Secret::new(value.to_owned()))
}

/// The cookie that signs somebody in.
pub(super) fn made(secret: &Secret<String>, seconds: i64) -> Cookie<'static> {
    Cookie::build(NAME, secret.expose().clone())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(seconds))
        .finish()
}

/// The cookie that takes it away.
pub(super) fn gone() -> Cookie<'static> {
    made(&Secret::new(String::new()), 0)
}

/// What every form of a session holds: nobody else can know it, and it opens nothing.
pub(super) fn csrf(secret: &Secret<String>) -> String {
    let hash = Sha256::new().chain_update(b"transom form\0").chain_update(secret.expose()).finalize();
    hex(&hash)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn exactly_one_cookie_counts() {
        let shown = |header: &str| {
            let request = TestRequest::get().insert_header((header::COOKIE, header)).to_http_request();
            of(&request).map(|secret| secret.expose().clone())
        };
        assert_eq!(shown("a=b; __Host-transom=x; c=d").as_deref(), Some("x"));
        for none in ["", "transom=x", "__Host-transom=", "__Host-transom=a; __Host-transom=b", "x__Host-transom=a"] {
            assert_eq!(shown(none), None, "{none}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_host_and_no_script() {
        let text = made(&Secret::new("x".to_owned()), 60).to_string();
        for part in ["__Host-transom=x", "HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=60"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"));
        assert!(gone().to_string().contains("Max-Age=0"));
    }

    #[test]
    fn the_value_of_forms_is_not_the_session() {
        let secret = Secret::new("abc".to_owned());
        assert_eq!(csrf(&secret).len(), 64);
        assert_ne!(csrf(&secret), csrf(&Secret::new("abd".to_owned())));
    }
}
