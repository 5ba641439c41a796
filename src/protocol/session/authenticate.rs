//! Who speaks: the decision table of OMA DM Security 5.3 for digest and basic credentials.

use super::{Account, AuthMode, AuthScheme, Authentication, Header, Nonce, Session};
use crate::syncml::SyncHdr;

/// What a message proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// The transport proved it.
    Transport,
    /// A credential over a nonce that had not been used; with how it was made.
    Fresh(Authentication, Freshness),
    /// The message belongs to a session that was authenticated; `cred` says whether it repeated the credential.
    InSession {
        /// The credential of the session came again.
        cred: bool,
    },
    /// No credential, and none before it counts.
    Missing,
    /// A credential that is not right.
    Wrong,
}

/// Which nonce a fresh credential was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Freshness {
    /// The one that was told last, or one of a challenge.
    Current,
    /// The one before: the reply that replaced it may have been lost.
    Previous,
}

/// Examines a message. `session` is the session that it claims to continue, if that may still be continued.
pub(super) fn prove(
    account: &Account,
    header: &Header,
    wire: &SyncHdr,
    session: Option<&Session>,
    by_transport: bool,
    mode: AuthMode,
) -> Proof {
    if by_transport {
        return Proof::Transport;
    }
    let Some(cred) = &wire.cred else {
        // What the transport proved, it proved of that message only.
        let proved = session.is_some_and(|session| session.authentication != Authentication::Transport);
        let counts = proved && mode == AuthMode::PerSession;
        return if counts { Proof::InSession { cred: false } } else { Proof::Missing };
    };
    let scheme = cred.meta.as_ref().and_then(|meta| meta.mime.as_deref()).unwrap_or(AuthScheme::Md5.as_str());
    let named = wire.source.loc_name.as_deref().is_none_or(|name| name == account.client.name);
    if !named || !scheme.eq_ignore_ascii_case(account.scheme.as_str()) {
        return Proof::Wrong;
    }
    match account.scheme {
        AuthScheme::Basic if account.client.a1.verify_basic(&cred.data) => {
            let known = session.is_some_and(|session| session.authentication == Authentication::Basic);
            if known {
                Proof::InSession { cred: true }
            } else {
                Proof::Fresh(Authentication::Basic, Freshness::Current)
            }
        }
        AuthScheme::Basic => Proof::Wrong,
        AuthScheme::Md5 => digest(account, header, &cred.data, session, mode),
    }
}

fn digest(account: &Account, header: &Header, data: &str, session: Option<&Session>, mode: AuthMode) -> Proof {
    let a1 = &account.client.a1;
    if let (Some(Authentication::Digest(nonce)), AuthMode::PerSession) = (session.map(|s| &s.authentication), mode)
        && a1.verify(nonce, data)
    {
        return Proof::InSession { cred: true };
    }
    let fresh = |nonce: Nonce, freshness| Proof::Fresh(Authentication::Digest(nonce), freshness);
    if a1.verify(&account.next_nonce, data) {
        return fresh(account.next_nonce.clone(), Freshness::Current);
    }
    for message in [header.message.previous(), header.message] {
        let nonce = account.challenge_nonce(&header.device, &header.session, message);
        if a1.verify(&nonce, data) {
            return fresh(nonce, Freshness::Current);
        }
    }
    match &account.previous_nonce {
        Some(nonce) if a1.verify(nonce, data) => fresh(nonce.clone(), Freshness::Previous),
        _ => Proof::Wrong,
    }
}

impl Account {
    /// Books a credential that was accepted: its nonce is used up, `next` replaces it.
    pub(super) fn accept(&mut self, authentication: &Authentication, freshness: Freshness, next: Nonce) {
        self.accepted += 1;
        self.failures = 0;
        self.failed_session = None;
        if let Authentication::Digest(used) = authentication {
            self.previous_nonce = (freshness == Freshness::Current).then(|| used.clone());
            self.next_nonce = next;
        }
    }

    /// Books a wrong credential. Says whether it was the first in this session, so that another try is worth offering.
    pub(super) fn reject(&mut self, header: &Header) -> bool {
        let first = self.failed_session.as_ref() != Some(&header.session);
        self.failures = self.failures.saturating_add(1);
        self.failed_session = Some(header.session.clone());
        first
    }
}
