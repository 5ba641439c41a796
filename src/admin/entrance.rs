//! How people come in and go: sign-in with password and authenticator, sessions, links for the first time.
//!
//! A sign-in that fails tells nothing of why. Failures are counted by name and address together and by address alone,
//! so that nobody can keep a person from signing in elsewhere; wrong codes behind the right password by account.

use std::{net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::{
    Admin, Error,
    authenticator::{Second, second},
    granting::operator_name,
    operators::cast_out,
};
use crate::config::People;
use crate::enrollment::applicant::{hash_password, is_acceptable, is_password};
use crate::enrollment::sign_in::Denied;
use crate::model::{
    Actor, AuditRecord, FailureSubject, NewOperator, Operator, OperatorLink, OperatorSecrets, OperatorSession,
    Patience, Secret, Timestamp, UserName,
};
use crate::store::Tx;

/// Passwords that are hashed at the same time: each takes 19 MiB and a processor.
const HASHING: usize = 2;

/// A session's last sign of life is noted at most this often, in milliseconds.
const SEEN_EVERY: i64 = 60_000;

/// How often one may fail: with one name from one address, and with any name from one address.
const WITH_NAME: Patience = Patience {
    allowed: 5,
    forgive_every: Duration::from_mins(10),
    lockout: Duration::from_secs(30),
    max_lockout: Duration::from_hours(1),
};
const FROM_ADDRESS: Patience = Patience { allowed: 30, ..WITH_NAME };

/// What the entrance needs to know.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    idle: Duration,
    longest: Duration,
    pub(super) link: Duration,
    pub(super) address: String,
    hashing: Arc<Semaphore>,
}

/// What somebody shows who would sign in.
pub struct Shown {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret<String>,
    /// A code of the authenticator, or a recovery code.
    pub code: Option<String>,
}

/// Somebody who is signed in: whose session, and what their browser shows from now on.
#[derive(Debug)]
pub struct Opened {
    /// Who.
    pub operator: Operator,
    /// What the browser shows.
    pub secret: Secret<String>,
    /// For how many seconds it may.
    pub seconds: i64,
}

