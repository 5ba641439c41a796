//! Provisioning: what a device is to have before a person begins to work with it. The server tells the device what it
//! may expect, follows how far each thing is, and says that it is through only when all of it has reached the device
//! (CSP `DMClient`, `FirstSyncStatus`).
//!
//! The part of the device goes out in any of its sessions, that of a user only in a session of that user: the queue
//! sees to it. A device whose provisioning is over costs no statement.

mod hear;
mod nodes;
mod stuck;
mod tell;

use transom_protocol::session::{CommandState, Decision, LoginStatus, Principal, SyncType, Timestamp};

use crate::model::{
    CommandId, CommandScope, EnrollmentId, Event, EventKind, Instruction, NewCommand, PartState, Provisioning,
    ProvisioningPart, ProvisioningPlan, SessionKey, Verb,
};
use crate::store::{Contact, Error, Store, Tx};

use nodes::Nodes;
pub use nodes::UnknownProvider;
pub use stuck::{Stuck, stuck};

/// Who orders the commands: `transom:` and this.
pub const NAME: &str = "provisioning";

/// Enrollments that are looked at in a row when their time ran out.
const TOGETHER: i64 = 100;

/// It is never looked at again.
pub(crate) const NEVER: Timestamp = Timestamp(i64::MAX);

/// It is looked at when a user comes who is not the one that enrolled the device.
const WHEN_OTHERS_COME: Timestamp = Timestamp(i64::MAX - 1);

/// It is looked at when a user comes.
const WHEN_USERS_COME: Timestamp = Timestamp(i64::MAX - 2);

/// Choices of the installation.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is expected of a device that enrolls; `None` to track none.
    pub plan: Option<ProvisioningPlan>,
    /// How long nothing is asked that was asked just now, in milliseconds: a device that is set up comes often.
    pub check_every: i64,
    /// What devices know this server as.
    pub provider_id: String,
    /// Whether devices can be woken.
    pub wakes: bool,
}

/// Tells devices what to expect, and follows it. Cheap enough to clone.
#[derive(Debug, Clone)]
pub struct FirstSync {
    options: Options,
    nodes: Nodes,
}

impl FirstSync {
    /// With these choices.
    pub fn new(options: Options) -> Result<Self, UnknownProvider> {
        let nodes = Nodes::of(&options.provider_id)?;
        Ok(Self { options, nodes })
    }

    /// What is expected of a device of which nothing else is said.
    pub const fn default_plan(&self) -> Option<&ProvisioningPlan> {
        self.options.plan.as_ref()
    }

    /// What ends the page of the device, or of a user, whatever it waits for; each is to follow the one before.
    pub fn ending(&self, user: Option<&Principal>, succeeded: bool) -> Vec<Instruction> {
        self.nodes.ending(user, succeeded)
    }

    /// What is to be sent with a message: nothing most of the time.
    pub fn before_message(&self, tx: &mut Tx<'_>, contact: &Contact, now: Timestamp) -> Result<Vec<NewCommand>, Error> {
        if contact.provisioning_due_at.is_some_and(|due| due > now) {
            return Ok(Vec::new());
        }
        let enrollment = &contact.enrollment;
        let known = if contact.provisioning_due_at.is_some() { tx.provisioning(enrollment)? } else { None };
        let mut provisioning = match (known, &self.options.plan) {
            (Some(known), _) => known,
            (None, Some(plan)) if contact.provisioning_due_at.is_none() && contact.needs_certificate => {
                let begun = Provisioning::begin(plan.clone(), now);
                tell_events(tx, contact, &[happened(&begun.device)], now)?;
                begun
            }
            (None, _) => {
                tx.look_at_provisioning(enrollment, NEVER)?;
                return Ok(Vec::new());
            }
        };
        let mut commands = Vec::new();
        if !(contact.open_commands > 0 && tx.awaits_own(enrollment, NAME)?) {
            let session = session_of(contact);
            commands.extend(self.nodes.step(&mut provisioning.device, &provisioning.plan, session));
        }
        if provisioning.users.iter().any(|part| !part.state.is_final()) {
            let waits = if contact.open_commands > 0 { tx.users_waited_for(enrollment, NAME)? } else { Vec::new() };
            let Provisioning { plan, users, .. } = &mut provisioning;
            for part in users.iter_mut().filter(|part| part.user.as_ref().is_some_and(|user| !waits.contains(user))) {
                commands.extend(self.nodes.step(part, plan, session_of(contact)));
            }
        }
        tx.save_provisioning(enrollment, &provisioning, now)?;
        tx.look_at_provisioning(enrollment, due(&provisioning, contact, self.again(now)))?;
        Ok(commands)
    }

