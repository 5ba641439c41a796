//! Sign-in at somebody else's: an OpenID Connect provider, Entra ID, a certificate from a provisioning package.
//!
//! Each is offered only when it is configured. What a device shows in its SOAP messages is verified here, each time it
//! is shown; what a person's browser does before that goes through here as well, and the door only makes pages of it.
//! Until somebody has signed in nothing is stored: what has to be remembered travels sealed in the browser.

mod certificate;
mod denied;
mod entra;
mod fetched;
mod hearing;
mod openid;
mod outbound;
mod setup;
mod terms;

use std::sync::Arc;

use transom_protocol::{
    enrollment::AuthPolicy,
    session::{DeviceId, Timestamp},
    soap::SignedEnvelope,
};

pub use certificate::{CertificateDenied, CertificateUser};
pub use denied::Denied;
pub(in crate::enrollment) use denied::REMEDIES;
pub use entra::{EntraDevice, EntraUser};
pub use openid::{AppRedirect, Begun, Callback, Chance, Finished, RelyingParty, Vouched};
pub use outbound::FetchError;
pub use setup::SetupError;
pub use terms::{BrokerRedirect, Terms, TermsAnswer};

use self::{certificate::Certificates, entra::Entra, openid::OpenId};
use crate::{
    model::{Heard, SignInId},
    store::{self, Spending, Tx},
};

/// The ways to sign in elsewhere; none by default. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct SignIns(Arc<Inner>);

#[derive(Default)]
struct Inner {
    openid: Option<OpenId>,
    entra: Option<Entra>,
    certificates: Option<Arc<Certificates>>,
}

/// Somebody who signed in at the OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedUser {
    /// The sign-in, which one device may enroll with.
    pub sign_in: SignInId,
    /// Who it is, as people call them.
    pub name: String,
    /// Who it is, as the provider keeps people apart.
    pub subject: String,
    /// The provider.
    pub issuer: String,
    /// When they signed in.
    pub signed_in_at: Timestamp,
    /// What the provider said of them then.
    pub said: Heard,
}

impl SignIns {
    /// What devices may be told, the better one first. Passwords always work; a certificate only comes from a package
    /// that asks for nothing else. `from_entra`: the device came by the discovery URL that a tenant names, so it brings a
    /// token along and needs no page of ours (MS-MDE2 3.5).
    pub fn offered(&self, from_entra: bool) -> Vec<AuthPolicy> {
        let offered = [
            (self.0.openid.is_some() || from_entra && self.0.entra.is_some(), AuthPolicy::Federated),
            (true, AuthPolicy::OnPremise),
            (self.0.certificates.is_some(), AuthPolicy::Certificate),
        ];
        offered.into_iter().filter(|(is_offered, _)| *is_offered).map(|(_, policy)| policy).collect()
    }

    /// Who stands behind a handle of ours, which a device shows as its token (MS-MDE2 3.2). Shown in two messages, so
    /// it is not spent here.
    pub async fn federated(&self, handle: &str, now: Timestamp) -> Result<FederatedUser, Denied> {
        self.0.openid.as_ref().ok_or(Denied::NotOffered)?.holder(handle, now).await
    }

    /// Within the transaction that issues: spends a sign-in for a device. The same device may spend it again, because
    /// the first reply may have been lost.
    pub fn spend(tx: &mut Tx<'_>, user: &FederatedUser, device: &DeviceId, now: Timestamp) -> Result<(), Denied> {
        match tx.spend_sign_in(&user.sign_in, device, now)? {
            Spending::Now | Spending::Again => Ok(()),
            Spending::Spent => Err(Denied::Spent),
            Spending::Gone => Err(Denied::UnknownHandle),
        }
    }

    /// Who stands in a token of Entra ID.
    pub async fn entra(&self, token: &str, now: Timestamp) -> Result<EntraUser, Denied> {
        self.0.entra.as_ref().ok_or(Denied::NotOffered)?.verify(token, now).await
    }

    /// Which device stands in a token of Entra ID.
    pub async fn entra_device(&self, token: &str, now: Timestamp) -> Result<EntraDevice, Denied> {
        self.0.entra.as_ref().ok_or(Denied::NotOffered)?.verify_device(token, now).await
    }

    /// Whether tokens of Entra ID are looked at.
    pub fn takes_entra(&self) -> bool {
        self.0.entra.is_some()
    }

    /// Before issuing to a user of Entra ID: the terms of use were accepted. Nothing that the device says of itself can be
    /// held against the device of the token: that is another id, and only Entra ID knows both. `accepted` is what the device brings back of our answer to that (`EnrollmentData`).
    pub fn admit_entra(&self, user: &EntraUser, accepted: Option<&str>, now: Timestamp) -> Result<(), Denied> {
        self.0.entra.as_ref().ok_or(Denied::NotOffered)?.admit(user, accepted, now)
    }

    /// Who signed an envelope with a certificate of a provisioning package.
    pub async fn certificate(&self, envelope: &SignedEnvelope, now: Timestamp) -> Result<CertificateUser, Denied> {
        let certificates = self.0.certificates.clone().ok_or(Denied::NotOffered)?;
        let envelope = envelope.clone();
        let verified = tokio::task::spawn_blocking(move || certificates.verify(&envelope, now)).await;
        verified.map_err(|_| Denied::Store(store::Error::Panicked))?
    }

    /// A browser comes to sign in (MS-MDE2 3.2): where to send it, and what it has to keep.
    pub async fn begin(
        &self,
        app: AppRedirect,
        login_hint: Option<&str>,
        chance: &Chance,
        now: Timestamp,
    ) -> Result<Begun, Denied> {
        self.0.openid.as_ref().ok_or(Denied::NotOffered)?.begin(app, login_hint, chance, now).await
    }

    /// A browser comes back from the provider, with what it was to keep. `handle` is random.
    pub async fn finish(
        &self,
        callback: &Callback,
        kept: Option<&str>,
        handle: [u8; 32],
        now: Timestamp,
    ) -> Result<Finished, Denied> {
        self.0.openid.as_ref().ok_or(Denied::NotOffered)?.finish(callback, kept, handle, now).await
    }

    /// A device that is to join Entra ID asks for the terms of use.
    pub async fn terms(&self, bearer: Option<&str>, back: BrokerRedirect, now: Timestamp) -> Result<Terms, Denied> {
        self.0.entra.as_ref().ok_or(Denied::NotOffered)?.terms(bearer, back, now).await
    }

    /// The answer to the terms of use: where to send the browser with it.
    pub fn terms_answered(&self, ticket: &str, accepted: bool, now: Timestamp) -> Result<TermsAnswer, Denied> {
        self.0.entra.as_ref().ok_or(Denied::NotOffered)?.terms_answered(ticket, accepted, now)
    }
}

impl std::fmt::Debug for SignIns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (openid, entra) = (self.0.openid.is_some(), self.0.entra.is_some());
        f.debug_struct("SignIns").field("openid", &openid).field("entra", &entra).finish_non_exhaustive()
    }
}
