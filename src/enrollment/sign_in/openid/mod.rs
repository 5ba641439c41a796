//! Sign-in with an OpenID Connect provider: the authorization code flow with PKCE, state and nonce (OpenID Connect Core
//! 1.0, 3.1; RFC 6749, 4.1; RFC 7636), around which MS-MDE2 3.2 wraps its own.
//!
//! What has to be remembered between the two visits of a browser travels sealed in a cookie: no row is written for a
//! stranger, and any instance can go on where another began. That a sign-in is completed once is the store's to see.

mod app;
mod code;
mod provider;
mod user;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use futures_util::FutureExt as _;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

pub use app::AppRedirect;

use self::{code::Flow, provider::Provider, user::UserRules};
use super::{
    Denied, FederatedUser, SetupError,
    fetched::Fetched,
    outbound,
    setup::{self, SetupError::Setting},
};
use crate::{
    config::{DataFolder, Host, Settings},
    model::{NewSignIn, Secret, SignIn},
    pki::{
        Sealer, read_secret,
        token::{self, Rules, Signing},
    },
    store::{Store, Tx},
};

/// How long a person may take at the provider, in milliseconds.
const SIGN_IN_TIME: i64 = 15 * 60_000;

/// How long a device may take from then on, in milliseconds: two messages, and what its user reads in between.
const HANDLE_TIME: i64 = 30 * 60_000;

/// How far the provider's clock may be off, in milliseconds.
const SKEW: i64 = 2 * 60_000;

/// Longest hint that is passed on, in characters.
const LONGEST_HINT: usize = 320;

const COOKIE: &str = "openid sign-in";

/// The provider and what is agreed with it.
pub(super) struct OpenId {
    issuer: String,
    flow: Flow,
    users: UserRules,
    client: Client,
    provider: Fetched<Provider>,
    sealer: Arc<Sealer>,
    store: Store,
}

/// What is random in a sign-in.
pub struct Chance {
    /// Comes back from the provider.
    pub state: [u8; 32],
    /// Comes back in the ID token.
    pub nonce: [u8; 32],
    /// Goes to the provider only with the code.
    pub verifier: [u8; 32],
}

/// A sign-in that began.
pub struct Begun {
    /// Where to send the browser.
    pub location: String,
    /// What the browser has to keep, sealed.
    pub kept: String,
    /// For how many seconds.
    pub seconds: i64,
}

/// What the provider says through the browser (RFC 6749, 4.1.2; RFC 9207).
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Callback {
    /// Good for tokens, once.
    pub code: Option<String>,
    /// What it was given.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who says so.
    pub iss: Option<String>,
}

/// A sign-in that was completed.
#[derive(Debug)]
pub struct Finished {
    /// Where the page is to post the handle.
    pub app: AppRedirect,
    /// What the device will show.
    pub handle: Secret<String>,
    /// Who signed in.
    pub user: String,
}

/// What travels in the cookie.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    nonce: String,
    verifier: String,
    app: String,
    until: i64,
}

impl OpenId {
    pub(super) fn new(
        settings: &Settings,
        folder: &DataFolder,
        sealer: Arc<Sealer>,
        store: Store,
    ) -> Result<Self, SetupError> {
        let openid = &settings.openid;
        let issuer = openid.issuer.clone();
        let wrong = |key, message| Setting { key, message };
        if outbound::address(&issuer).is_none_or(|url| url.query().is_some()) {
            return Err(wrong("openid.issuer", "must be an https URL without query"));
        }
        let redirect = match openid.redirect_uri.as_str() {
            "" => default_redirect(&settings.host, settings.device_door.addr.port()),
            written => written.to_owned(),
        };
        if outbound::address(&redirect).is_none() {
            return Err(wrong("openid.redirect_uri", "must be an https URL"));
        }
        let secret = match setup::file(folder, &openid.client_secret_file) {
            Some(path) => String::from_utf8(read_secret(&path)?.trim_ascii().to_vec()).ok().map(Secret::new),
            None if openid.client_secret.is_empty() => None,
            None => Some(Secret::new(openid.client_secret.expose().to_owned())),
        };
        let client = outbound::client(setup::file(folder, &openid.ca).as_deref())?;
        let flow = Flow::new(&openid.client_id, secret, redirect, &openid.scopes);
        let flow = flow.ok_or_else(|| wrong("openid.redirect_uri", "must be a URL"))?;
        let provider = {
            let (issuer, client) = (issuer.clone(), client.clone());
            Fetched::new(Box::new(move || {
                let (issuer, client) = (issuer.clone(), client.clone());
                async move { Provider::discover(&client, &issuer).await }.boxed()
            }))
        };
        Ok(Self { issuer, flow, users: UserRules::new(openid), client, provider, sealer, store })
    }

