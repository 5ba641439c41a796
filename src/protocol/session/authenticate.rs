//! Who speaks: the decision table of OMA DM Security 5.3 for digest and basic credentials.

use super::{A1, Account, Arrival, AuthMode, AuthScheme, Authentication, Header, Nonce, Session, SessionId};

/// Credentials that may be accepted between a challenge and its answer in another session.
const MAX_RECENT: usize = 16;

/// What a message proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// The transport proved it.
    Transport,
    /// A credential over a nonce that had not been used; with how it was made, and with which credential of those that
    /// were offered, if any.
    Fresh(Authentication, Freshness, Option<usize>),
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

/// How often somebody guessed at the credential of an enrollment lately, from the place that a message comes from. Never
/// from everywhere: whoever knows the id of a device could lock it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Guesses {
    /// Not at all: a credential that is wrong gets a challenge.
    #[default]
    None,
    /// A credential that is wrong gets one challenge in each session.
    Few,
    /// Too often: nothing counts that is made with a nonce which everybody may ask for. What is made with the nonce
    /// that the device was told last still does, because nobody else has it to guess with.
    Many,
}

/// Examines a message. `session` is the session that it claims to continue, if that may still be continued.
pub(super) fn prove(arrival: &Arrival<'_>, header: &Header, session: Option<&Session>) -> Proof {
    let (account, wire, mode) = (&arrival.account, &arrival.message.header, arrival.rules.auth_mode);
    let locked = arrival.guesses == Guesses::Many;
    if arrival.by_transport {
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
        AuthScheme::Basic if locked => Proof::Wrong,
        AuthScheme::Basic => {
            let known = session.is_some_and(|session| session.authentication == Authentication::Basic);
            match credentials(account).find(|(_, a1)| a1.verify_basic(&cred.data)) {
                Some((None, _)) if known => Proof::InSession { cred: true },
                Some((offered, _)) => Proof::Fresh(Authentication::Basic, Freshness::Current, offered),
                None => Proof::Wrong,
            }
        }
        AuthScheme::Md5 => digest(arrival, header, &cred.data, session),
    }
}

fn digest(arrival: &Arrival<'_>, header: &Header, data: &str, session: Option<&Session>) -> Proof {
    let (account, mode) = (&arrival.account, arrival.rules.auth_mode);
    if let (Some(Authentication::Digest(nonce)), AuthMode::PerSession) = (session.map(|s| &s.authentication), mode)
        && account.client.a1.verify(nonce, data)
    {
        return Proof::InSession { cred: true };
    }
    let fresh = |nonce: &Nonce, freshness| {
        let (offered, _) = credentials(account).find(|(_, a1)| a1.verify(nonce, data))?;
        Some(Proof::Fresh(Authentication::Digest(nonce.clone()), freshness, offered))
    };
    if let Some(proof) = fresh(&account.next_nonce, Freshness::Current) {
        return proof;
    }
    // Sessions that began meanwhile do not make a challenge stale; one that was used is, because its session is known.
    // Only for the answer to a session's first challenge: what comes later came too late.
    let begins = header.message.number() <= 2 && !account.recent_sessions.contains(&header.session);
    let meanwhile = if begins { account.recent_sessions.len() as u64 } else { 0 };
    let challenges =
        if arrival.guesses == Guesses::Many { &[][..] } else { &[header.message.previous(), header.message] };
    for accepted in (account.accepted.saturating_sub(meanwhile)..=account.accepted).rev() {
        for message in challenges.iter().copied() {
            let nonce = account.challenge_nonce_at(accepted, &header.device, &header.session, message);
            if let Some(proof) = fresh(&nonce, Freshness::Current) {
                return proof;
            }
        }
    }
    let previous = account.previous_nonce.as_ref();
    previous.and_then(|nonce| fresh(nonce, Freshness::Previous)).unwrap_or(Proof::Wrong)
}

/// What is right: the credential in use, then those that were offered, with their places.
fn credentials(account: &Account) -> impl Iterator<Item = (Option<usize>, &A1)> {
    let offered = account.rotation.offered.iter().enumerate();
    std::iter::once((None, &account.client.a1)).chain(offered.map(|(place, one)| (Some(place), &one.client.a1)))
}

impl Account {
    /// Books a credential that was accepted: its nonce is used up, `next` replaces it.
    pub(super) fn accept(
        &mut self,
        session: &SessionId,
        authentication: &Authentication,
        freshness: Freshness,
        next: Nonce,
    ) {
        self.accepted += 1;
        // One entry for each: what was accepted before the oldest of them is forgotten, and no challenge of then counts.
        self.recent_sessions.insert(0, session.clone());
        self.recent_sessions.truncate(MAX_RECENT);
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
