//! This server as a client of an OpenID Connect provider: from the first visit of a browser to claims that hold.
//!
//! Devices' users and operators both come in by it, each with a client, a cookie and a seal of their own: what a browser
//! keeps for one is nothing to the other.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use futures_util::FutureExt as _;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

use super::{
    super::{
        Denied, SetupError,
        fetched::Fetched,
        outbound,
        setup::{self, SetupError::Setting},
    },
    code::{self, Flow},
    hash,
    provider::Provider,
};
use crate::{
    config::{DataFolder, PeopleOpenId, SecretText},
    model::Secret,
    pki::{
        DataKey, Sealer, read_secret,
        token::{self, Claims, Rules, Signing, TokenRefused},
    },
};

/// How long a person may take at the provider, in milliseconds.
const SIGN_IN_TIME: i64 = 15 * 60_000;

/// How far the provider's clock may be off, in milliseconds.
const SKEW: i64 = 2 * 60_000;

/// Longest hint that is passed on, in characters.
const LONGEST_HINT: usize = 320;

/// The provider and what is agreed with it.
pub struct RelyingParty {
    issuer: String,
    purpose: &'static str,
    flow: Flow,
    client: Client,
    provider: Fetched<Provider>,
    sealer: Arc<Sealer>,
}

/// What the settings say of a provider.
pub(super) struct Agreed<'a> {
    /// What the seal of the browser's cookie is for.
    pub(super) purpose: &'static str,
    /// What the settings call the issuer and the redirect URI.
    pub(super) keys: [&'static str; 2],
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) client_secret: &'a SecretText,
    pub(super) client_secret_file: &'a PathBuf,
    pub(super) redirect: String,
    pub(super) scopes: &'a [String],
    pub(super) ca: &'a PathBuf,
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

/// Somebody for whom the provider vouches.
pub struct Vouched {
    /// What was to be remembered meanwhile.
    pub onward: String,
    /// The provider.
    pub issuer: String,
    /// Who it is, as the provider keeps people apart.
    pub subject: String,
    /// SHA-256 of the state: whoever stores it sees that a sign-in is completed once.
    pub state_hash: [u8; 32],
    claims: Claims,
    more: Map<String, Value>,
}

/// What travels in the cookie.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    nonce: String,
    verifier: String,
    onward: String,
    until: i64,
}

impl RelyingParty {
    pub(super) fn new(agreed: Agreed<'_>, folder: &DataFolder, sealer: Arc<Sealer>) -> Result<Self, SetupError> {
        let [issuer_key, redirect_key] = agreed.keys;
        let wrong = |key, message| Setting { key, message };
        let issuer = agreed.issuer.to_owned();
        if outbound::address(&issuer).is_none_or(|url| url.query().is_some()) {
            return Err(wrong(issuer_key, "must be an https URL without query"));
        }
        if outbound::address(&agreed.redirect).is_none() {
            return Err(wrong(redirect_key, "must be an https URL"));
        }
        let secret = match setup::file(folder, agreed.client_secret_file) {
            Some(path) => String::from_utf8(read_secret(&path)?.trim_ascii().to_vec()).ok().map(Secret::new),
            None if agreed.client_secret.is_empty() => None,
            None => Some(Secret::new(agreed.client_secret.expose().to_owned())),
        };
        let client = outbound::client(setup::file(folder, agreed.ca).as_deref())?;
        let flow = Flow::new(agreed.client_id, secret, agreed.redirect, agreed.scopes);
        let flow = flow.ok_or_else(|| wrong(redirect_key, "must be a URL"))?;
        let provider = {
            let (issuer, client) = (issuer.clone(), client.clone());
            Fetched::new(Box::new(move || {
                let (issuer, client) = (issuer.clone(), client.clone());
                async move { Provider::discover(&client, &issuer).await }.boxed()
            }))
        };
        Ok(Self { issuer, purpose: agreed.purpose, flow, client, provider, sealer })
    }

    /// At the provider where operators sign in; `None` where the settings have none.
    pub fn for_operators(
        settings: &PeopleOpenId,
        address: &str,
        folder: &DataFolder,
        key: &DataKey,
    ) -> Result<Option<Self>, SetupError> {
        if !settings.is_configured() {
            return Ok(None);
        }
        let agreed = Agreed {
            purpose: "operator sign-in",
            keys: ["people_openid.issuer", "people_openid.redirect_uri"],
            issuer: &settings.issuer,
            client_id: &settings.client_id,
            client_secret: &settings.client_secret,
            client_secret_file: &settings.client_secret_file,
            redirect: match settings.redirect_uri.as_str() {
                "" => format!("{}/sign-in/openid/callback", address.trim_end_matches('/')),
                written => written.to_owned(),
            },
            scopes: &settings.scopes,
            ca: &settings.ca,
        };
        Self::new(agreed, folder, Arc::new(Sealer::new(key)?)).map(Some)
    }

