//! What messages of a device have to do with what was asked of it: it is asked how far it is, and its answers are heard.

use transom_protocol::session::{Decision, Phase, ReasonCode, Timestamp};

use super::fold::{FIRST_ASK, News, fold};
use super::plan::read;
use super::reading::Readings;
use super::{Actions, Request};
use crate::model::{
    Action, ActionChange, ActionKind, ActionState, EnrollmentId, Event, EventKind, NewCommand, OpenAction,
    RecoveryKeyKind,
};
use crate::store::{Contact, Error, Tx};

/// Longest time between two questions to a device, in milliseconds.
const LONGEST_PAUSE: i64 = 4 * 60 * 60 * 1000;

impl Actions {
    /// What a device is to be asked with its next message: how far it is, at the beginning of each session and now and
    /// then in a long one.
    pub fn before_message(&self, tx: &mut Tx<'_>, contact: &Contact, now: Timestamp) -> Result<Vec<NewCommand>, Error> {
        if !contact.has_open_actions {
            return Ok(Vec::new());
        }
        let begins = contact.session.as_ref().is_none_or(|(_, session)| session.phase != Phase::Open);
        let mut asked = Vec::new();
        for open in tx.open_actions(&contact.enrollment)? {
            let is_under_way = matches!(open.action.state, ActionState::Accepted | ActionState::Unknown);
            let is_due = open.ask_at.is_some_and(|at| begins || at <= now);
            if !is_under_way || !(is_due || (begins && open.action.state == ActionState::Unknown)) {
                continue;
            }
            let nodes = request_of(&open).and_then(|request| request.nodes().ok()).unwrap_or_default();
            if nodes.is_empty() {
                continue;
            }
            let again = now.plus_millis(pause(open.asks));
            let ask = Some((Some(again), open.asks.saturating_add(1)));
            tx.change_action(&open.action, &ActionChange { ask, ..ActionChange::default() })?;
            self.wake(tx, &contact.enrollment, again, now)?;
            asked.extend(nodes.into_iter().map(read));
        }
        Ok(asked)
    }

    /// What a message has told of what was asked.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        if !contact.has_open_actions {
            return Ok(());
        }
        let readings = Readings::of(decision);
        self.look_at(tx, &contact.enrollment, (decision.is_new, &readings), now).map(drop)
    }

    /// Sees what has become of the actions of an enrollment. Says how many have changed.
    pub(super) fn look_at(
        &self,
        tx: &mut Tx<'_>,
        enrollment: &EnrollmentId,
        (begins, readings): (bool, &Readings),
        now: Timestamp,
    ) -> Result<usize, Error> {
        let given_up = now.plus_millis(-self.options.accepted_timeout);
        let news = News { begins, readings, given_up, now };
        let mut changed = 0;
        for open in tx.open_actions(enrollment)? {
            let Some(request) = request_of(&open) else { continue };
            let change = match fold(&open, &request, &news) {
                Ok(change) => change,
                Err(error) => {
                    tracing::error!(action = %open.action.id, %error, "what became of an action can't be told");
                    continue;
                }
            };
            changed += usize::from(self.apply(tx, &open.action, &change, now)?);
        }
        Ok(changed)
    }

    /// Keeps a change, tells it, and does what follows from it.
    pub(super) fn apply(
        &self,
        tx: &mut Tx<'_>,
        action: &Action,
        change: &ActionChange,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let is_nothing = change.state.is_none()
            && change.progress.is_none()
            && change.detail.is_none()
            && change.baseline.is_none()
            && change.accepted_at.is_none()
            && change.settled_at.is_none();
        if is_nothing || !tx.change_action(action, change)? {
            return Ok(false);
        }
        let state = change.state.unwrap_or(action.state);
        if change.accepted_at.is_some() {
            if action.kind == ActionKind::Wipe {
                let detail = format!("by the command {}", action.command);
                let reason = (ReasonCode::Erased, detail);
                tx.supersede_waiting(&action.enrollment, Some(&action.command), reason, now)?;
            }
            if let Some((Some(at), _)) = change.ask {
                self.wake(tx, &action.enrollment, at, now)?;
            }
        }
        if state == ActionState::Done {
            let rotated = match action.kind {
                ActionKind::RotateRecoveryPasswords => Some(RecoveryKeyKind::Bitlocker),
                ActionKind::ResetLapsPassword => Some(RecoveryKeyKind::Laps),
                _ => None,
            };
            if let Some(kind) = rotated {
                tx.outdate_recovery_keys(&action.device_id, kind, None, action.created_at)?;
            }
        }
        if change.state.is_some() || change.settled_at.is_some() {
            tell(tx, action, state, change.detail.as_deref().unwrap_or_default(), now)?;
        }
        Ok(true)
    }

    /// Wakes a device, so that it says how far it is.
    fn wake(&self, tx: &mut Tx<'_>, enrollment: &EnrollmentId, at: Timestamp, now: Timestamp) -> Result<(), Error> {
        if !self.options.wakes {
            return Ok(());
        }
        tx.request_pushes(&[enrollment.as_str().to_owned()], false, at, now).map(drop)
    }
}

/// Tells where an action stands now.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    action: &Action,
    state: ActionState,
    detail: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let about = format!("{} {}", action.kind.as_str().replace('_', " "), action.id);
    let detail = if detail.is_empty() { about } else { format!("{about}: {detail}") };
    tx.add_events(&[Event {
        device: Some(action.device_id.clone()),
        enrollment: Some(action.enrollment.clone()),
        detail: Some(detail),
        ..Event::new(EventKind::Action, &format!("{}_{}", action.kind.as_str(), state.as_str()), now)
    }])
}

/// What was asked for. What can't be read any more is left to a person.
fn request_of(open: &OpenAction) -> Option<Request> {
    serde_json::from_str(open.request.expose()).ok()
}

/// Doubles from question to question.
fn pause(asks: u32) -> i64 {
    FIRST_ASK.saturating_mul(1 << asks.min(10)).min(LONGEST_PAUSE)
}
