//! Going through the devices: one instance at a time, a few devices in each transaction, from where it stood.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument as _;
use transom_protocol::session::Timestamp;

use super::decide::{Decided, Parcel, decide};
use super::drift;
use super::overtaken::Carriers;
use super::search::Move;
use super::staged::{again, next_move};
use super::watch;
use super::{Ready, Rollout, RolloutError, created_by};
use crate::model::{
    CommandId, EnrollmentId, FactName, FeedKind, NewCommand, NewCommands, POLICY_READS, PolicyLook, PolicyWalk,
    StageMove, Told, WatchedNodes, work,
};
use crate::policy::catalogue::LibraryError;
use crate::store::{Error, PolicySubject, Tx};

/// Devices that are looked at together.
const TOGETHER: usize = 20;

/// Of these, devices of which it is looked at what they have, whatever else there is to do.
const CHECKS: i64 = 10;

/// How long a device waits that is due and with which there is nothing to do now, in milliseconds.
const IDLE: i64 = 60 * 60_000;

/// How often an instance with nothing to do looks whether there is something.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How long a store is left alone that does not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// How long a claim is good without a sign of life, in milliseconds.
pub(super) const LEASE: i64 = 30_000;

/// How long after something was published the walk begins, in milliseconds: by then every instance knows which facts
/// count, so that none that changes meanwhile is passed over.
const SETTLES: i64 = 1_000;

/// How long a device waits whose queue is full, in milliseconds.
const QUEUE_FULL: i64 = 15 * 60_000;

/// Who takes a command back that was not sent, because its policies want something else by now.
const OVERTAKEN: &str = "policies that want something else by now";

/// The word in the name of who orders that settings are read back.
const READS: &str = "verify";

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
    Decided(Box<PolicySubject>, Box<Decided>),
}

