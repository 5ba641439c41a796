//! Who calls the API: a bearer token (RFC 6750), judged by whoever keeps the tokens.

use std::{fmt, future::Ready, sync::Arc};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    middleware::Next,
    web::Data,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    admin::{Admin, Granter, rights},
    http::{observe::Note, problem::Problem},
    model::{Actor, Maker, Rights, TokenId},
};

/// Longest token that is looked at.
const MAX_TOKEN: usize = 512;

/// A bearer token as it was sent; it is never printed.
pub struct Token(Zeroizing<String>);

/// Who calls, by the name that the token was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Id of the token.
    pub token: TokenId,
    /// What it may be used for.
    pub rights: Rights,
    /// Who that is in the queue, in events and in the audit log.
    pub actor: Actor,
}

impl Caller {
    /// The same, who lets others in.
    pub(super) fn granter(&self) -> Granter {
        let maker = Maker::Token(self.token.clone());
        Granter { actor: self.actor.clone(), rights: self.rights.clone(), maker }
    }
}

/// A key that only the bearer of the token knows, and that is the same in all its requests.
#[derive(Clone)]
pub(super) struct CallerKey(Zeroizing<[u8; 32]>);

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is good.
    Known(Caller),
    /// It is not, or no longer.
    Unknown,
    /// Nobody can tell now.
    Unavailable,
}

/// Judges a token.
pub type TokenVerifier = Arc<dyn Fn(Token) -> BoxFuture<'static, Verdict> + Send + Sync>;

/// Judges tokens by those that were made.
pub fn verifier(admin: Admin) -> TokenVerifier {
    Arc::new(move |token| {
        let admin = admin.clone();
        async move {
            match admin.token_holder(token.expose(), super::now()).await {
                Ok(Some(held)) => {
                    let rights = rights::within(held.role, held.scope.as_ref());
                    Verdict::Known(Caller { token: held.id, rights, actor: Actor::token(&held.name) })
                }
                Ok(None) => Verdict::Unknown,
                Err(error) => {
                    tracing::error!(%error, "a token could not be looked up");
                    Verdict::Unavailable
                }
            }
        }
        .boxed()
    })
}

impl Token {
    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl CallerKey {
    fn of(token: &Token) -> Self {
        let hash = Sha256::new().chain_update(b"transom key of a caller\0").chain_update(token.expose());
        Self(Zeroizing::new(hash.finalize().into()))
    }

    /// The key itself.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Lets a request with a good token pass, and tells handlers who calls.
pub(super) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let note = Note::of(request.request());
    note.route("api");
    let verifier = request.app_data::<Data<TokenVerifier>>().cloned();
    let token = token_of(request.headers());
    let key = token.as_ref().map(CallerKey::of);
    let verdict = match (verifier, token) {
        (Some(verifier), Some(token)) => (verifier.as_ref())(token).await,
        _ => Verdict::Unknown,
    };
    match verdict {
        Verdict::Known(mut caller) => {
            caller.actor = caller.actor.asking(note.peer(), Some(note.id().to_owned()));
            request.extensions_mut().insert(caller);
            if let Some(key) = key {
                request.extensions_mut().insert(key);
            }
            next.call(request).await.map(ServiceResponse::map_into_boxed_body)
        }
        Verdict::Unknown => {
            note.reason("token");
            Ok(request.into_response(Unauthorized.error_response()))
        }
        Verdict::Unavailable => {
            note.reason("unavailable");
            Ok(request.into_response(Problem::unavailable().error_response()))
        }
    }
}

/// Looks at the token of a request again: a stream must not outlive it.
pub(super) struct Recheck {
    verifier: Data<TokenVerifier>,
    headers: HeaderMap,
}

impl Recheck {
    /// Whether the token still opens the door. Where nobody can tell now, it does.
    pub(super) async fn is_good(&self) -> bool {
        let Some(token) = token_of(&self.headers) else { return false };
        !matches!((self.verifier.as_ref())(token).await, Verdict::Unknown)
    }
}

impl FromRequest for Recheck {
    type Error = Problem;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verifier = request.app_data::<Data<TokenVerifier>>().cloned();
        let mut headers = HeaderMap::new();
        for value in request.headers().get_all(header::AUTHORIZATION) {
            headers.append(header::AUTHORIZATION, value.clone());
        }
        let outside = || Problem::internal("a route of the API is outside of authentication");
        std::future::ready(verifier.map(|verifier| Self { verifier, headers }).ok_or_else(outside))
    }
}

/// The token of the one `Authorization` header. Two of them are none: which one counts would be anybody's guess.
fn token_of(headers: &HeaderMap) -> Option<Token> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let is_token = scheme.eq_ignore_ascii_case("bearer")
        && values.next().is_none()
        && (1..=MAX_TOKEN).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then(|| Token(Zeroizing::new(token.to_owned())))
}

#[derive(Debug)]
struct Unauthorized;

impl fmt::Display for Unauthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no valid token")
    }
}

impl ResponseError for Unauthorized {
    fn error_response(&self) -> HttpResponse {
        let problem = Problem::new(StatusCode::UNAUTHORIZED).detail("a valid bearer token is needed");
        let mut reply = problem.error_response();
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        reply
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Self>().cloned();
        std::future::ready(caller.ok_or_else(|| Problem::internal("a route of the API is outside of authentication")))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn token(values: &[&str]) -> Option<String> {
        let request = values
            .iter()
            .fold(TestRequest::get(), |request, value| request.append_header((header::AUTHORIZATION, *value)));
        token_of(request.to_http_request().headers()).map(|token| token.expose().to_owned())
    }

    #[test]
    fn exactly_one_bearer_token_is_taken() {
        assert_eq!(token(&["Bearer abc.DEF-1"]).as_deref(), Some("abc.DEF-1"));
        assert_eq!(token(&["bearer  abc"]).as_deref(), Some("abc"));
        let long = format!("Bearer {}", "x".repeat(MAX_TOKEN + 1));
        for wrong in
            [&["Basic abc"][..], &["Bearer"], &["Bearer "], &["Bearer a b"], &["Bearer a", "Bearer a"], &[&long], &[]]
        {
            assert_eq!(token(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert_eq!(format!("{:?}", Token(Zeroizing::new("secret".into()))), "Token(…)");
    }
}
