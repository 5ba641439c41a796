//! What has to be done although no device speaks: silent sessions, overdue reports, commands whose time has passed,
//! and the journal's bounds.

use transom_protocol::session::{
    CommandId, CommandState, Ending, Pending, Phase, Reason, ReasonCode, SentAnswer, Timestamp, close,
};

use super::Management;
use super::effects::of_contact;
use crate::model::{EnrollmentId, SessionKey, Told};
use crate::store::{CommandChange, Error, Pruned, RetentionRules, Tx};

/// Rows that one round touches: messages of devices run between two of them.
const ROUND: u16 = 200;

/// Whether there may be more to do at once: a round was full, and did not all fail.
fn goes_on(found: usize, done: usize) -> bool {
    found >= usize::from(ROUND) && done > 0
}

/// Certificates that end within that time are counted, in milliseconds: Windows renews them well before.
const EXPIRES_SOON: i64 = 14 * 24 * 60 * 60 * 1000;

/// What a round of maintenance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Sessions that were closed because nothing was heard.
    pub sessions: usize,
    /// Commands whose time had passed.
    pub expired: usize,
    /// Commands that were accepted and never reported.
    pub unreported: usize,
    /// Devices that were told to leave and not heard of since.
    pub lost: usize,
}

impl Management {
    /// All that is due now, in rounds: call it every minute or so, from any instance.
    ///
    /// A device that can't be tidied does not keep the others from it.
    pub async fn tidy(&self, now: Timestamp) -> Result<Tidied, Error> {
        let expired = self.expire(now).await?;
        let sessions = self.close_silent_sessions(now).await?;
        let unreported = self.give_up_reports(now).await?;
        let lost = self.give_up_leaves(now).await?;
        let soon = now.plus_millis(EXPIRES_SOON);
        let expiring = self.store().read(move |tx: &mut Tx<'_>| tx.count_expiring(soon)).await?;
        self.metrics().certificates_expiring(expiring);
        Ok(Tidied { sessions, expired, unreported, lost })
    }

    /// Deletes what is older, or more, than the rules allow, a little at a time. Looks through all that is old, whether it
    /// is to go or to stay.
    pub async fn prune(&self, rules: RetentionRules, now: Timestamp) -> Result<Pruned, Error> {
        self.store().prune(now, rules).await
    }

    /// The same of that part of it which costs next to nothing where nothing is to go.
    pub async fn prune_oldest(&self, rules: RetentionRules, now: Timestamp) -> Result<Pruned, Error> {
        self.store().prune_oldest(now, rules).await
    }

    async fn expire(&self, now: Timestamp) -> Result<usize, Error> {
        let mut expired = 0;
        loop {
            let expire = move |tx: &mut Tx<'_>| tx.expire_commands(now, i64::from(ROUND));
            let lapsed = self.store().write(expire).await?;
            let mut done = lapsed.expired;
            for (enrollment, commands) in lapsed.sent_before {
                match self.expire_sent(enrollment, commands, now).await {
                    Ok(ended) => done += ended,
                    Err(error) => tracing::error!(%error, "commands whose time has passed could not be ended"),
                }
            }
            expired += done;
            if !goes_on(lapsed.found, done) {
                return Ok(expired);
            }
        }
    }

    /// Ends commands as a message would: the device may have carried them out.
    async fn expire_sent(
        &self,
        enrollment: EnrollmentId,
        commands: Vec<CommandId>,
        now: Timestamp,
    ) -> Result<usize, Error> {
        self.store()
            .write(move |tx: &mut Tx<'_>| {
                if tx.enrollment_for_update(&enrollment)?.is_none() {
                    return Ok(0);
                }
                let mut pending = tx.open_commands(&enrollment, &commands, now)?;
                pending.retain_mut(|command| command.lapse(now));
                let ended = pending.len();
                save(tx, &enrollment, pending, now)?;
                Ok(ended)
            })
            .await
    }

