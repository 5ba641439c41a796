//! Tokens of Entra ID that come with a message: of the user whose session it is (`AADUserToken`, `Authorization: Bearer`),
//! and of the device (`DeviceToken`). They are verified before the transaction of the message begins, by whoever the
//! installation trusts for that, in bounded time.
//!
//! A token says who the user is. What device speaks it says only where the settings want that, and only for a device
//! that has shown the same token's device before, while it proved itself otherwise.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use transom_protocol::session::{
    DirectoryUser, Introduction, Principal, SessionUser, Timestamp, claimed_user, user_token,
};
use transom_protocol::syncml::Message;

use super::effects::{TOLD_EVERY, of_exchange};
use super::exchange::{Frame, Heard};
use super::identity::policy;
use crate::model::{Event, EventKind, ExchangeId, ProofPolicy, Secret, entra_device};
use crate::store::{Contact, Error, Tx};

/// How long a token may take to be verified: keys may have to be fetched.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a device says in headers, as it came; nobody has looked into it.
#[derive(Debug, Clone, Default)]
pub struct TokenHeaders {
    /// `Authorization: Bearer`, where there is exactly one.
    pub bearer: Option<Secret<String>>,
    /// `DeviceToken`, likewise.
    pub device: Option<Secret<String>>,
}

/// A user whom somebody trusted vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUser {
    /// As people call them (UPN).
    pub name: String,
    /// The tenant.
    pub tenant: String,
    /// As the tenant keeps people apart.
    pub object_id: String,
}

/// A device whom somebody trusted vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDevice {
    /// The tenant.
    pub tenant: String,
    /// The device, as the tenant keeps them apart.
    pub id: String,
}

/// Why a token is not believed. Nothing of it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDenied {
    /// In a word.
    pub word: &'static str,
    /// In a sentence.
    pub detail: String,
}

/// Verifies one kind of token.
type Verify<T> = dyn Fn(String, Timestamp) -> BoxFuture<'static, Result<T, TokenDenied>> + Send + Sync;

/// Who can tell whether tokens are what they say.
#[derive(Clone)]
pub struct TokenVerifier {
    /// Of users.
    pub user: Arc<Verify<TokenUser>>,
    /// Of devices.
    pub device: Arc<Verify<TokenDevice>>,
}

/// How a token was judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Shown<T> {
    /// None came, or nobody looks at it.
    #[default]
    Absent,
    /// Nobody can tell.
    Unchecked,
    Good(T),
    Denied(TokenDenied),
}

/// The tokens of a message.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    alert: Shown<TokenUser>,
    bearer: Shown<TokenUser>,
    device: Shown<TokenDevice>,
    /// The name in the alert, by its own word.
    claimed: Option<Principal>,
}

/// What the token of a device says of the one that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OfDevice {
    Nothing,
    /// It is the one that this enrollment has shown before.
    Known,
    /// It is good, and the first of this enrollment.
    First(String),
    /// It was made for another device.
    Other,
    Denied(TokenDenied),
}

impl Tokens {
    /// Whose session it is. A token that is wrong attaches nobody, and neither do two that contradict each other.
    pub(super) fn user(&self) -> Option<SessionUser> {
        let good = |user: &TokenUser| {
            let name = Principal::parse(&user.name)?;
            let directory = DirectoryUser { tenant: user.tenant.clone(), object_id: user.object_id.clone() };
            Some(SessionUser { name, verified: true, directory: Some(directory) })
        };
        match (&self.alert, &self.bearer) {
            _ if self.contradict() => None,
            (Shown::Good(user), _) | (Shown::Absent, Shown::Good(user)) => good(user),
            (Shown::Unchecked, _) => {
                let name = self.claimed.clone()?;
                Some(SessionUser { name, verified: false, directory: None })
            }
            (Shown::Denied(_) | Shown::Absent, _) => None,
        }
    }

    fn contradict(&self) -> bool {
        match (&self.alert, &self.bearer) {
            (Shown::Good(one), Shown::Good(other)) => {
                (&one.tenant, &one.object_id) != (&other.tenant, &other.object_id)
            }
            _ => false,
        }
    }

    /// What the device's token says, held against what is known of the enrollment.
    pub(super) fn of_device(&self, contact: &Contact) -> OfDevice {
        match (&self.device, contact.entra_device.as_deref()) {
            (Shown::Absent | Shown::Unchecked, _) => OfDevice::Nothing,
            (Shown::Denied(denied), _) => OfDevice::Denied(denied.clone()),
            (Shown::Good(device), Some(known)) if known == device.key() => OfDevice::Known,
            (Shown::Good(_), Some(_)) => OfDevice::Other,
            (Shown::Good(device), None) => OfDevice::First(device.key()),
        }
    }