impl Rollout {
    /// Goes through devices for as long as the program runs, where no other instance does.
    pub async fn run(self) {
        loop {
            match self.round().await {
                Ok(Round { looked: 0, .. }) => tokio::time::sleep(LOOKS_EVERY).await,
                Ok(Round { looked, .. }) => tokio::time::sleep(self.pause(looked)).await,
                Err(RolloutError::Stopped | RolloutError::Library(LibraryError::Stopped)) => {
                    // The server goes down; where it does not, this goes on.
                    tokio::time::sleep(AFTER_ERROR).await;
                }
                Err(error) => {
                    tracing::error!(%error, "policies could not be brought to devices");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Leaves the work to whoever comes next.
    pub async fn release(&self) -> Result<(), RolloutError> {
        let claim = self.claim.clone();
        Ok(self.store.write(move |tx: &mut Tx<'_>| tx.release_policy_work(&claim)).await?)
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
        let question = move |tx: &mut Tx<'_>| {
            let next = match tx.policy_stage()? {
                Some(staged) => next_move(tx, &staged, now)?,
                None => StageMove::Stay,
            };
            let (looks, checks) = (tx.policy_looks(now, limit)?, tx.policy_checks(now, CHECKS)?);
            Ok::<_, Error>((tx.policy_work()?, looks, checks, next, tx.person_to_spread()?))
        };
        let span = work("policies.bring");
        let (work, looks, checks, next, person) = self.store.read(question).await?;
        if next != StageMove::Stay {
            return self.turn(now).await;
        }
        // Before anything is decided by what is known of people.
        if person.is_some() {
            return self.spread(now).await;
        }
        let stale = work.walk.generation != work.generation || work.walk.catalogue != ready.in_use.generation;
        // By then every instance knows which nodes hold secrets, so that none is kept or shown by one that does not. What was
        // published at a time that is still to come, because the clock was set back, waits for nothing.
        let is_new = work.generation > 0 && (0..SETTLES).contains(&now.millis_since(work.changed_at));
        let settled = !is_new && ready.generation == work.generation;
        let begins = work.generation > 0 && stale && settled;
        let walks = begins || work.generation > 0 && !stale && !work.walk.done;
        if looks.is_empty() && checks.is_empty() && !walks || is_new {
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
        let is_another = |id: &&EnrollmentId| looks.iter().all(|look| look.enrollment != **id);
        ids.extend(checks.iter().filter(is_another).cloned());
        let room = TOGETHER.saturating_sub(ids.len());
        if walks && room > 0 {
            let (behind, most) = (walk.position.clone(), i64::try_from(room).unwrap_or(1));
            let found = self.store.read(move |tx: &mut Tx<'_>| tx.managed_enrollments(&behind, most)).await?;
            let next = walk.advance(found, room, now);
            let known: BTreeSet<EnrollmentId> = ids.iter().cloned().collect();
            ids.extend(next.into_iter().filter(|id| !known.contains(id)));
        }
        let looked = ids.len();
        let bring = async {
            let changes = self.changes(ready, ids, now).await?;
            let changed = changes.len();
            let told = changes.iter().filter(|change| change.is_told()).count();
            walk.changed += u64::try_from(told).unwrap_or(0);
            let is_same = |id: &EnrollmentId| changes.iter().all(|change| change.enrollment() != id);
            let idle: Vec<EnrollmentId> = checks.into_iter().filter(is_same).collect();
            let is_ours = self.keep(changes, looks, idle, walks.then_some(walk), now).await?;
            Ok::<_, RolloutError>((changed, is_ours))
        };
        let (changed, is_ours) = bring.instrument(span).await?;
        Ok(if is_ours { Round { looked: looked.max(1), changed } } else { Round::default() })
    }

    /// Some devices get what is known of their people by now; those of each person in a transaction of its own.
    async fn spread(&self, now: Timestamp) -> Result<Round, RolloutError> {
        let (mut round, until) = (Round::default(), now.plus_millis(LEASE));
        let limit = i64::try_from(TOGETHER).unwrap_or(1);
        while round.looked < TOGETHER {
            let claim = self.claim.clone();
            let job = move |tx: &mut Tx<'_>| {
                if !tx.claim_policy_work(&claim, until, now)? {
                    return Ok(0);
                }
                let Some(person) = tx.person_to_spread()? else { return Ok(0) };
                tx.spread_person(&person, limit, now)
            };
            match self.store.write(job).await? {
                0 => break,
                looked => round.looked += looked,
            }
        }
        Ok(round)
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
        let options = self.options;
        let watch_root = self.watch_root.clone();
        let waits_for_facts = options.waits_for_facts;
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
                let PolicySubject { facts, policy, carriers: states, unsent, .. } = &subject;
                let carriers = &Carriers { states, unsent };
                let checks = drift::Plan {
                    watch: watch_root.as_ref(),
                    after_applying: options.reads_back,
                    every: options.verify_every,
                    spread: subject.enrollment.spread(),
                };
                let (share, catalogue) = (ready.share(&subject), &ready.in_use.catalogue);
                let mut start = policy.clone();
                again(&mut start, &ready.again);
                let mut decided = decide(share.policy(), catalogue, facts, &start, carriers, checks, now);
                decided.of_stage(&share, policy, |base| base.wanted(catalogue, facts));
                let is_empty = subject.version == 0 && decided.is_empty();
                if decided.differs(policy) && !is_empty {
                    changes.push(Change::Decided(Box::new(subject), Box::new(decided)));
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
        idle: Vec<EnrollmentId>,
        walk: Option<PolicyWalk>,
        now: Timestamp,
    ) -> Result<bool, RolloutError> {
        let this = self.clone();
        let until = now.plus_millis(LEASE);
        let job = move |tx: &mut Tx<'_>| {
            let is_ours = match &walk {
                Some(walk) => tx.save_policy_walk(&this.claim, walk, until)?,
                None => tx.keep_policy_work(&this.claim, until)?,
            };
            if !is_ours {
                return Ok(false);
            }
            let ids: Vec<EnrollmentId> = changes.iter().map(|change| change.enrollment().clone()).collect();
            let live = if ids.is_empty() { BTreeSet::new() } else { tx.lock_lives(&ids)? };
            for look in &looks {
                tx.end_policy_look(look)?;
            }
            if !idle.is_empty() {
                tx.postpone_policy_checks(&idle, now.plus_millis(IDLE), now)?;
            }
            let mut woken: Vec<String> = Vec::new();
            for change in changes {
                match change {
                    Change::Gone(enrollment) => drop(tx.forget_device_policy(&enrollment, now)?),
                    Change::Decided(subject, decided) if live.contains(&subject.enrollment) => {
                        if this.give(tx, &subject, *decided, now)? {
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
        let withdrawn: Vec<CommandId> = decided.withdrawn.iter().cloned().map(CommandId).collect();
        if tx.carrier_states(&withdrawn)?.iter().any(|(_, state, unsent)| !unsent || !state.is_open()) {
            // It was sent meanwhile.
            tx.look_at_policies(id, now)?;
            return Ok(false);
        }
        let mut gives = !decided.parcels.is_empty();
        if gives {
            // What is withdrawn makes room.
            let room = i64::try_from(withdrawn.len()).unwrap_or(0);
            let carriers = self.enqueue_with(tx, id, &decided.parcels, created_by(), room, now)?;
            if carriers.is_empty() {
                // Neither is it first in every round until then, where others wait.
                let then = now.plus_millis(QUEUE_FULL);
                tx.look_at_policies(id, then)?;
                tx.postpone_policy_checks(std::slice::from_ref(id), then, now)?;
                return Ok(false);
            }
            for (place, carrier) in carriers.iter().enumerate() {
                decided.carried_by(place, &carrier.0);
            }
        }
        if !withdrawn.is_empty() {
            // What becomes of it is known here.
            tx.note_policies_heard(id);
        }
        for id in &withdrawn {
            tx.cancel(id, false, OVERTAKEN, now)?;
        }
        self.watch(tx, id, &mut decided, now)?;
        if !decided.questions.is_empty() {
            // They wait for the device to come by itself. Where the queue is full it is asked another time.
            let carriers = self.enqueue(tx, id, &decided.questions, POLICY_READS.to_owned(), now)?;
            for (place, carrier) in carriers.iter().enumerate() {
                decided.asked_by(place, &carrier.0);
            }
        }
        gives |= self.search(tx, id, &mut decided, now)?;
        for told in told(subject, &decided.found, now) {
            tx.tell(told);
        }
        let answered: Vec<CommandId> = decided.found.answered.iter().cloned().map(CommandId).collect();
        if !answered.is_empty() {
            tx.forget_own(&answered, READS)?;
        }
        tx.save_device_policy(id, subject.version, &subject.policy, &decided.policy, now)?;
        Ok(gives)
    }

    /// Tells a device what to watch, or asks what of that has changed. Where the queue is full it is not waited for.
    fn watch(&self, tx: &mut Tx<'_>, id: &EnrollmentId, decided: &mut Decided, now: Timestamp) -> Result<(), Error> {
        let Some(step) = decided.watching.take() else { return Ok(()) };
        let asks = matches!(step, watch::Step::Ask(_));
        let instructions = match step {
            watch::Step::Build(instructions) => instructions,
            watch::Step::Ask(instruction) => vec![instruction],
        };
        let parcel = |instruction| Parcel { instruction, settings: Vec::new() };
        let parcels: Vec<Parcel> = instructions.into_iter().map(parcel).collect();
        let carriers = self.enqueue(tx, id, &parcels, POLICY_READS.to_owned(), now)?;
        let carriers: Vec<String> = carriers.into_iter().map(|carrier| carrier.0).collect();
        let watched = &mut decided.policy.watched;
        if carriers.is_empty() {
            *watched = WatchedNodes::default();
        } else if asks {
            watched.question = carriers.into_iter().next();
        } else {
            watched.building = carriers;
        }
        Ok(())
    }

    /// Goes on with searches. Where the queue is full they go on another time. Whether anything waits for the device now.
    fn search(&self, tx: &mut Tx<'_>, id: &EnrollmentId, decided: &mut Decided, now: Timestamp) -> Result<bool, Error> {
        let mut any = false;
        for (place, step) in std::mem::take(&mut decided.moves) {
            let (instructions, by) = match step {
                Move::Ask(question) => (vec![question.instruction], POLICY_READS.to_owned()),
                // One order: what takes a try back stands right behind it.
                Move::Try { attempt, back } => ([vec![attempt], back].concat(), created_by()),
            };
            let parcel = |instruction| Parcel { instruction, settings: Vec::new() };
            let parcels: Vec<Parcel> = instructions.into_iter().map(parcel).collect();
            let carrier = self.enqueue(tx, id, &parcels, by, now)?.into_iter().next();
            any |= carrier.is_some();
            if let Some(search) = decided.policy.searches.get_mut(place) {
                // With none it is over: the queue is full.
                search.carrier = Some(carrier.map(|carrier| carrier.0).unwrap_or_default());
            }
        }
        Ok(any)
    }

    fn enqueue(
        &self,
        tx: &mut Tx<'_>,
        id: &EnrollmentId,
        parcels: &[Parcel],
        created_by: String,
        now: Timestamp,
    ) -> Result<Vec<CommandId>, Error> {
        self.enqueue_with(tx, id, parcels, created_by, 0, now)
    }

    /// The same, where so many go that are in the queue.
    fn enqueue_with(
        &self,
        tx: &mut Tx<'_>,
        id: &EnrollmentId,
        parcels: &[Parcel],
        created_by: String,
        room: i64,
        now: Timestamp,
    ) -> Result<Vec<CommandId>, Error> {
        let commands = parcels.iter().map(|parcel| NewCommand::new(parcel.instruction.clone())).collect();
        let max_open = self.options.max_open.saturating_add(room);
        let new = NewCommands { devices: Vec::new(), commands, batch: None, created_by, max_open, wake: false };
        tx.enqueue_own(id, &new, now)
    }
}

/// What is told of what answers came to.
fn told(subject: &PolicySubject, found: &drift::Found, now: Timestamp) -> Vec<Told> {
    let kinds = [(FeedKind::PolicyDrifted, &found.drifted), (FeedKind::PolicyRepaired, &found.mended)];
    let told = kinds.into_iter().filter_map(|(kind, settings)| {
        let data = serde_json::json!({ "target": settings.first()?, "settings": settings.len() });
        Some(Told {
            device_id: Some(subject.device_id.clone()),
            enrollment_id: Some(subject.enrollment.clone()),
            ..Told::new(kind, now, data)
        })
    });
    told.collect()
}

impl Change {
    const fn enrollment(&self) -> &EnrollmentId {
        match self {
            Self::Gone(enrollment) => enrollment,
            Self::Decided(subject, _) => &subject.enrollment,
        }
    }

    /// Whether the device is given something, or something stands elsewhere: to be asked what it has changes nothing.
    fn is_told(&self) -> bool {
        match self {
            Self::Gone(_) => true,
            Self::Decided(subject, decided) => {
                !decided.parcels.is_empty() || decided.policy.standings != subject.policy.standings
            }
        }
    }
}