    async fn close_silent_sessions(&self, now: Timestamp) -> Result<usize, Error> {
        let before = now.plus_millis(-self.options().rules.session_timeout);
        let mut sessions = 0;
        loop {
            let silent = move |tx: &mut Tx<'_>| {
                let of_users = tx.silent_user_sessions(before, i64::from(ROUND))?;
                Ok::<Vec<_>, Error>(tx.silent_sessions(before, i64::from(ROUND))?.into_iter().chain(of_users).collect())
            };
            let silent = self.store().read(silent).await?;
            let (found, mut done) = (silent.len(), 0);
            for (enrollment, key) in silent {
                match self.close_session(enrollment, key, before, now).await {
                    Ok(closed) => done += usize::from(closed),
                    Err(error) => tracing::error!(%error, "a silent session could not be closed"),
                }
            }
            sessions += done;
            if !goes_on(found, done) {
                return Ok(sessions);
            }
        }
    }

    async fn give_up_reports(&self, now: Timestamp) -> Result<usize, Error> {
        let before = now.plus_millis(-self.options().accepted_timeout);
        let mut unreported = 0;
        loop {
            let overdue = move |tx: &mut Tx<'_>| tx.overdue_accepted(before, now, i64::from(ROUND));
            let overdue = self.store().read(overdue).await?;
            let (found, mut done) = (overdue.len(), 0);
            for (enrollment, command) in overdue {
                match self.give_up_report(enrollment, command, now).await {
                    Ok(given_up) => done += usize::from(given_up),
                    Err(error) => tracing::error!(%error, "an overdue command could not be settled"),
                }
            }
            unreported += done;
            if !goes_on(found, done) {
                return Ok(unreported);
            }
        }
    }

    async fn give_up_leaves(&self, now: Timestamp) -> Result<usize, Error> {
        let mut lost = 0;
        loop {
            let leaving = self.store().read(move |tx: &mut Tx<'_>| tx.overdue_leaves(now, i64::from(ROUND))).await?;
            let (found, mut done) = (leaving.len(), 0);
            for enrollment in leaving {
                match self.give_up_leave(enrollment, now).await {
                    Ok(given_up) => done += usize::from(given_up),
                    Err(error) => tracing::error!(%error, "an enrollment that was to end could not be ended"),
                }
            }
            lost += done;
            if !goes_on(found, done) {
                return Ok(lost);
            }
        }
    }

    async fn close_session(
        &self,
        enrollment: EnrollmentId,
        key: SessionKey,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let rules = self.options().rules.clone();
        self.store()
            .write(move |tx: &mut Tx<'_>| {
                // It may have spoken since.
                let Some(contact) = tx.enrollment_for_update(&enrollment)? else { return Ok(false) };
                let of_users = tx.user_sessions(&enrollment)?;
                let mut sessions = contact.session.clone().into_iter().chain(of_users);
                let Some((current, session)) = sessions.find(|(current, _)| *current == key) else { return Ok(false) };
                if session.last_at >= before {
                    return Ok(false);
                }
                let awaited: Vec<_> = session
                    .in_flight
                    .iter()
                    .filter(|sent| sent.answer != SentAnswer::Settled)
                    .map(|sent| sent.command.clone())
                    .chain(session.download.iter().map(|download| download.command.clone()))
                    .collect();
                let pending = tx.open_commands(&enrollment, &awaited, now)?;
                let was_open = session.phase == Phase::Open;
                let closed = close(session, pending, Ending::TimedOut, now, &rules);
                if closed.drop_upload {
                    tx.discard_upload(&current)?;
                }
                save(tx, &enrollment, closed.commands, now)?;
                tx.save_standing(&enrollment, None, Some((&current, &closed.session)))?;
                if let Some(ended) = Told::session_ended(&closed.session, now).filter(|_| was_open) {
                    tx.tell(Told { session_id: Some(current), ..of_contact(&contact, ended) });
                }
                Ok(true)
            })
            .await
    }

    async fn give_up_report(
        &self,
        enrollment: EnrollmentId,
        command: CommandId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        self.store()
            .write(move |tx: &mut Tx<'_>| {
                if tx.enrollment_for_update(&enrollment)?.is_none() {
                    return Ok(false);
                }
                let mut pending = tx.open_commands(&enrollment, std::slice::from_ref(&command), now)?;
                pending.retain(waits_for_report);
                for command in &mut pending {
                    command.state = CommandState::Unknown;
                    command.reason =
                        Some(Reason { code: ReasonCode::NoReport, since: now, count: 1, retry_at: None, detail: None });
                }
                let given_up = !pending.is_empty();
                save(tx, &enrollment, pending, now)?;
                Ok(given_up)
            })
            .await
    }
}

fn waits_for_report(command: &Pending) -> bool {
    let accepted = command.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Accepted);
    command.state == CommandState::Deferred && accepted
}

fn save(tx: &mut Tx<'_>, enrollment: &EnrollmentId, commands: Vec<Pending>, now: Timestamp) -> Result<(), Error> {
    let changes: Vec<CommandChange> =
        commands.into_iter().map(|command| CommandChange { command, sent: false }).collect();
    tx.save_commands(enrollment, &changes, now)?;
    if changes.iter().any(|change| !change.command.state.is_open()) {
        tx.wake_dependents(enrollment)?;
    }
    Ok(())
}