    pub(super) async fn begin(
        &self,
        app: AppRedirect,
        login_hint: Option<&str>,
        chance: &Chance,
        now: Timestamp,
    ) -> Result<Begun, Denied> {
        let provider = self.provider.get(|_| true, now).await?;
        let kept = Kept {
            state: BASE64.encode(chance.state),
            nonce: BASE64.encode(chance.nonce),
            verifier: BASE64.encode(chance.verifier),
            app: app.into(),
            until: now.plus_millis(SIGN_IN_TIME).0,
        };
        let hint = login_hint.map(str::trim).filter(|hint| !hint.is_empty() && hint.len() <= LONGEST_HINT);
        let location = self.flow.address(&provider, &kept.state, &kept.nonce, &kept.verifier, hint);
        let plain = Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Denied::Sealing)?);
        let kept = self.sealer.seal(COOKIE, &plain).map_err(|_| Denied::Sealing)?;
        Ok(Begun { location, kept, seconds: SIGN_IN_TIME / 1000 })
    }

    pub(super) async fn finish(
        &self,
        callback: &Callback,
        kept: Option<&str>,
        handle: [u8; 32],
        now: Timestamp,
    ) -> Result<Finished, Denied> {
        let kept = self.kept(kept, callback.state.as_deref(), now)?;
        // Mixed up with another provider (RFC 9207).
        if callback.iss.as_ref().is_some_and(|issuer| *issuer != self.issuer) {
            return Err(Denied::Provider("another issuer".to_owned()));
        }
        let app: AppRedirect = kept.app.parse().map_err(|()| Denied::Browser)?;
        let code = match (&callback.code, &callback.error) {
            (Some(code), None) => code.clone(),
            (_, error) => return Err(Denied::Provider(code::plain_word(error.as_deref().unwrap_or("no code")))),
        };
        let provider = self.provider.get(|_| true, now).await?;
        let tokens = self.flow.exchange(&self.client, &provider, code, kept.verifier).await?;
        let claims = self.verify(tokens.id_token.expose(), &kept.nonce, now).await?;
        let user = self.users.user(&self.client, &provider, &claims, &tokens.access_token).await?;
        let handle = Secret::new(BASE64.encode(handle));
        let new = NewSignIn {
            state_hash: hash(&kept.state),
            handle_hash: hash(handle.expose()),
            issuer: self.issuer.clone(),
            subject: user.subject,
            user_name: user.name.clone(),
            expires_at: now.plus_millis(HANDLE_TIME),
        };
        match self.store.write(move |tx: &mut Tx<'_>| tx.keep_sign_in(&new, now)).await? {
            Some(_) => Ok(Finished { app, handle, user: user.name }),
            None => Err(Denied::Repeated),
        }
    }

    /// Who stands behind a handle.
    pub(super) async fn holder(&self, handle: &str, now: Timestamp) -> Result<FederatedUser, Denied> {
        let hash = hash(handle);
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.sign_in(&hash, now)).await?;
        let SignIn { id, user_name, subject, issuer, .. } = found.ok_or(Denied::UnknownHandle)?;
        // From before another provider was configured.
        if issuer != self.issuer {
            return Err(Denied::UnknownHandle);
        }
        Ok(FederatedUser { sign_in: id, name: user_name, subject, issuer })
    }

    /// What the browser kept, if it belongs to the state that the provider gave back.
    fn kept(&self, kept: Option<&str>, state: Option<&str>, now: Timestamp) -> Result<Kept, Denied> {
        let plain = kept.and_then(|kept| self.sealer.open(COOKIE, kept)).ok_or(Denied::Browser)?;
        let kept: Kept = serde_json::from_slice(&plain).map_err(|_| Denied::Browser)?;
        let (ours, theirs) = (kept.state.as_bytes(), state.unwrap_or_default().as_bytes());
        if ours.len() != theirs.len() || !openssl::memcmp::eq(ours, theirs) {
            return Err(Denied::Browser);
        }
        if kept.until <= now.0 { Err(Denied::TooLate) } else { Ok(kept) }
    }

    /// The ID token (OpenID Connect Core 1.0, 3.1.3.7).
    async fn verify(&self, id_token: &str, nonce: &str, now: Timestamp) -> Result<token::Claims, Denied> {
        let rules = Rules {
            signing: vec![Signing::Rs256, Signing::Es256, Signing::Ps256],
            issuers: vec![self.issuer.clone()],
            audiences: vec![self.flow.client_id().to_owned()],
            skew: SKEW,
        };
        let id = token::key_id(id_token, &rules)?;
        let provider = self.provider.get(|provider| provider.keys.knows(id.as_deref()), now).await?;
        let claims = token::verify(id_token, &provider.keys, &rules, now)?;
        let same_nonce = claims.text("nonce").is_some_and(|theirs| {
            theirs.len() == nonce.len() && openssl::memcmp::eq(theirs.as_bytes(), nonce.as_bytes())
        });
        if !same_nonce {
            return Err(token::TokenRefused::Claim("nonce").into());
        }
        let for_several = claims.value("aud").and_then(serde_json::Value::as_array).is_some_and(|aud| aud.len() > 1);
        let party = claims.text("azp");
        if party.is_some_and(|party| party != self.flow.client_id()) || for_several && party.is_none() {
            return Err(token::TokenRefused::Claim("azp").into());
        }
        Ok(claims)
    }
}

/// What is kept of what a browser and a device show.
fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The callback of the device door, for a server that devices reach by its own address.
fn default_redirect(host: &Host, port: u16) -> String {
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    format!("https://{}{port}/EnrollmentServer/Auth/Callback", host.in_url())
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback(…)")
    }
}
