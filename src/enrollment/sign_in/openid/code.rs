//! The code flow (RFC 6749, 4.1) by `oauth2`, which makes the address, the challenge of PKCE and the request for tokens.

use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, ExtraTokenFields, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use reqwest::Client;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Denied,
        outbound::{self, FetchError, Received},
    },
    provider::Provider,
};
use crate::model::Secret;

/// What is agreed with the provider.
pub(super) struct Flow {
    client_id: ClientId,
    secret: Option<Secret<String>>,
    redirect: RedirectUrl,
    scopes: Vec<String>,
}

/// What the provider gives for a code.
pub(super) struct Tokens {
    pub(super) id_token: Secret<String>,
    pub(super) access_token: Secret<String>,
}

/// What OpenID Connect adds to the answer (Core 1.0, 3.1.3.3).
#[derive(Serialize, Deserialize)]
struct IdToken {
    id_token: String,
}

impl ExtraTokenFields for IdToken {}

impl std::fmt::Debug for IdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdToken(…)")
    }
}

type OidcClient = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<IdToken, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    oauth2::StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

impl Flow {
    pub(super) fn new(
        client_id: &str,
        secret: Option<Secret<String>>,
        redirect: String,
        scopes: &[String],
    ) -> Option<Self> {
        let asked = scopes.iter().filter(|scope| *scope != "openid").cloned();
        let scopes = std::iter::once("openid".to_owned()).chain(asked).collect();
        let redirect = RedirectUrl::new(redirect).ok()?;
        Some(Self { client_id: ClientId::new(client_id.to_owned()), secret, redirect, scopes })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Where to send the browser.
    pub(super) fn address(
        &self,
        provider: &Provider,
        state: &str,
        nonce: &str,
        verifier: &str,
        hint: Option<&str>,
    ) -> String {
        let client = OidcClient::new(self.client_id.clone())
            .set_auth_uri(AuthUrl::from_url(provider.authorization.clone()))
            .set_redirect_uri(self.redirect.clone());
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        let mut request = client
            .authorize_url(|| CsrfToken::new(state.to_owned()))
            .add_scopes(self.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_extra_param("nonce", nonce.to_owned());
        if let Some(hint) = hint {
            request = request.add_extra_param("login_hint", hint.to_owned());
        }
        request.url().0.into()
    }

    /// Changes a code into tokens.
    pub(super) async fn exchange(
        &self,
        http: &Client,
        provider: &Provider,
        code: String,
        verifier: String,
    ) -> Result<Tokens, Denied> {
        let mut client = OidcClient::new(self.client_id.clone())
            .set_token_uri(TokenUrl::from_url(provider.token.clone()))
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(if provider.takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody });
        if let Some(secret) = &self.secret {
            client = client.set_client_secret(ClientSecret::new(secret.expose().clone()));
        }
        let sender = |request| send(http.clone(), request);
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&sender)
            .await;
        let answer = answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(said) => Denied::Exchange(plain_word(said.error().as_ref())),
            RequestTokenError::Request(error) => Denied::Provided(error),
            // Neither message nor body: both may hold tokens.
            RequestTokenError::Parse(..) => Denied::Exchange("an answer without ID token".to_owned()),
            RequestTokenError::Other(_) => Denied::Exchange("an answer that is none".to_owned()),
        })?;
        Ok(Tokens {
            id_token: Secret::new(answer.extra_fields().id_token.clone()),
            access_token: Secret::new(answer.access_token().secret().clone()),
        })
    }
}

/// A code for an error (RFC 6749, 4.1.2.1), as far as it is one: a stranger may have written it.
pub(super) fn plain_word(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_- .".contains(character);
    word.chars().take(64).map(|character| if is_plain(character) { character } else { '?' }).collect()
}

/// Passes a request of `oauth2` to our client.
async fn send(http: Client, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let request = reqwest::Request::try_from(request).map_err(|_| FetchError::Interrupted)?;
    let Received { status, body } = outbound::send(&http, request).await?;
    let mut response = HttpResponse::new(body);
    *response.status_mut() = oauth2::http::StatusCode::from_u16(status).map_err(|_| FetchError::Status(status))?;
    Ok(response)
}
