//! Going through the devices: one instance at a time, a few devices in each transaction, from where it stood.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use transom_protocol::session::Timestamp;

use super::decide::{Decided, decide};
use super::{Ready, Rollout, RolloutError, created_by};
use crate::model::{EnrollmentId, FactName, NewCommand, NewCommands, PolicyLook, PolicyWalk};
use crate::store::{Error, PolicySubject, Tx};

/// Devices that are looked at together.
const TOGETHER: usize = 20;

/// How often an instance with nothing to do looks whether there is something.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How long a store is left alone that does not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// How long a claim is good without a sign of life, in milliseconds.
const LEASE: i64 = 30_000;

/// How long after something was published the walk begins, in milliseconds: by then every instance knows which facts
/// count, so that none that changes meanwhile is passed over.
const SETTLES: i64 = 1_000;

/// How long a device waits whose queue is full, in milliseconds.
const QUEUE_FULL: i64 = 15 * 60_000;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Devices that were looked at.
    pub looked: usize,
    /// Of these, devices for which something changed.
    pub changed: usize,
}

/// What is to be kept of one device.
enum Change {
    /// Its life has ended.
    Gone(EnrollmentId),
    /// Something is to be done, or stands elsewhere.
    Decided(Box<PolicySubject>, Decided),
}