/// Why nobody came in.
#[derive(Debug, thiserror::Error)]
pub enum NotIn {
    /// Name, password or code is wrong; which, is not told.
    #[error("name, password or code is wrong")]
    Wrong,
    /// Too many failures from there.
    #[error("too many attempts; wait {0} seconds and try again")]
    Locked(i64),
    /// The link is not good, or no longer.
    #[error("this link is not good any more; ask for another")]
    Link,
    /// What was chosen can't be taken.
    #[error("{0}")]
    Choice(String),
    /// Passwords are not taken.
    #[error("passwords are not taken here; use the button")]
    NoPasswords,
    /// The sign-in at the provider came to nothing.
    #[error("{0}")]
    Provider(#[source] Denied),
    /// The provider knows them, and nothing that it says gives them a role.
    #[error("your account at the provider has no role here; ask an administrator")]
    NoRole,
    /// The provider knows them, and nobody made an account.
    #[error("there is no account for you here; ask an administrator for a link")]
    NoAccount,
    /// An account that may not be used.
    #[error("this account is disabled; ask an administrator")]
    Disabled,
    /// Somebody else has the name.
    #[error("somebody else is called '{0}' here; ask an administrator for a link")]
    NameTaken(String),
    /// It could not be done.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<crate::store::Error> for NotIn {
    fn from(error: crate::store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Entrance {
    pub(super) fn new(people: &People) -> Self {
        Self {
            idle: people.idle,
            longest: people.longest,
            link: people.link,
            address: people.address.clone(),
            hashing: Arc::new(Semaphore::new(HASHING)),
        }
    }

    /// Whether this is the password, which takes as long when there is none.
    async fn is_password(&self, password: Secret<String>, hash: Option<Secret<String>>) -> bool {
        let Ok(_place) = self.hashing.acquire().await else { return false };
        tokio::task::spawn_blocking(move || is_password(&password, hash.as_ref())).await.unwrap_or(false)
    }

    /// The hash of a password that was chosen.
    pub(super) async fn hashed(&self, password: Secret<String>) -> Result<Secret<String>, NotIn> {
        is_acceptable(&password).map_err(|why| NotIn::Choice(why.to_string()))?;
        let mut salt = [0; 16];
        rand::fill(&mut salt);
        let Ok(_place) = self.hashing.acquire().await else { return Err(NotIn::Failed(Error::Busy)) };
        let hashed = tokio::task::spawn_blocking(move || hash_password(&password, &salt)).await;
        hashed.ok().and_then(Result::ok).ok_or(NotIn::Failed(Error::Busy))
    }
}

impl Admin {
    /// Signs somebody in.
    pub async fn sign_in(
        &self,
        shown: Shown,
        from: IpAddr,
        trace: Option<String>,
        now: Timestamp,
    ) -> Result<Opened, NotIn> {
        if !self.takes_passwords() {
            return Err(NotIn::NoPasswords);
        }
        let Some(name) = UserName::parse(&shown.name) else { return Err(NotIn::Wrong) };
        let subjects = [FailureSubject::sign_in(name.clone(), from), FailureSubject::sign_in_from(from)];
        let (asked, named) = (subjects.clone(), name.clone());
        let job = move |tx: &mut Tx<'_>| {
            refuse_locked(tx, &asked, now)?;
            Ok::<_, NotIn>(tx.operator_by_name(&named)?)
        };
        let found = self.store.read(job).await?;
        let hash = found.as_ref().and_then(|(_, secrets)| secrets.password.clone());
        let is_right = self.entrance.is_password(shown.password, hash).await;
        let checked = found.map(|(operator, _)| operator).filter(|_| is_right);
        let past_the_provider = self.provider_gives_roles();
        let actor = Actor::operator(name.as_str()).asking(Some(from), trace);
        let (secret, hash) = new_secret();
        let ends = now.plus_millis(millis(self.entrance.longest));
        let code = shown.code;
        let job = move |tx: &mut Tx<'_>| {
            // Others may have failed meanwhile.
            refuse_locked(tx, &subjects, now)?;
            let checked = checked.map(|operator| as_checked(tx, &operator)).transpose()?.flatten();
            let mut guessed = false;
            let come_in = match checked {
                Some((operator, secrets)) => {
                    match second(tx, (&operator, &secrets), code.as_deref(), WITH_NAME, now)? {
                        Second::Right => Some(operator),
                        Second::Locked(until) => return Ok(Err(locked_until(until, now))),
                        Second::Wrong => None,
                        Second::Guessed => {
                            guessed = true;
                            None
                        }
                    }
                }
                None => None,
            };
            let Some(operator) = come_in else {
                let locked = note_failure(tx, &subjects, now)?;
                if locked || guessed {
                    let record = AuditRecord::new("operator.locked_out", "operator", name.as_str());
                    let told = serde_json::json!({"reason": "codes"});
                    tx.audit(&actor, if guessed { record.after(told) } else { record }, now);
                }
                return Ok(Err(NotIn::Wrong));
            };
            if past_the_provider && operator.subject.is_some() {
                let told = serde_json::json!({"by": "password", "reason": NotIn::NoPasswords.to_string()});
                let record = AuditRecord::new("operator.turned_away", "operator", operator.name.as_str());
                tx.audit(&actor, record.after(told), now);
                return Ok(Err(NotIn::NoPasswords));
            }
            let [with_name, _] = &subjects;
            tx.forgive(with_name)?;
            tx.begin_operator_session(&operator.id, &hash, ends, now)?;
            tx.operator_was_seen(&operator.id, now)?;
            tx.audit(&actor, AuditRecord::new("operator.sign_in", "operator", operator.name.as_str()), now);
            Ok::<_, NotIn>(Ok(operator))
        };
        // A refusal is an answer, so that what it noted is kept.
        let operator = self.store.write(job).await??;
        Ok(Opened { operator, secret, seconds: millis(self.entrance.longest) / 1000 })
    }

    /// Opens a session for somebody whom a provider of sign-ins has vouched for, or who just came in by a link.
    pub(super) fn open_session(
        &self,
        tx: &mut Tx<'_>,
        operator: &Operator,
        now: Timestamp,
    ) -> Result<(Secret<String>, i64), Error> {
        let (secret, hash) = new_secret();
        let ends = now.plus_millis(millis(self.entrance.longest));
        tx.begin_operator_session(&operator.id, &hash, ends, now)?;
        tx.operator_was_seen(&operator.id, now)?;
        Ok((secret, millis(self.entrance.longest) / 1000))
    }

    /// Who shows this, if they are still signed in.
    pub async fn signed_in(
        &self,
        secret: &Secret<String>,
        now: Timestamp,
    ) -> Result<Option<(OperatorSession, Operator)>, Error> {
        let found = self.still_signed_in(secret, now).await?;
        if let Some((session, _)) = &found
            && now.millis_since(session.seen_at) >= SEEN_EVERY
        {
            let id = session.id.clone();
            self.store.write(move |tx: &mut Tx<'_>| tx.touch_operator_session(&id, now)).await?;
        }
        Ok(found)
    }

    /// The same for what a page asks by itself: it says nothing of whether they are still there.
    pub async fn still_signed_in(
        &self,
        secret: &Secret<String>,
        now: Timestamp,
    ) -> Result<Option<(OperatorSession, Operator)>, Error> {
        let (hash, heard_since) = (hash_of(secret), now.plus_millis(-millis(self.entrance.idle)));
        Ok(self.store.read(move |tx: &mut Tx<'_>| tx.operator_session(&hash, heard_since, now)).await?)
    }

    /// Signs somebody out: here, or everywhere.
    pub async fn sign_out(
        &self,
        secret: &Secret<String>,
        everywhere: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (hash, by) = (hash_of(secret), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let Some((session, operator)) = tx.operator_session(&hash, Timestamp(i64::MIN), now)? else {
                return Ok(());
            };
            if everywhere {
                tx.end_operator_sessions(&operator.id)?;
            } else {
                tx.end_operator_session(&session.id)?;
            }
            let record = AuditRecord::new("operator.sign_out", "operator", operator.name.as_str());
            tx.audit(&by, record.after(serde_json::json!({"everywhere": everywhere})), now);
            Ok::<_, Error>(())
        };
        self.store.write(job).await
    }

    /// What a link is good for; `None` when it is good for nothing.
    pub async fn link(
        &self,
        secret: &Secret<String>,
        now: Timestamp,
    ) -> Result<Option<(OperatorLink, Option<UserName>)>, Error> {
        let hash = hash_of(secret);
        let job = move |tx: &mut Tx<'_>| {
            let Some(link) = tx.operator_link(&hash, now)? else { return Ok(None) };
            let whose = match &link.operator {
                Some(operator) => tx.operator(operator)?.map(|operator| operator.name),
                None => link.name.clone(),
            };
            Ok::<_, Error>(Some((link, whose)))
        };
        self.store.read(job).await
    }

    /// Comes in by a link: makes the account, or sets its password anew, and signs in. A link is good once.
    pub async fn join(
        &self,
        secret: &Secret<String>,
        name: Option<&str>,
        password: Secret<String>,
        (from, trace): (IpAddr, Option<String>),
        now: Timestamp,
    ) -> Result<Opened, NotIn> {
        let (link, whose) = self.link(secret, now).await?.ok_or(NotIn::Link)?;
        let name = match whose {
            Some(whose) if link.operator.is_some() => whose,
            whose => {
                let chosen = whose.map_or_else(|| name.unwrap_or_default().to_owned(), String::from);
                operator_name(&chosen).map_err(|why| NotIn::Choice(why.to_owned()))?
            }
        };
        let password = self.entrance.hashed(password).await?;
        let admin = self.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            if !tx.use_operator_link(&link.id, now)? {
                return Err(NotIn::Link);
            }
            let by = Actor::operator(name.as_str()).asking(Some(from), trace);
            let operator = if let Some(id) = &link.operator {
                let operator = tx.operator(id)?.filter(|operator| operator.disabled_at.is_none());
                let operator = operator.ok_or(NotIn::Link)?;
                tx.set_operator_password(&operator, &password)?;
                cast_out(tx, &operator, now)?;
                tx.audit(&by, AuditRecord::new("operator.password", "operator", operator.name.as_str()), now);
                operator
            } else {
                let new = NewOperator {
                    name: name.clone(),
                    role: link.role,
                    subject: None,
                    password: Some(password),
                    created_by: link.created_by.clone(),
                };
                let made = tx.create_operator(&new, now).map_err(taken)?;
                let told = serde_json::json!({"role": link.role, "invited_by": link.created_by});
                tx.audit(&by, AuditRecord::new("operator.join", "operator", made.name.as_str()).after(told), now);
                made
            };
            let (secret, seconds) = admin.open_session(tx, &operator, now)?;
            Ok::<_, NotIn>(Opened { operator, secret, seconds })
        };
        self.store.write(job).await
    }

    /// Somebody sets their own password anew: everything that they were signed in with ends, here as well.
    pub async fn change_password(
        &self,
        operator: &Operator,
        old: Secret<String>,
        new: Secret<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Opened, NotIn> {
        let operator = self.is_theirs(operator, old, by, now).await?;
        let hash = self.entrance.hashed(new).await?;
        let (admin, by) = (self.clone(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            tx.set_operator_password(&operator, &hash)?;
            let ended = cast_out(tx, &operator, now)?;
            let told = serde_json::json!({"sessions_ended": ended.sessions, "tokens_revoked": ended.tokens});
            tx.audit(&by, AuditRecord::new("operator.password", "operator", operator.name.as_str()).after(told), now);
            let (secret, seconds) = admin.open_session(tx, &operator, now)?;
            Ok::<_, NotIn>(Opened { operator, secret, seconds })
        };
        self.store.write(job).await
    }

    /// Checks the password of somebody who is signed in, before what they do next. Wrong ones count as failures. Gives
    /// their record as it was when this was their password.
    pub(super) async fn is_theirs(
        &self,
        operator: &Operator,
        password: Secret<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Operator, NotIn> {
        let from = by.from.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        let subjects = [FailureSubject::sign_in(operator.name.clone(), from), FailureSubject::sign_in_from(from)];
        let (asked, name) = (subjects.clone(), operator.name.clone());
        let job = move |tx: &mut Tx<'_>| {
            refuse_locked(tx, &asked, now)?;
            Ok::<_, NotIn>(tx.operator_by_name(&name)?)
        };
        let (found, hash) = self.store.read(job).await?.map(|(found, secrets)| (found, secrets.password)).unzip();
        let is_right = self.entrance.is_password(password, hash.flatten()).await;
        if let Some(found) = found.filter(|_| is_right) {
            return Ok(found);
        }
        self.store.write(move |tx: &mut Tx<'_>| Ok::<_, NotIn>(note_failure(tx, &subjects, now)?)).await?;
        Err(NotIn::Wrong)
    }
}

/// An operator whose password was looked at, unless anything about how they come in was changed while that took its
/// time.
fn as_checked(tx: &mut Tx<'_>, checked: &Operator) -> Result<Option<(Operator, OperatorSecrets)>, Error> {
    let found = tx.operator_for_update(&checked.id)?;
    Ok(found.filter(|(operator, _)| operator.version == checked.version && operator.disabled_at.is_none()))
}

fn locked_until(until: Timestamp, now: Timestamp) -> NotIn {
    NotIn::Locked(until.millis_since(now).div_euclid(1000) + 1)
}

fn refuse_locked(tx: &mut Tx<'_>, subjects: &[FailureSubject; 2], now: Timestamp) -> Result<(), NotIn> {
    for subject in subjects {
        let until = tx.failures(subject)?.and_then(|failures| failures.locked_until).filter(|until| *until > now);
        if let Some(until) = until {
            return Err(locked_until(until, now));
        }
    }
    Ok(())
}

/// Counts a failure, and says whether it locks somebody out.
fn note_failure(tx: &mut Tx<'_>, subjects: &[FailureSubject; 2], now: Timestamp) -> Result<bool, Error> {
    let mut locked = false;
    for (subject, patience) in subjects.iter().zip([WITH_NAME, FROM_ADDRESS]) {
        let before = tx.failures_for_update(subject)?;
        let after = patience.after_failure(before.as_ref(), now);
        locked |= after.locked_until.is_some();
        tx.save_failures(subject, &after)?;
    }
    Ok(locked)
}

fn taken(error: crate::store::Error) -> NotIn {
    match error {
        crate::store::Error::Conflict(why) => NotIn::Choice(why),
        other => other.into(),
    }
}

/// What a browser shows or a link holds, 256 bits of chance, and its hash.
pub(super) fn new_secret() -> (Secret<String>, [u8; 32]) {
    let mut random = [0_u8; 32];
    rand::fill(&mut random);
    let secret = Secret::new(BASE64.encode(random));
    let hash = hash_of(&secret);
    (secret, hash)
}

fn hash_of(secret: &Secret<String>) -> [u8; 32] {
    Sha256::digest(secret.expose().as_bytes()).into()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
