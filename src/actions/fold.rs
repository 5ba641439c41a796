//! Where an action stands, from where its command stands and what the device has said: a function of values.

use transom_protocol::session::{CommandState, Reason, ReasonCode, Timestamp};

use super::plan::End;
use super::reading::{Baseline, Readings, Told};
use super::{Refusal, Request};
use crate::model::{ActionChange, ActionState, OpenAction, Secret};

/// What is new since the action was last looked at.
#[derive(Debug)]
pub(super) struct News<'a> {
    /// A session has begun with this message.
    pub(super) begins: bool,
    /// What was read.
    pub(super) readings: &'a Readings,
    /// Accepted before then and silent since: nothing more is expected.
    pub(super) given_up: Timestamp,
    pub(super) now: Timestamp,
}

/// How long after it was accepted a device is asked for the first time, in milliseconds.
pub(super) const FIRST_ASK: i64 = 2 * 60 * 1000;

/// Where an action goes: to a state, for a reason, and whether it ends there.
struct Step {
    state: ActionState,
    detail: Option<String>,
    ends: bool,
}

impl Step {
    const fn to(state: ActionState) -> Self {
        Self { state, detail: None, ends: false }
    }

    fn end(state: ActionState, detail: impl Into<String>) -> Self {
        Self { state, detail: Some(detail.into()), ends: true }
    }
}

/// What changes about an action.
pub(super) fn fold(open: &OpenAction, request: &Request, news: &News<'_>) -> Result<ActionChange, Refusal> {
    let was_accepted = open.action.accepted_at.is_some();
    let end = request.end();
    let mut change = ActionChange::default();
    let mut step = by_command(open, end);
    let accepted = was_accepted || matches!(&step, Some(step) if step.state == ActionState::Accepted);
    if accepted && !was_accepted {
        change.accepted_at = Some(news.now);
        if !request.nodes()?.is_empty() {
            change.ask = Some((Some(news.now.plus_millis(FIRST_ASK)), 0));
        }
    }
    let doubtful = open.action.state == ActionState::Unknown;
    if was_accepted || doubtful {
        let before = baseline(open);
        match request.judge(&open.action.id, news.readings, &before)? {
            Told::Nothing => {}
            Told::GoesOn(progress) if open.action.progress.as_ref() == Some(&progress) => {}
            Told::GoesOn(progress) => change.progress = Some(progress),
            Told::Done(detail) => step = Some(Step::end(ActionState::Done, detail)),
            Told::Failed(detail) => step = Some(Step::end(ActionState::Failed, detail)),
        }
    } else if !news.readings.is_empty() && open.baseline.is_none() {
        let before = news.readings.baseline(&request.nodes()?);
        if !before.is_empty() {
            change.baseline = serde_json::to_string(&before).ok().map(Secret::new);
        }
    }
    if was_accepted && news.begins {
        match end {
            End::Return => step = Some(Step::end(ActionState::Done, "the device has come back")),
            End::Rebirth => {
                let still = "the device has come back with its old enrollment since: it is not erased, or not yet";
                change.progress = Some(still.to_owned()).filter(|still| open.action.progress.as_ref() != Some(still));
            }
            _ => {}
        }
    }
    let is_over = |step: &Option<Step>| step.as_ref().is_some_and(|step| step.ends);
    if open.ended && !is_over(&step) {
        step = Some(by_end(open, end, accepted));
    }
    let silent_since = open.action.accepted_at.filter(|at| *at < news.given_up);
    if silent_since.is_some() && !is_over(&step) {
        let what = "the device took it on and has not said since how it ended";
        step = Some(Step::end(ActionState::Unknown, what));
    }
    if let Some(step) = step {
        change.state = Some(step.state).filter(|state| *state != open.action.state);
        change.detail = step.detail.filter(|detail| open.action.detail.as_ref() != Some(detail));
        change.settled_at = step.ends.then_some(news.now);
    }
    Ok(change)
}

/// Where the command leads.
fn by_command(open: &OpenAction, end: End) -> Option<Step> {
    let (state, reason) = open.command.as_ref()?;
    let was_accepted = open.action.accepted_at.is_some();
    let why = || reason.as_ref().map_or_else(|| "see its command".to_owned(), words);
    let by_person = reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::ByOperator);
    Some(match state {
        CommandState::Queued => Step::to(ActionState::Queued),
        CommandState::Sent => Step::to(ActionState::Sent),
        CommandState::Deferred if reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Accepted) => {
            Step::to(ActionState::Accepted)
        }
        CommandState::Deferred => Step { detail: Some(why()), ..Step::to(ActionState::Queued) },
        CommandState::Succeeded if by_person && !was_accepted => Step::end(ActionState::Done, why()),
        CommandState::Succeeded => match end {
            End::Status => Step::end(ActionState::Done, "the device answered that it did; it has no other word for it"),
            End::Report => Step::end(ActionState::Done, "the device has reported its success"),
            End::Return | End::Rebirth | End::Reading | End::Upload => Step::to(ActionState::Accepted),
        },
        CommandState::Failed => Step::end(ActionState::Failed, why()),
        // What the device says when it is asked may still end the doubt.
        CommandState::Unknown => Step { detail: Some(why()), ..Step::to(ActionState::Unknown) },
        CommandState::Expired => Step::end(ActionState::Expired, why()),
        CommandState::Canceled => Step::end(ActionState::Canceled, why()),
        CommandState::Superseded => Step::end(ActionState::Superseded, why()),
    })
}

/// The enrollment has ended before the device said how this did.
fn by_end(open: &OpenAction, end: End, accepted: bool) -> Step {
    match end {
        End::Rebirth if accepted && open.followed => {
            Step::end(ActionState::Done, "the device has enrolled anew since it took it")
        }
        _ => Step::end(ActionState::Unknown, "the device left management before it said how this ended"),
    }
}

fn words(reason: &Reason) -> String {
    let meaning = reason.code.meaning();
    reason.detail.as_ref().map_or_else(|| meaning.to_owned(), |detail| format!("{meaning} ({detail})"))
}

/// What the device said before.
fn baseline(open: &OpenAction) -> Baseline {
    open.baseline.as_ref().and_then(|json| serde_json::from_str(json.expose()).ok()).unwrap_or_default()
}