    /// Keeps what a message has told.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        // With the very first message it may just have begun.
        let begins = || (self.options.plan.is_some() && contact.needs_certificate).then_some(now);
        let due_at = contact.provisioning_due_at.or_else(begins);
        let Some(due_at) = due_at.filter(|due| *due != NEVER) else { return Ok(()) };
        let user = speaker(contact, decision);
        let may_be_new = match due_at {
            WHEN_OTHERS_COME => decision.session.sync_type == SyncType::User,
            _ => true,
        };
        let comes = user.as_ref().filter(|_| decision.is_new && may_be_new);
        let over = |state| matches!(state, CommandState::Succeeded | CommandState::Failed);
        let has_answers = due_at < WHEN_USERS_COME && decision.commands.iter().any(|command| over(command.state));
        if comes.is_none() && !has_answers {
            return Ok(());
        }
        let Some(mut provisioning) = tx.provisioning(&contact.enrollment)? else { return Ok(()) };
        let before = provisioning.clone();
        let mut told = Vec::new();
        if comes.is_some_and(|user| provisioning.welcome(user, now)) {
            told.extend(provisioning.users.last().map(happened));
        }
        let mut read: Vec<CommandId> = Vec::new();
        for command in decision.commands.iter().filter(|command| over(command.state)) {
            for ((verb, setting), outcome) in command.instruction.settings().zip(&command.progress.items) {
                let of_user = command.user.as_ref().or(user.as_ref());
                let Some(part) = part_of(&mut provisioning, CommandScope::of(&command.instruction), of_user) else {
                    continue;
                };
                self.nodes.hear(part, (verb, setting), outcome, now);
            }
            if command.instruction.settings().all(|(verb, _)| verb == Verb::Get) {
                read.push(command.id.clone());
            }
        }
        let turned = self.settle(&mut provisioning, now);
        told.extend(turned);
        if provisioning == before && told.is_empty() {
            return Ok(());
        }
        tell_events(tx, contact, &told, now)?;
        tx.save_provisioning(&contact.enrollment, &provisioning, now)?;
        let has_more = provisioning.parts().any(|part| !part.state.is_final()) && !told.is_empty();
        tx.look_at_provisioning(
            &contact.enrollment,
            if has_more { now } else { due(&provisioning, contact, self.again(now)) },
        )?;
        if has_more && self.options.wakes && decision.attempts.is_empty() {
            // The session ends with this message, and the next thing to say would wait for the schedule.
            tx.request_pushes(&[contact.enrollment.as_str().to_owned()], false, now, now)?;
        }
        if read.is_empty() { Ok(()) } else { tx.forget_own(&read, NAME).map(drop) }
    }

    fn again(&self, now: Timestamp) -> Timestamp {
        now.plus_millis(self.options.check_every)
    }

    /// Ends what was not there in time. How many enrollments that was.
    ///
    /// Each is a transaction of its own: one that can't be ended does not keep the others from it, and none holds the
    /// lock of one while it waits for that of another.
    pub async fn watch(&self, store: &Store, now: Timestamp) -> Result<usize, Error> {
        let overdue = store.read(move |tx: &mut Tx<'_>| tx.overdue_provisionings(now, TOGETHER)).await?;
        let mut ended = 0;
        for enrollment in overdue {
            let (this, of) = (self.clone(), enrollment.clone());
            match store.write(move |tx: &mut Tx<'_>| this.end_overdue(tx, &of, now)).await {
                Ok(()) => ended += 1,
                Err(error) => {
                    tracing::error!(%enrollment, %error, "a provisioning whose time ran out could not be ended");
                }
            }
        }
        Ok(ended)
    }

    fn end_overdue(&self, tx: &mut Tx<'_>, enrollment: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        let contact = tx.enrollment_for_update(enrollment)?;
        let known = tx.provisioning(enrollment)?;
        let (Some(contact), Some(mut provisioning)) = (contact, known) else {
            return tx.forget_provisioning_deadline(enrollment);
        };
        let told = self.settle(&mut provisioning, now);
        tell_events(tx, &contact, &told, now)?;
        tx.save_provisioning(enrollment, &provisioning, now)?;
        tx.look_at_provisioning(enrollment, due(&provisioning, &contact, self.again(now)))
    }

    /// Lets each part go as far as it can; what of that is to be told.
    fn settle(&self, provisioning: &mut Provisioning, now: Timestamp) -> Vec<Happened> {
        let Provisioning { plan, device, users } = provisioning;
        let mut told = Vec::new();
        for part in std::iter::once(device).chain(users) {
            let before = part.state;
            while self.nodes.turn(part, plan, now) {}
            if part.state != before {
                told.push(happened(part));
            }
        }
        told
    }
}

