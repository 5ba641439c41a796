//! What could be asked of a device now, and why something could not: what buttons say before anybody presses them.

use transom_protocol::session::DeviceId;

use super::{Actions, Facts, Refusal, Request};
use crate::model::{Device, EnrollmentId, EnrollmentState};
use crate::store::{Contact, Tx};

/// What speaks for and against asking something of a device.
pub(super) struct Standing {
    life: Option<Life>,
    pub(super) facts: Facts,
    /// Something that takes away what can't be brought back is under way: which action.
    destroying: Option<String>,
}

/// The life of a device that something would be asked of.
pub(super) struct Life {
    enrollment: EnrollmentId,
    state: EnrollmentState,
    open_commands: i64,
    has_open_actions: bool,
}

impl From<&Contact> for Life {
    fn from(life: &Contact) -> Self {
        Self {
            enrollment: life.enrollment.clone(),
            state: life.state,
            open_commands: life.open_commands,
            has_open_actions: life.has_open_actions,
        }
    }
}

impl Standing {
    /// How a device stands in a life.
    pub(super) fn of(tx: &mut Tx<'_>, device: &Device, life: Option<Life>) -> Result<Self, Refusal> {
        let facts = Facts::of(&tx.facts(&device.key)?, device.info.os_version.as_deref());
        let destroying = match &life {
            Some(life) if life.has_open_actions => {
                let open = tx.open_actions(&life.enrollment)?;
                open.into_iter().find(|open| open.action.kind.destroys()).map(|open| open.action.id.to_string())
            }
            _ => None,
        };
        Ok(Self { life, facts, destroying })
    }

    /// Refuses what can't be asked for.
    pub(super) fn check(&self, request: &Request) -> Result<(), Refusal> {
        let life = self.life.as_ref().ok_or(Refusal::NotEnrolled)?;
        if life.state == EnrollmentState::Unenrolling && life.open_commands > 0 {
            return Err(Refusal::Leaving);
        }
        request.needs().check(&self.facts)?;
        match &self.destroying {
            // A second wipe is a new decision, for one who knows what became of the first.
            Some(before) if request.kind().destroys() => Err(Refusal::UnderWay(before.clone())),
            _ => Ok(()),
        }
    }
}

impl Actions {
    /// For each request why it would be refused now, and nothing where it would not.
    pub fn obstacles(
        &self,
        tx: &mut Tx<'_>,
        device: &DeviceId,
        requests: &[Request],
    ) -> Result<Vec<Option<Refusal>>, Refusal> {
        let found = tx.device(device)?.ok_or(Refusal::UnknownDevice)?;
        // Looked at, not held: nothing is changed here.
        let life = found.enrollment.as_ref().filter(|life| life.state.is_live()).map(|life| Life {
            enrollment: life.id.clone(),
            state: life.state,
            open_commands: life.open_commands,
            has_open_actions: true,
        });
        let standing = Standing::of(tx, &found, life)?;
        let of = |request: &Request| match (standing.check(request), request) {
            (Err(refusal), _) => Some(refusal),
            (Ok(()), Request::CollectDiagnostics(_)) if self.upload_base.get().is_none() => Some(Refusal::NoUploads),
            _ => None,
        };
        Ok(requests.iter().map(of).collect())
    }
}