    /// A browser comes to sign in: where to send it, and what it has to keep. `onward` comes back when it is done.
    pub async fn begin(
        &self,
        onward: String,
        login_hint: Option<&str>,
        chance: &Chance,
        now: Timestamp,
    ) -> Result<Begun, Denied> {
        let provider = self.provider.get(|_| true, now).await?;
        let kept = Kept {
            state: BASE64.encode(chance.state),
            nonce: BASE64.encode(chance.nonce),
            verifier: BASE64.encode(chance.verifier),
            onward,
            until: now.plus_millis(SIGN_IN_TIME).0,
        };
        let hint = login_hint.map(str::trim).filter(|hint| !hint.is_empty() && hint.len() <= LONGEST_HINT);
        let location = self.flow.address(&provider, &kept.state, &kept.nonce, &kept.verifier, hint);
        let plain = Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| Denied::Sealing)?);
        let kept = self.sealer.seal(self.purpose, &plain).map_err(|_| Denied::Sealing)?;
        Ok(Begun { location, kept, seconds: SIGN_IN_TIME / 1000 })
    }

    /// A browser comes back from the provider, with what it was to keep: who that is. `wanted` are the claims that
    /// matter, `welcome` those that are only good to know; what the ID token does not say of them is asked for.
    pub async fn finish(
        &self,
        callback: &Callback,
        kept: Option<&str>,
        wanted: &[&str],
        welcome: &[&str],
        now: Timestamp,
    ) -> Result<Vouched, Denied> {
        let kept = self.kept(kept, callback.state.as_deref(), now)?;
        // Mixed up with another provider (RFC 9207).
        if callback.iss.as_ref().is_some_and(|issuer| *issuer != self.issuer) {
            return Err(Denied::Provider("another issuer".to_owned()));
        }
        let code = match (&callback.code, &callback.error) {
            (Some(code), None) => code.clone(),
            (_, error) => return Err(Denied::Provider(code::plain_word(error.as_deref().unwrap_or("no code")))),
        };
        let provider = self.provider.get(|_| true, now).await?;
        let tokens = self.flow.exchange(&self.client, &provider, code, kept.verifier).await?;
        let claims = self.verify(tokens.id_token.expose(), &kept.nonce, now).await?;
        let subject = claims.text("sub").ok_or(TokenRefused::Claim("sub"))?.to_owned();
        let lacks = |claim: &&str| claims.value(claim).is_none();
        let needs = wanted.iter().any(lacks);
        let more = match &provider.user_info {
            Some(url) if needs || welcome.iter().any(lacks) => {
                match self.user_information(url, tokens.access_token.expose(), &subject).await {
                    Ok(more) => more,
                    Err(denied) if needs => return Err(denied),
                    // Nobody is turned away for the lack of what is only good to know.
                    Err(denied) => {
                        tracing::warn!(reason = denied.word(), "the provider gave no information on a user");
                        Map::new()
                    }
                }
            }
            _ => Map::new(),
        };
        let state_hash = hash(&kept.state);
        Ok(Vouched { onward: kept.onward, issuer: self.issuer.clone(), subject, state_hash, claims, more })
    }

    /// What the provider says of a user beside the ID token.
    async fn user_information(&self, url: &Url, token: &str, subject: &str) -> Result<Map<String, Value>, Denied> {
        let expected = "information on a user";
        let more: Map<String, Value> = outbound::get_json(&self.client, url, Some(token), expected).await?;
        // Somebody else's must not be taken for theirs (Core 1.0, 5.3.2).
        if more.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(TokenRefused::Claim("sub").into());
        }
        Ok(more)
    }

    /// The provider.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the browser kept, if it belongs to the state that the provider gave back.
    fn kept(&self, kept: Option<&str>, state: Option<&str>, now: Timestamp) -> Result<Kept, Denied> {
        let plain = kept.and_then(|kept| self.sealer.open(self.purpose, kept)).ok_or(Denied::Browser)?;
        let kept: Kept = serde_json::from_slice(&plain).map_err(|_| Denied::Browser)?;
        let (ours, theirs) = (kept.state.as_bytes(), state.unwrap_or_default().as_bytes());
        if ours.len() != theirs.len() || !openssl::memcmp::eq(ours, theirs) {
            return Err(Denied::Browser);
        }
        if kept.until <= now.0 { Err(Denied::TooLate) } else { Ok(kept) }
    }

    /// The ID token (OpenID Connect Core 1.0, 3.1.3.7).
    async fn verify(&self, id_token: &str, nonce: &str, now: Timestamp) -> Result<Claims, Denied> {
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
            return Err(TokenRefused::Claim("nonce").into());
        }
        let for_several = claims.value("aud").and_then(Value::as_array).is_some_and(|aud| aud.len() > 1);
        let party = claims.text("azp");
        if party.is_some_and(|party| party != self.flow.client_id()) || for_several && party.is_none() {
            return Err(TokenRefused::Claim("azp").into());
        }
        Ok(claims)
    }
}

impl Vouched {
    /// What the provider says of them under this name: in the ID token or, where that is silent, the user information.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.value(name).or_else(|| self.more.get(name))
    }

    /// Their name: a claim that can be shown, and an address only where it was verified.
    pub fn name(&self, claim: &str) -> Result<String, Denied> {
        super::user::name(claim, &|name| self.claim(name))
    }
}

impl std::fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelyingParty").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback(…)")
    }
}