    /// The tokens that speak of users, for the journal.
    pub(super) fn of_users(&self) -> [(&'static str, &Shown<TokenUser>); 2] {
        [("the token of the user (AADUserToken)", &self.alert), ("the token of the user (Authorization)", &self.bearer)]
    }
}

impl TokenDevice {
    /// One text for both.
    fn key(&self) -> String {
        entra_device(&self.tenant, &self.id)
    }
}

/// Has the tokens of a message verified. Only a message that begins a session says whose it is; the token of the device
/// counts for each message, where it counts at all.
pub(super) async fn judge(
    message: &Message,
    shown: &TokenHeaders,
    (verifier, device_proves): (Option<&TokenVerifier>, bool),
    now: Timestamp,
) -> Tokens {
    let alert = user_token(message);
    let claimed = alert.and_then(claimed_user);
    let Some(verifier) = verifier else {
        let alert = if alert.is_some() { Shown::Unchecked } else { Shown::Absent };
        return Tokens { alert, claimed, ..Tokens::default() };
    };
    let begins = Introduction::of(message, None).sync_type.is_some();
    let bearer = shown.bearer.as_ref().filter(|_| begins).map(|token| token.expose().as_str());
    let device = shown.device.as_ref().filter(|_| begins || device_proves).map(|token| token.expose().as_str());
    Tokens {
        alert: ask(&verifier.user, alert, now).await,
        bearer: ask(&verifier.user, bearer, now).await,
        device: ask(&verifier.device, device, now).await,
        claimed,
    }
}

async fn ask<T>(verify: &Arc<Verify<T>>, token: Option<&str>, now: Timestamp) -> Shown<T> {
    let Some(token) = token else { return Shown::Absent };
    match tokio::time::timeout(PATIENCE, verify(token.to_owned(), now)).await {
        Ok(Ok(good)) => Shown::Good(good),
        Ok(Err(denied)) => Shown::Denied(denied),
        Err(_) => Shown::Denied(TokenDenied {
            word: "jwt_unchecked",
            detail: "it could not be verified in time: the keys of its issuer did not come".to_owned(),
        }),
    }
}

/// Whether the token of the device is enough by itself: only where the settings say so and nothing else is said for the
/// enrollment.
pub(super) fn proves(heard: &Heard, contact: &Contact, frame: &Frame<'_>) -> bool {
    frame.device_token_proves
        && *policy(contact, frame) == ProofPolicy::Standard
        && heard.tokens.of_device(contact) == OfDevice::Known
}

/// Keeps what an authenticated message showed of its device, and tells of tokens that are wrong: once an hour, so that
/// nobody can fill the tables.
pub(super) fn follow(tx: &mut Tx<'_>, contact: &Contact, heard: &Heard, exchange: &ExchangeId) -> Result<(), Error> {
    let now = heard.received_at;
    let mut wrong: Vec<(&str, String)> = Vec::new();
    for (what, shown) in heard.tokens.of_users() {
        if let Shown::Denied(denied) = shown {
            wrong.push((
                "user_token_refused",
                format!("{what} is not believed, and attaches nobody: {}", denied.detail),
            ));
        }
    }
    if heard.tokens.contradict() {
        let detail = "the tokens of the message are of two users, so that the session is nobody's";
        wrong.push(("user_token_refused", detail.to_owned()));
    }
    match heard.tokens.of_device(contact) {
        OfDevice::Nothing | OfDevice::Known => {}
        OfDevice::First(device) => tx.bind_entra_device(&contact.enrollment, &device)?,
        OfDevice::Other => {
            let detail =
                "the token of the device (DeviceToken) is of another device than this enrollment has shown before";
            wrong.push(("device_token_refused", detail.to_owned()));
        }
        OfDevice::Denied(denied) => {
            let detail = format!("the token of the device (DeviceToken) is not believed: {}", denied.detail);
            wrong.push(("device_token_refused", detail));
        }
    }
    for (code, detail) in wrong {
        if !tx.was_told(&contact.device_id, code, now.plus_millis(-TOLD_EVERY))? {
            let event = of_exchange(contact, exchange, Event::new(EventKind::Security, code, now));
            tx.add_events(&[Event { detail: Some(detail), ..event }])?;
        }
    }
    Ok(())
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenVerifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(object_id: &str) -> Shown<TokenUser> {
        let name = format!("{object_id}@contoso.test");
        Shown::Good(TokenUser { name, tenant: "t".to_owned(), object_id: object_id.to_owned() })
    }

    fn denied() -> Shown<TokenUser> {
        Shown::Denied(TokenDenied { word: "jwt_signature", detail: "wrong".to_owned() })
    }

    #[test]
    fn only_what_was_verified_attaches_a_user() {
        let name = |alert: &Shown<TokenUser>, bearer: &Shown<TokenUser>| {
            let claimed = Principal::parse("claimed@contoso.test");
            let tokens = Tokens { alert: alert.clone(), bearer: bearer.clone(), claimed, ..Tokens::default() };
            tokens.user().map(|user| (user.name.to_string(), user.verified))
        };
        let (ada, bob) = (user("ada"), user("bob"));
        let ada_verified = Some(("ada@contoso.test".to_owned(), true));
        assert_eq!(name(&ada, &Shown::Absent), ada_verified);
        assert_eq!(name(&Shown::Absent, &ada), ada_verified);
        assert_eq!(name(&ada, &ada), ada_verified);
        assert_eq!(name(&ada, &denied()), ada_verified, "the other one is told and proves nothing");
        assert_eq!(name(&ada, &bob), None, "two users are none");
        assert_eq!(name(&denied(), &Shown::Absent), None);
        assert_eq!(name(&denied(), &ada), None, "who shows a wrong token is not somebody by another");
        assert_eq!(name(&Shown::Absent, &denied()), None);
        assert_eq!(name(&Shown::Unchecked, &Shown::Absent), Some(("claimed@contoso.test".to_owned(), false)));
    }
}