/// The session that a message is of, or the one before where it begins one.
fn session_of(contact: &Contact) -> Option<&SessionKey> {
    contact.session.as_ref().map(|(key, _)| key)
}

/// What happened to a part, in words.
type Happened = (&'static str, String);

fn happened(part: &ProvisioningPart) -> Happened {
    let whose = part.user.as_ref().map_or_else(|| "the device".to_owned(), |user| format!("user {user}"));
    let (code, what) = match part.state {
        PartState::Telling => ("provisioning_began", "is to be told what it may expect"),
        PartState::Waiting => ("provisioning_waits", "knows what it may expect"),
        PartState::Finishing => ("provisioning_arrived", "got all that was expected, and is told so"),
        PartState::Following => ("provisioning_told", "knows that all was sent"),
        PartState::Done => ("provisioning_done", "has all that was expected"),
        PartState::Failed => ("provisioning_failed", "could not get all that was expected"),
        PartState::TimedOut => ("provisioning_timed_out", "did not have in time what was expected"),
        PartState::Refused => ("provisioning_refused", "did not take what it was told to expect"),
    };
    (code, format!("provisioning: {whose} {what}"))
}

fn tell_events(tx: &mut Tx<'_>, contact: &Contact, told: &[Happened], now: Timestamp) -> Result<(), Error> {
    let event = |(code, detail): &Happened| Event {
        device: Some(contact.device_id.clone()),
        enrollment: Some(contact.enrollment.clone()),
        detail: Some(detail.clone()),
        ..Event::new(EventKind::Enrollment, code, now)
    };
    let events: Vec<Event> = told.iter().map(event).collect();
    if events.is_empty() { Ok(()) } else { tx.add_events(&events) }
}

/// The part that an answer is of.
fn part_of<'a>(
    provisioning: &'a mut Provisioning,
    scope: CommandScope,
    user: Option<&Principal>,
) -> Option<&'a mut ProvisioningPart> {
    match scope {
        CommandScope::Device => Some(&mut provisioning.device),
        CommandScope::User => provisioning.part_mut(Some(user?)),
        CommandScope::Mixed => None,
    }
}

/// Whose session it is, where nodes of that user can be reached in it.
fn speaker(contact: &Contact, decision: &Decision) -> Option<Principal> {
    let session = &decision.session;
    let said = session.user.as_ref().map(|user| user.name.clone());
    match (session.sync_type, session.login) {
        (SyncType::User, LoginStatus::User | LoginStatus::Unsaid) => said,
        (SyncType::Mixed, LoginStatus::User) => said.or_else(|| contact.upn.as_deref().and_then(Principal::parse)),
        _ => None,
    }
}

/// When it is looked at again.
fn due(provisioning: &Provisioning, contact: &Contact, again: Timestamp) -> Timestamp {
    if provisioning.parts().any(|part| !part.state.is_final()) {
        return again;
    }
    if !provisioning.plan.is_for_users() {
        return NEVER;
    }
    let enrolled = contact.upn.as_deref().and_then(Principal::parse);
    let is_through = enrolled.is_some() && provisioning.users.iter().any(|part| part.user == enrolled);
    if is_through { WHEN_OTHERS_COME } else { WHEN_USERS_COME }
}
