//! The gate: judges what a device shows, and bears no guessing.
//!
//! Hashes of passwords are computed by a bounded number of threads at once. Whoever waits for one has its locks looked
//! at again when its turn comes, and a failure is written down before the next has its turn: a flood of guesses gets no
//! more of them in than there are threads.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use transom_protocol::session::Timestamp;
use transom_protocol::soap::{Credential, FaultKind};

use super::lockout::{with_accounts, with_addresses};
use super::password::{is_password, token_hash};
use super::verified::Verified;
use super::{Applicant, Denied, Means, Visit};
use crate::config::EnrollmentLimits;
use crate::enrollment::sign_in::{self, SignIns};
use crate::model::{
    EnrollmentAttempt, EnrollmentStep, EnrollmentTokenState, EnrollmentUser, FailureSubject, Failures, Patience,
    Secret, UserName,
};
use crate::store::{Error, Store, Tx};

/// Requests that say nothing of whom they are make one line for so long, in milliseconds.
const TOGETHER: i64 = 60_000;

/// How often the database is asked while it is busy.
const TRIES: usize = 3;

/// Requests that may wait for a hash.
const MOST_WAITING: usize = 512;

/// Judges who may enroll. Cheap to clone; one for each instance.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    store: Store,
    limits: EnrollmentLimits,
    sign_ins: SignIns,
    verified: Verified,
    hashing: Semaphore,
    waiting: AtomicUsize,
}

/// What is known of a name.
struct Known {
    account: Option<(EnrollmentUser, Secret<String>)>,
    has_failed: bool,
}

impl Gate {
    /// On a store; nobody signs in elsewhere.
    pub fn new(store: Store, limits: EnrollmentLimits) -> Self {
        Self::with_sign_ins(store, limits, SignIns::default())
    }

    /// The same, with ways to sign in elsewhere.
    pub fn with_sign_ins(store: Store, limits: EnrollmentLimits, sign_ins: SignIns) -> Self {
        let mut key = [0; 32];
        rand::fill(&mut key);
        let at_once = std::thread::available_parallelism().map_or(1, |threads| threads.get().div_ceil(2)).min(4);
        Self(Arc::new(Inner {
            store,
            limits,
            sign_ins,
            verified: Verified::new(key),
            hashing: Semaphore::new(at_once),
            waiting: AtomicUsize::new(0),
        }))
    }

    /// The ways to sign in elsewhere.
    pub fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    /// The limits that it was made with, for [`admit`](super::admit).
    pub fn limits(&self) -> &EnrollmentLimits {
        &self.0.limits
    }

    /// Judges what a request shows. What is refused is counted against who tries, and written down.
    pub async fn check(&self, credential: &Credential, visit: &Visit, now: Timestamp) -> Result<Applicant, Denied> {
        let denied = match credential {
            Credential::Password { name, password } => {
                let password = Secret::new(password.expose().to_owned());
                return self.check_password(name, &password, visit, now).await;
            }
            Credential::None => Denied::NoCredential,
            Credential::Jwt(_) | Credential::UserToken(_) | Credential::Certificate(_) => {
                match self.check_sign_in(credential, visit, now).await {
                    Ok(applicant) => return Ok(applicant),
                    Err(Denied::SignIn(sign_in::Denied::NotOffered)) => Denied::NotOffered(credential.as_str()),
                    Err(denied) => denied,
                }
            }
        };
        Err(self.failed(visit, None, denied, now).await)
    }

    /// Judges what somebody who signed in elsewhere shows: a handle of ours, a token of Entra ID, a signed envelope.
    async fn check_sign_in(&self, credential: &Credential, visit: &Visit, now: Timestamp) -> Result<Applicant, Denied> {
        self.is_open_to(visit.peer, now).await?;
        let sign_ins = &self.0.sign_ins;
        let named = |name: &str| UserName::parse(name).ok_or(Denied::NoUserName);
        match credential {
            Credential::UserToken(handle) => {
                let user = sign_ins.federated(handle.expose(), now).await?;
                Ok(Applicant { user: named(&user.name)?, means: Means::Federated(user) })
            }
            Credential::Jwt(token) => {
                let user = sign_ins.entra(token.expose(), now).await?;
                if visit.step == EnrollmentStep::Issue {
                    visit.device.device_id.as_ref().ok_or(Denied::NoDeviceId)?;
                    sign_ins.admit_entra(&user, visit.device.enrollment_data.as_deref(), now)?;
                }
                Ok(Applicant { user: named(&user.name)?, means: Means::Entra(user) })
            }
            Credential::Certificate(envelope) => {
                let user = sign_ins.certificate(envelope, now).await?;
                Ok(Applicant { user: named(&user.name)?, means: Means::Certificate(user) })
            }
            Credential::None | Credential::Password { .. } => Err(Denied::NotOffered(credential.as_str())),
        }
    }

