//! What a device says beside the body (MS-MDM 2.1): claims, cut to length and escaped before anybody sees them.

use std::{
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
};

use actix_web::{HttpRequest, http::header::HeaderMap, web::Query};

use crate::{
    http::wire::Link,
    management::{RequestHeaders, SignatureHeader, TokenHeaders},
    model::Secret,
};

/// Characters that are kept of a header or a query value.
const MAX_CHARS: usize = 256;

/// Bytes of a token that is looked at. Those of Entra ID have a few thousand.
const MAX_TOKEN: usize = 16 * 1024;

/// Both names of the signature header.
const SIGNATURE: [&str; 2] = ["ms-signature", "mdm-signature"];

/// Reads every header and query value of MS-MDM 2.1. Of a header that comes twice, the first counts.
pub(super) fn read(request: &HttpRequest) -> RequestHeaders {
    let headers = request.headers();
    let query = Query::<Vec<(String, String)>>::from_query(request.query_string()).ok();
    let in_query = |name: &str| {
        let found = query.iter().flat_map(|query| query.iter()).find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| plain(value))
    };
    RequestHeaders {
        request_id: None,
        ms_cv: named(headers, "ms-cv"),
        client_request_id: named(headers, "client-request-id"),
        generic_alert: named(headers, "mdm-genericalert"),
        user_agent_origin: named(headers, "useragentorigin"),
        user_agent: named(headers, "user-agent"),
        accept: named(headers, "accept"),
        mode: in_query("mode"),
        platform: in_query("platform"),
    }
}

/// The address that the connection is for, whatever any header says.
pub(super) fn peer(request: &HttpRequest) -> IpAddr {
    let direct = || request.peer_addr().map(|address| address.ip().to_canonical());
    let link = request.conn_data::<Rc<Link>>().map(|link| link.peer());
    link.or_else(direct).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The signature of the message, under either of its names (MS-MDM 2.1 note 4, MS-MDE2). Nobody chooses between several.
pub(super) fn signature(request: &HttpRequest) -> Option<SignatureHeader> {
    let headers = request.headers();
    let mut values = SIGNATURE.iter().flat_map(|name| headers.get_all(*name));
    let first = values.next()?;
    let value = if values.next().is_some() { None } else { Some(first.as_bytes().to_vec()) };
    Some(SignatureHeader { value })
}

/// The tokens of MS-MDM 2.1, notes 3 and 9: of a user, and of the device. Of two, neither counts.
pub(super) fn tokens(request: &HttpRequest) -> TokenHeaders {
    let headers = request.headers();
    let single = |name: &str| {
        let mut values = headers.get_all(name);
        let value = values.next()?.to_str().ok()?.trim();
        (values.next().is_none() && value.len() <= MAX_TOKEN).then_some(value)
    };
    let bearer = |value: &str| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    };
    let secret = |token: String| (!token.is_empty()).then(|| Secret::new(token));
    TokenHeaders {
        bearer: single("authorization").and_then(bearer).and_then(secret),
        device: single("devicetoken").map(|value| bearer(value).unwrap_or_else(|| value.to_owned())).and_then(secret),
    }
}

fn named(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| plain(&String::from_utf8_lossy(value.as_bytes())))
}

/// At most [`MAX_CHARS`] characters, none of which moves a cursor, ends a line or turns the text around.
pub(in crate::http) fn plain(value: &str) -> String {
    let mut plain = String::new();
    for character in value.chars().take(MAX_CHARS) {
        let is_harmless = !character.is_control()
            && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if is_harmless {
            plain.push(character);
        } else {
            plain.extend(character.escape_default());
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn every_header_of_the_specification_is_kept() {
        let request = TestRequest::post()
            .uri("/ManagementServer/MDM.svc?Mode=Maintenance&platform=WoA")
            .insert_header(("MS-CV", "OTrP9+n7GU+OcSEg.0.0.0"))
            .insert_header(("client-request-id", "0"))
            .insert_header(("MDM-GenericAlert", "<com.microsoft/a>"))
            .insert_header(("UserAgentOrigin", "3,2"))
            .insert_header(("User-Agent", "MSFT OMA DM Client/1.2.0.1"))
            .insert_header(("Accept", "application/vnd.syncml.dm+xml"))
            .to_http_request();
        let some = |value: &str| Some(value.to_owned());
        let expected = RequestHeaders {
            request_id: None,
            ms_cv: some("OTrP9+n7GU+OcSEg.0.0.0"),
            client_request_id: some("0"),
            generic_alert: some("<com.microsoft/a>"),
            user_agent_origin: some("3,2"),
            user_agent: some("MSFT OMA DM Client/1.2.0.1"),
            accept: some("application/vnd.syncml.dm+xml"),
            mode: some("Maintenance"),
            platform: some("WoA"),
        };
        assert_eq!(read(&request), expected);
    }

    #[test]
    fn one_token_of_each_kind_counts() {
        let tokens = |headers: &[(&'static str, &'static str)]| {
            let request = headers.iter().fold(TestRequest::post(), |request, header| request.append_header(*header));
            let TokenHeaders { bearer, device } = tokens(&request.to_http_request());
            (bearer.map(|token| token.expose().clone()), device.map(|token| token.expose().clone()))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            tokens(&[("Authorization", "bearer a.b.c"), ("DeviceToken", "d.e.f")]),
            (some("a.b.c"), some("d.e.f"))
        );
        assert_eq!(tokens(&[("Authorization", "Basic a.b.c"), ("DeviceToken", "Bearer d.e.f")]), (None, some("d.e.f")));
        assert_eq!(tokens(&[("Authorization", "Bearer a"), ("Authorization", "Bearer b")]), (None, None));
        assert_eq!(tokens(&[("Authorization", "Bearer "), ("DeviceToken", " ")]), (None, None));
    }

    #[test]
    fn what_could_forge_a_line_of_a_log_is_escaped_and_length_is_bounded() {
        let request = TestRequest::post()
            .uri("/?mode=a%0D%0Alevel%3DERROR%20fake%1B%5B31m")
            .insert_header(("MS-CV", "x".repeat(10_000)))
            .to_http_request();
        let headers = read(&request);
        assert_eq!(headers.mode.as_deref(), Some("a\\r\\nlevel=ERROR fake\\u{1b}[31m"));
        assert_eq!(headers.ms_cv.map(|value| value.len()), Some(MAX_CHARS));
        assert_eq!(plain("abc\u{202e}fdp"), "abc\\u{202e}fdp");
        assert_eq!(plain("Ünïcödé 🙂"), "Ünïcödé 🙂");
    }
}