impl Rollout {
    /// Goes through devices for as long as the program runs, where no other instance does.
    pub async fn run(self) {
        loop {
            match self.round().await {
                Ok(Round { looked: 0, .. }) => tokio::time::sleep(LOOKS_EVERY).await,
                Ok(Round { looked, .. }) => tokio::time::sleep(self.pause(looked)).await,
                Err(error) => {
                    tracing::error!(%error, "policies could not be brought to devices");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// How long it rests after so many devices.
    fn pause(&self, looked: usize) -> Duration {
        let count = u32::try_from(looked).unwrap_or(u32::MAX);
        Duration::from_secs(1).saturating_mul(count) / self.options.devices_per_second.max(1)
    }

    /// Looks at some devices: those that are to be looked at again before those that the walk comes to.
    pub async fn round(&self) -> Result<Round, RolloutError> {
        let ready = self.ready().await?;
        let now = self.now();
        let limit = i64::try_from(TOGETHER).unwrap_or(1);
        let question = move |tx: &mut Tx<'_>| Ok::<_, Error>((tx.policy_work()?, tx.policy_looks(now, limit)?));
        let (work, looks) = self.store.read(question).await?;
        let stale = work.walk.generation != work.generation || work.walk.catalogue != ready.in_use.generation;
        let settled = now.millis_since(work.changed_at) >= SETTLES && ready.generation == work.generation;
        let begins = work.generation > 0 && stale && settled;
        let walks = begins || work.generation > 0 && !stale && !work.walk.done;
        if looks.is_empty() && !walks {
            return Ok(Round::default());
        }
        let (claim, until) = (self.claim.clone(), now.plus_millis(LEASE));
        if !self.store.write(move |tx: &mut Tx<'_>| tx.claim_policy_work(&claim, until, now)).await? {
            return Ok(Round::default());
        }
        let mut walk = work.walk;
        if begins {
            let total = self.store.read(|tx: &mut Tx<'_>| tx.count_managed()).await?;
            walk = walk.begin(work.generation, ready.in_use.generation, total, now);
        }
        let mut ids: Vec<EnrollmentId> = looks.iter().map(|look| look.enrollment.clone()).collect();
        let room = TOGETHER.saturating_sub(ids.len());
        if walks && room > 0 {
            let (behind, most) = (walk.position.clone(), i64::try_from(room).unwrap_or(1));
            let found = self.store.read(move |tx: &mut Tx<'_>| tx.managed_enrollments(&behind, most)).await?;
            let next = walk.advance(found, room, now);
            ids.extend(next.into_iter().filter(|id| looks.iter().all(|look| look.enrollment != *id)));
        }
        let looked = ids.len();
        let changes = self.changes(ready, ids, now).await?;
        let changed = changes.len();
        walk.changed += u64::try_from(changed).unwrap_or(0);
        let is_ours = self.keep(changes, looks, walks.then_some(walk), now).await?;
        Ok(if is_ours { Round { looked: looked.max(1), changed } } else { Round::default() })
    }

    /// What is to be done for these devices.
    async fn changes(
        &self,
        ready: Arc<Ready>,
        ids: Vec<EnrollmentId>,
        now: Timestamp,
    ) -> Result<Vec<Change>, RolloutError> {
        let question = move |tx: &mut Tx<'_>| {
            let mut subjects = Vec::with_capacity(ids.len());
            for id in &ids {
                match tx.policy_subject(id) {
                    Ok(subject) => subjects.extend(subject),
                    // One record that can't be read keeps no other device from what is wanted of it.
                    Err(error @ Error::Corrupt(_)) => {
                        tracing::error!(enrollment = id.as_str(), %error, "a device is left out of policies");
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(subjects)
        };
        let subjects = self.store.read(question).await?;
        let waits_for_facts = self.options.waits_for_facts;
        let look = move || {
            let mut changes = Vec::new();
            for subject in subjects {
                if subject.has_ended {
                    changes.extend((subject.version > 0).then_some(Change::Gone(subject.enrollment)));
                    continue;
                }
                let is_known =
                    [FactName::OS_BUILD, FactName::OS_EDITION_ID].map(|name| subject.facts.get(name).is_some());
                // Without knowing what it is, a device would be sent what it does not have.
                let is_early = waits_for_facts && subject.version == 0 && is_known.contains(&false);
                if !subject.is_active || is_early {
                    continue;
                }
                let PolicySubject { facts, policy, carriers, .. } = &subject;
                let decided = decide(&ready.policy, &ready.in_use.catalogue, facts, policy, carriers, now);
                let is_empty = subject.version == 0 && decided.is_empty();
                if decided.differs(policy) && !is_empty {
                    changes.push(Change::Decided(Box::new(subject), decided));
                }
            }
            changes
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| RolloutError::Stopped)
    }

    /// Keeps it, with how far it went. Whether the work is still ours; otherwise nothing is kept.
    async fn keep(
        &self,
        changes: Vec<Change>,
        looks: Vec<PolicyLook>,
        walk: Option<PolicyWalk>,
        now: Timestamp,
    ) -> Result<bool, RolloutError> {
        let this = self.clone();
        let until = now.plus_millis(LEASE);
        let job = move |tx: &mut Tx<'_>| {
            if let Some(walk) = &walk
                && !tx.save_policy_walk(&this.claim, walk, until)?
            {
                return Ok(false);
            }
            let ids: Vec<EnrollmentId> = changes.iter().map(|change| change.enrollment().clone()).collect();
            let live = if ids.is_empty() { BTreeSet::new() } else { tx.lock_lives(&ids)? };
            for look in &looks {
                tx.end_policy_look(look)?;
            }
            let mut woken: Vec<String> = Vec::new();
            for change in changes {
                match change {
                    Change::Gone(enrollment) => tx.forget_device_policy(&enrollment, now)?,
                    Change::Decided(subject, decided) if live.contains(&subject.enrollment) => {
                        if this.give(tx, &subject, decided, now)? {
                            woken.push(subject.enrollment.as_str().to_owned());
                        }
                    }
                    // It has ended meanwhile, and is looked at for that.
                    Change::Decided(..) => {}
                }
            }
            if this.options.wakes && !woken.is_empty() {
                tx.request_pushes(&woken, false, now, now)?;
            }
            Ok::<_, Error>(true)
        };
        Ok(self.store.write(job).await?)
    }

    /// Gives one device what was decided. Whether anything waits for it now.
    fn give(
        &self,
        tx: &mut Tx<'_>,
        subject: &PolicySubject,
        mut decided: Decided,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let id = &subject.enrollment;
        if tx.device_policy_version(id)? != subject.version {
            // A message was faster.
            tx.look_at_policies(id, now)?;
            return Ok(false);
        }
        let commands: Vec<NewCommand> =
            decided.parcels.iter().map(|parcel| NewCommand::new(parcel.instruction.clone())).collect();
        let gives = !commands.is_empty();
        if gives {
            let max_open = self.options.max_open;
            let (devices, batch, created_by) = (Vec::new(), None, created_by());
            let new = NewCommands { devices, commands, batch, created_by, max_open, wake: false };
            let carriers = tx.enqueue_own(id, &new, now)?;
            if carriers.is_empty() {
                tx.look_at_policies(id, now.plus_millis(QUEUE_FULL))?;
                return Ok(false);
            }
            for (place, carrier) in carriers.iter().enumerate() {
                decided.carried_by(place, &carrier.0);
            }
        }
        tx.save_device_policy(id, subject.version, &subject.policy, &decided.policy, now)?;
        Ok(gives)
    }
}

impl Change {
    const fn enrollment(&self) -> &EnrollmentId {
        match self {
            Self::Gone(enrollment) => enrollment,
            Self::Decided(subject, _) => &subject.enrollment,
        }
    }
}