    /// Judges a name with a password, or with a token in place of one (MS-MDE2 3.3, `OnPremise`).
    async fn check_password(
        &self,
        name: &str,
        password: &Secret<String>,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Applicant, Denied> {
        let checked = match (UserName::parse(name), token_hash(password.expose())) {
            (None, _) => Err(Denied::NoUserName),
            (Some(user), Some(hash)) => self.check_token(user, hash, visit, now).await,
            // Answers for its own failures: they must be written down before others have their turn.
            (Some(user), None) => return self.check_account(user, password, visit, now).await,
        };
        match checked {
            Ok(applicant) => Ok(applicant),
            Err(denied) => Err(self.failed(visit, Some(name), denied, now).await),
        }
    }

    /// Whether anything may be tried from this address now.
    pub async fn is_open_to(&self, peer: IpAddr, now: Timestamp) -> Result<(), Denied> {
        self.0.store.read(move |tx: &mut Tx<'_>| is_open(tx, peer, now)).await
    }

    /// Writes down what was refused at a sign-in, and counts it against who tries where it was a failure. Gives what
    /// is to be told: a verdict that could not be counted is not told.
    pub async fn failed(&self, visit: &Visit, claimed: Option<&str>, denied: Denied, now: Timestamp) -> Denied {
        if matches!(denied, Denied::Store(_) | Denied::Busy) {
            return denied;
        }
        let attempt = visit.refused(claimed, &denied, now);
        let user = claimed.and_then(UserName::parse);
        let (gate, peer, of) = (self.clone(), visit.peer, denied.clone());
        let noted = self.0.store.write(move |tx: &mut Tx<'_>| gate.note(tx, &of, user, peer, attempt, now)).await;
        match noted {
            Ok(()) => denied,
            Err(error) => Denied::Store(error),
        }
    }

    /// Writes down what [`admit`](super::admit) refused, once its transaction is undone.
    pub async fn refused(&self, visit: &Visit, user: &UserName, denied: &Denied, now: Timestamp) {
        // What the database did not do it would not write down either.
        if !matches!(denied, Denied::Store(_)) {
            self.write_down(visit.refused(Some(user.as_str()), denied, now)).await;
        }
    }

    /// Writes down what was refused for a reason that is not of this module: a word for it, and a sentence.
    pub async fn refused_for(
        &self,
        visit: &Visit,
        user: Option<&str>,
        (fault, reason, detail): (FaultKind, &str, &str),
        now: Timestamp,
    ) {
        self.write_down(visit.refused_for(user, fault, reason, detail, now)).await;
    }

    async fn write_down(&self, attempt: EnrollmentAttempt) {
        if let Err(error) = self.0.store.write(move |tx: &mut Tx<'_>| tx.record_attempt(&attempt)).await {
            tracing::warn!(%error, "a refused enrollment could not be written down");
        }
    }

    async fn check_token(
        &self,
        user: UserName,
        hash: [u8; 32],
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Applicant, Denied> {
        let peer = visit.peer;
        let judged = move |tx: &mut Tx<'_>| {
            is_open(tx, peer, now)?;
            let token = tx.enrollment_token_with(&hash)?.ok_or(Denied::UnknownToken)?;
            if token.user != user {
                return Err(Denied::TokenOfAnother);
            }
            match token.state(now) {
                EnrollmentTokenState::Live => {}
                EnrollmentTokenState::Expired => return Err(Denied::TokenExpired),
                EnrollmentTokenState::Revoked => return Err(Denied::TokenRevoked),
                // The device may come again because it never got the reply. `admit` sees whether it is that one.
                EnrollmentTokenState::Spent if tx.has_unused_admission(&token.id)? => {}
                EnrollmentTokenState::Spent => return Err(Denied::TokenSpent),
            }
            if tx.enrollment_user(&user)?.is_some_and(|account| account.disabled_at.is_some()) {
                return Err(Denied::AccountDisabled);
            }
            Ok(Applicant { user: user.clone(), means: Means::Token(token.id) })
        };
        self.read(judged).await
    }

    async fn check_account(
        &self,
        user: UserName,
        password: &Secret<String>,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Applicant, Denied> {
        let turn;
        let checked = match self.look(&user, visit.peer, now).await {
            Err(denied) => Err(denied),
            Ok(known) if self.knows(&known, password, now) => Ok(known),
            Ok(_) => {
                // Held until a failure is written down.
                turn = self.turn().await?;
                let hashed = self.hashed(&user, password, visit.peer, now).await;
                if let Err(denied) = hashed {
                    let denied = self.failed(visit, Some(user.as_str()), denied, now).await;
                    drop(turn);
                    return Err(denied);
                }
                hashed
            }
        };
        match checked.and_then(|known| applicant(user.clone(), known)) {
            Ok((applicant, false)) => Ok(applicant),
            Ok((applicant, true)) => {
                let subject = FailureSubject::Account(user);
                self.0.store.write(move |tx: &mut Tx<'_>| tx.forgive(&subject)).await?;
                Ok(applicant)
            }
            Err(denied) => Err(self.failed(visit, Some(user.as_str()), denied, now).await),
        }
    }

    /// What is known of a name, unless it or the address is locked.
    async fn look(&self, user: &UserName, peer: IpAddr, now: Timestamp) -> Result<Known, Denied> {
        let user = user.clone();
        let look = move |tx: &mut Tx<'_>| {
            is_open(tx, peer, now)?;
            let failures = tx.failures(&FailureSubject::Account(user.clone()))?;
            if let Some(until) = locked_until(failures.as_ref(), now) {
                return Err(Denied::AccountLocked { until });
            }
            let account = match tx.enrollment_user(&user)? {
                Some(account) => tx.enrollment_password(&account.id)?.map(|hash| (account, hash)),
                None => None,
            };
            Ok(Known { account, has_failed: failures.is_some() })
        };
        self.read(look).await
    }

    /// Looks into the database, and waits a little longer for it than others do: of a device that is told to come back
    /// only a person knows, who has to begin anew.
    async fn read<T, F>(&self, job: F) -> Result<T, Denied>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, Denied> + Clone + Send + 'static,
        T: Send + 'static,
    {
        for _ in 1..TRIES {
            match self.0.store.read(job.clone()).await {
                Err(Denied::Store(Error::Busy)) => {}
                done => return done,
            }
        }
        self.0.store.read(job).await
    }

    /// Whether this password was right a moment ago.
    fn knows(&self, known: &Known, password: &Secret<String>, now: Timestamp) -> bool {
        let knows = |(account, hash): &(EnrollmentUser, Secret<String>)| {
            self.0.verified.knows(&account.id, password, hash, now)
        };
        known.account.as_ref().is_some_and(knows)
    }

    /// A turn at hashing.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Denied> {
        let _waits = Waits::among(&self.0.waiting).ok_or(Denied::Busy)?;
        self.0.hashing.acquire().await.map_err(|_| Denied::Busy)
    }

    /// Looks again, now that it is this one's turn, and computes the hash.
    async fn hashed(
        &self,
        user: &UserName,
        password: &Secret<String>,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<Known, Denied> {
        let known = self.look(user, peer, now).await?;
        if self.knows(&known, password, now) {
            return Ok(known);
        }
        let hash = known.account.as_ref().map(|(_, hash)| hash.clone());
        let tried = password.clone();
        let is_right = tokio::task::spawn_blocking(move || is_password(&tried, hash.as_ref())).await;
        match (is_right, &known.account) {
            (Ok(true), Some((account, hash))) => {
                self.0.verified.remember(&account.id, password, hash, now);
                Ok(known)
            }
            (Ok(_), Some(_)) => Err(Denied::WrongPassword),
            (Ok(_), None) => Err(Denied::UnknownUser),
            (Err(_), _) => Err(Denied::Store(Error::Panicked)),
        }
    }

    /// Counts a failure, and writes the attempt down. Those that come while somebody is locked are counted on the
    /// first of them.
    fn note(
        &self,
        tx: &mut Tx<'_>,
        denied: &Denied,
        user: Option<UserName>,
        peer: IpAddr,
        attempt: EnrollmentAttempt,
        now: Timestamp,
    ) -> Result<(), Error> {
        let account = user.map(FailureSubject::Account);
        let address = FailureSubject::of_peer(peer);
        let limits = &self.0.limits;
        match denied {
            Denied::AccountLocked { .. } => {
                if let Some(account) = account {
                    return note_locked(tx, &account, attempt, now);
                }
            }
            Denied::AddressLocked { .. } => return note_locked(tx, &address, attempt, now),
            Denied::WrongPassword | Denied::UnknownUser => {
                if let Some(account) = account {
                    hold_against(tx, &account, with_accounts(limits), now)?;
                }
                hold_against(tx, &address, with_addresses(limits), now)?;
            }
            denied if denied.is_failure() => hold_against(tx, &address, with_addresses(limits), now)?,
            denied if account.is_none() => {
                return note_nobody(tx, &FailureSubject::of_nobody(peer, denied.word()), attempt, now);
            }
            _ => {}
        }
        tx.record_attempt(&attempt)
    }
}

#[cfg(test)]
impl Gate {
    /// On a new SQLite store, which goes with the folder.
    pub(crate) fn on_temporary_store() -> (Self, tempfile::TempDir) {
        use crate::store::{DatabaseUrl, SealKey, StoreOptions};
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
        let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
        (Self::new(store, EnrollmentLimits::default()), folder)
    }
}

/// What a right password is worth, and whether there are failures to forgive.
fn applicant(user: UserName, known: Known) -> Result<(Applicant, bool), Denied> {
    let (account, _) = known.account.ok_or(Denied::UnknownUser)?;
    if account.disabled_at.is_some() {
        return Err(Denied::AccountDisabled);
    }
    Ok((Applicant { user, means: Means::Account(account.id) }, known.has_failed))
}

fn is_open(tx: &mut Tx<'_>, peer: IpAddr, now: Timestamp) -> Result<(), Denied> {
    let failures = tx.failures(&FailureSubject::of_peer(peer))?;
    locked_until(failures.as_ref(), now).map_or(Ok(()), |until| Err(Denied::AddressLocked { until }))
}

fn locked_until(failures: Option<&Failures>, now: Timestamp) -> Option<Timestamp> {
    failures.filter(|failures| failures.is_locked(now)).and_then(|failures| failures.locked_until)
}

fn hold_against(tx: &mut Tx<'_>, subject: &FailureSubject, patience: Patience, now: Timestamp) -> Result<(), Error> {
    let before = tx.failures_for_update(subject)?;
    tx.save_failures(subject, &patience.after_failure(before.as_ref(), now))
}

fn note_locked(
    tx: &mut Tx<'_>,
    subject: &FailureSubject,
    attempt: EnrollmentAttempt,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(failures) = tx.failures_for_update(subject)? else { return tx.record_attempt(&attempt) };
    if let Some(noted) = &failures.noted
        && tx.count_attempt(noted, now)?
    {
        return Ok(());
    }
    tx.record_attempt(&attempt)?;
    tx.save_failures(subject, &Failures { noted: Some(attempt.id), ..failures })
}

/// Writes down what says nothing of whom it is: once in a while, those that follow are counted on it. Anybody can send
/// any number of them.
fn note_nobody(
    tx: &mut Tx<'_>,
    subject: &FailureSubject,
    attempt: EnrollmentAttempt,
    now: Timestamp,
) -> Result<(), Error> {
    let before = tx.failures_for_update(subject)?;
    let lately = before.filter(|before| (0..TOGETHER).contains(&now.millis_since(before.failed_at)));
    if let Some(noted) = lately.and_then(|before| before.noted)
        && tx.count_attempt(&noted, now)?
    {
        return Ok(());
    }
    tx.record_attempt(&attempt)?;
    tx.save_failures(subject, &Failures { count: 1, failed_at: now, locked_until: None, noted: Some(attempt.id) })
}

/// One of those that wait.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    /// Joins them, unless there are too many.
    fn among(waiting: &'a AtomicUsize) -> Option<Self> {
        let waits = Self(waiting);
        (waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING).then_some(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}
