//! What is done about actions although no device speaks: what became of their commands otherwise, what a person says.

use transom_protocol::session::{CommandState, Timestamp};

use super::reading::Readings;
use super::{Actions, Refusal, follow};
use crate::model::{ActionChange, ActionId, ActionState, EnrollmentId};
use crate::store::{Error, Resolution, Tx};

/// Enrollments that one round looks at.
const ROUND: i64 = 200;

/// How a person says that an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// It is not.
    Failed,
}

impl Actions {
    /// One round: call it every half minute or so, from any instance. Says how many actions have changed.
    pub async fn settle(&self, now: Timestamp) -> Result<usize, Error> {
        let before = now.plus_millis(-self.options.accepted_timeout);
        let stirred = self.store.read(move |tx: &mut Tx<'_>| tx.stirred_actions(before, ROUND)).await?;
        let mut changed = 0;
        for enrollment in stirred {
            changed += self.look_again(enrollment, now).await?;
        }
        Ok(changed)
    }

    async fn look_again(&self, enrollment: EnrollmentId, now: Timestamp) -> Result<usize, Error> {
        let actions = self.clone();
        self.store
            .write(move |tx: &mut Tx<'_>| {
                // Where it has not ended, no message of it runs at the same time.
                tx.enrollment_for_update(&enrollment)?;
                actions.look_at(tx, &enrollment, (false, &Readings::default()), now)
            })
            .await
    }

    /// Sees what has become of the actions of an enrollment, after something was done about their commands.
    pub fn refresh(&self, tx: &mut Tx<'_>, enrollment: &EnrollmentId, now: Timestamp) -> Result<usize, Error> {
        self.look_at(tx, enrollment, (false, &Readings::default()), now)
    }

    /// A person says how an action ended that the device says nothing more of.
    pub fn resolve(
        &self,
        tx: &mut Tx<'_>,
        id: &ActionId,
        (verdict, by): (Verdict, &str),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let action = tx.action(id)?.ok_or(Refusal::UnknownAction)?;
        tx.enrollment_for_update(&action.enrollment)?;
        if !matches!(action.state, ActionState::Accepted | ActionState::Unknown) {
            let state = action.state.as_str();
            return Err(Refusal::Standing(format!("the action is {state}: there is no doubt to be ended")));
        }
        let (state, resolution) = match verdict {
            Verdict::Done => (ActionState::Done, Resolution::Succeeded),
            Verdict::Failed => (ActionState::Failed, Resolution::Failed),
        };
        if let Some(command) = tx.command(&action.command)?
            && command.record.state == CommandState::Unknown
        {
            tx.resolve_unknown(&action.command, resolution, by, now)?;
        }
        let detail = format!("by the word of {by}");
        if action.settled_at.is_some() {
            if !tx.resolve_action(id, (state, &detail), now)? {
                return Err(Refusal::Standing("somebody else has ended the doubt".to_owned()));
            }
            return Ok(follow::tell(tx, &action, state, &detail, now)?);
        }
        let change =
            ActionChange { state: Some(state), detail: Some(detail), settled_at: Some(now), ..ActionChange::default() };
        if self.apply(tx, &action, &change, now)? {
            return Ok(());
        }
        Err(Refusal::Standing("somebody else has ended the doubt".to_owned()))
    }
}
