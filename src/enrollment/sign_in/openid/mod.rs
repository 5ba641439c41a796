//! Sign-in with an OpenID Connect provider: the authorization code flow with PKCE, state and nonce (OpenID Connect Core
//! 1.0, 3.1; RFC 6749, 4.1; RFC 7636), around which MS-MDE2 3.2 wraps its own.
//!
//! What has to be remembered between the two visits of a browser travels sealed in a cookie: no row is written for a
//! stranger, and any instance can go on where another began. That a sign-in is completed once is the store's to see.

mod app;
mod code;
mod party;
mod provider;
mod user;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest as _, Sha256};
use transom_protocol::session::Timestamp;

pub use app::AppRedirect;
pub use party::{Begun, Callback, Chance, RelyingParty, Vouched};

use self::{party::Agreed, user::UserRules};
use super::{Denied, FederatedUser, SetupError, hearing::Hearing};
use crate::{
    config::{DataFolder, Host, Settings},
    model::{NewSignIn, Secret, SignIn},
    pki::Sealer,
    store::{Store, Tx},
};

/// How long a device may take from then on, in milliseconds: two messages, and what its user reads in between.
const HANDLE_TIME: i64 = 30 * 60_000;

/// The provider, who may enroll, and what is kept of it.
pub(super) struct OpenId {
    party: RelyingParty,
    users: UserRules,
    hearing: Hearing,
    store: Store,
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

impl OpenId {
    pub(super) fn new(
        settings: &Settings,
        folder: &DataFolder,
        sealer: Arc<Sealer>,
        store: Store,
    ) -> Result<Self, SetupError> {
        let openid = &settings.openid;
        let agreed = Agreed {
            purpose: "openid sign-in",
            keys: ["openid.issuer", "openid.redirect_uri"],
            issuer: &openid.issuer,
            client_id: &openid.client_id,
            client_secret: &openid.client_secret,
            client_secret_file: &openid.client_secret_file,
            redirect: match openid.redirect_uri.as_str() {
                "" => default_redirect(&settings.host, settings.device_door.addr.port()),
                written => written.to_owned(),
            },
            scopes: &openid.scopes,
            ca: &openid.ca,
        };
        let hearing = Hearing::new(&openid.groups_claim, openid.attribute_claims());
        Ok(Self { party: RelyingParty::new(agreed, folder, sealer)?, users: UserRules::new(openid), hearing, store })
    }

    pub(super) async fn begin(
        &self,
        app: AppRedirect,
        login_hint: Option<&str>,
        chance: &Chance,
        now: Timestamp,
    ) -> Result<Begun, Denied> {
        self.party.begin(app.into(), login_hint, chance, now).await
    }

    pub(super) async fn finish(
        &self,
        callback: &Callback,
        kept: Option<&str>,
        handle: [u8; 32],
        now: Timestamp,
    ) -> Result<Finished, Denied> {
        let who = self.party.finish(callback, kept, &self.users.wanted(), &self.hearing.welcome(), now).await?;
        let app: AppRedirect = who.onward.parse().map_err(|()| Denied::Browser)?;
        let user = self.users.judge(&|claim| who.claim(claim))?;
        let said = self.hearing.heard(&|claim| who.claim(claim));
        let handle = Secret::new(BASE64.encode(handle));
        let new = NewSignIn {
            state_hash: who.state_hash,
            handle_hash: hash(handle.expose()),
            issuer: who.issuer,
            subject: who.subject,
            user_name: user.clone(),
            expires_at: now.plus_millis(HANDLE_TIME),
            said,
        };
        match self.store.write(move |tx: &mut Tx<'_>| tx.keep_sign_in(&new, now)).await? {
            Some(_) => Ok(Finished { app, handle, user }),
            None => Err(Denied::Repeated),
        }
    }

    /// Who stands behind a handle.
    pub(super) async fn holder(&self, handle: &str, now: Timestamp) -> Result<FederatedUser, Denied> {
        let hash = hash(handle);
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.sign_in(&hash, now)).await?;
        let SignIn { id, user_name, subject, issuer, created_at, said, .. } = found.ok_or(Denied::UnknownHandle)?;
        // From before another provider was configured.
        if issuer != self.party.issuer() {
            return Err(Denied::UnknownHandle);
        }
        Ok(FederatedUser { sign_in: id, name: user_name, subject, issuer, signed_in_at: created_at, said })
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
