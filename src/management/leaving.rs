//! Leaving: the device goes by itself, is told to go, or is cut off (MS-MDM 3.2.5.1.3; CSP `DMClient`).

use transom_protocol::csp::{IfExists, Instruction, Operation, Setting};
use transom_protocol::session::{CommandState, Decision, DeviceId, Ending, Pending, Phase, Timestamp};
use transom_protocol::syncml::{Format, Verb};

use super::{Management, Order, effects::tell};
use crate::model::{
    Actor, AuditRecord, BatchId, EnrollmentId, EnrollmentState, EventKind, NewCommand, NotEnqueued, ReasonCode,
    provider_node,
};
use crate::store::{Contact, Error, Tx};

/// Why a device can't be told to leave, or cut off.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// It is not enrolled.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// It has an enrollment that it never used, so that nobody is there to be told.
    #[error("the device has not used its newest enrollment yet; block it to take that back")]
    NeverUsed,
    /// No device can know its server by this name.
    #[error("this can't be a PROVIDER-ID")]
    ProviderId,
    /// Its queue is full.
    #[error("the queue of the device is full; clear it first")]
    QueueFull,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What became of the wish that a device leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It will be told when it comes next.
    ToBeTold,
    /// It was to be told already.
    Already,
}

impl Management {
    /// Tells a device to leave management: behind all that waits for it, alone, in the last message that it gets. Its
    /// certificate stays good until it says that it leaves, because it says so with that certificate.
    ///
    /// `provider_id` is what the device knows its management server as, where that is another name than ours: imported
    /// enrollments have the one of their former server.
    pub async fn unenroll(
        &self,
        device: DeviceId,
        provider_id: Option<String>,
        by: Actor,
        now: Timestamp,
    ) -> Result<Left, LeaveError> {
        let provider = provider_id.unwrap_or_else(|| self.options().provider_id.clone());
        let command = unenroll_command(&provider).ok_or(LeaveError::ProviderId)?;
        let order = Order { devices: vec![device], commands: vec![NewCommand::new(command)], by, unchecked: None };
        let management = self.clone();
        let left = self
            .store()
            .write(move |tx: &mut Tx<'_>| {
                let Some(device) = order.devices.first() else { return Err(LeaveError::NotEnrolled) };
                let lives = tx.live_enrollments(device)?;
                let newest = lives.first().ok_or(LeaveError::NotEnrolled)?;
                match newest.state {
                    EnrollmentState::Pending => return Err(LeaveError::NeverUsed),
                    EnrollmentState::Unenrolling if newest.open_commands > 0 => return Ok(Left::Already),
                    _ => {}
                }
                let enqueued = management.enqueue(tx, &order, &order.devices, &BatchId::new(now), now)?;
                for one in enqueued {
                    one.commands.map_err(|why| match why {
                        NotEnqueued::QueueFull => LeaveError::QueueFull,
                        _ => LeaveError::NotEnrolled,
                    })?;
                }
                tx.begin_unenrolling(&newest.enrollment)?;
                tell(
                    tx,
                    newest,
                    (EventKind::Enrollment, "unenrolling"),
                    format!("to be told to leave, by {}", order.by.name),
                    now,
                )?;
                tx.audit(&order.by, AuditRecord::new("device.unenroll", "device", device.as_str()), now);
                Ok(Left::ToBeTold)
            })
            .await?;
        if left == Left::ToBeTold {
            self.count_ordered(1);
        }
        Ok(left)
    }

    /// Cuts a device off at once: every enrollment of it ends, its certificates and credentials are void from the next
    /// message on, also on open connections. Gives how many enrollments that were.
    pub async fn block(&self, device: DeviceId, by: Actor, now: Timestamp) -> Result<usize, LeaveError> {
        self.store()
            .write(move |tx: &mut Tx<'_>| {
                let lives = tx.live_enrollments(&device)?;
                if lives.is_empty() {
                    return Err(LeaveError::NotEnrolled);
                }
                for life in &lives {
                    tx.block_enrollment(&life.enrollment, now)?;
                    tell(tx, life, (EventKind::Enrollment, "blocked"), format!("cut off by {}", by.name), now)?;
                }
                tx.audit(&by, AuditRecord::new("device.block", "device", device.as_str()), now);
                Ok(lives.len())
            })
            .await
    }

    /// The device was told to leave, and its time has passed.
    pub(super) async fn give_up_leave(&self, enrollment: EnrollmentId, now: Timestamp) -> Result<bool, Error> {
        self.store()
            .write(move |tx: &mut Tx<'_>| {
                let Some(contact) = tx.enrollment_for_update(&enrollment)? else { return Ok(false) };
                if contact.leave_by.is_none_or(|by| by >= now) {
                    return Ok(false);
                }
                tx.lose_enrollment(&enrollment, now)?;
                let detail = "told to leave, and not heard of since: whether it did is not known".to_owned();
                tell(tx, &contact, (EventKind::Enrollment, "unknown"), detail, now)?;
                Ok(true)
            })
            .await
    }
}

/// What a message says of leaving: that the device left, or that it is told to with this reply, or that it would not.
pub(super) fn follow(
    tx: &mut Tx<'_>,
    contact: &Contact,
    decision: &Decision,
    timeout: i64,
    now: Timestamp,
) -> Result<(), Error> {
    if decision.session.phase == Phase::Ended(Ending::Unenrolled) {
        if contact.state == EnrollmentState::Unenrolling {
            let detail = "the device was told to leave, and left".to_owned();
            tx.supersede_waiting(&contact.enrollment, None, (ReasonCode::Unenrolled, detail), now)?;
        }
        return tx.end_enrollment(&contact.enrollment, now);
    }
    let told = |command: &Pending| decision.attempts.iter().any(|attempt| attempt.command == command.id);
    let mut orders = decision.commands.iter().filter(|command| is_unenroll(&command.instruction));
    match orders.next() {
        Some(command) if told(command) => tx.expect_leave(&contact.enrollment, now.plus_millis(timeout)),
        Some(command) if contact.state == EnrollmentState::Unenrolling && stays(command.state) => {
            tx.stop_unenrolling(&contact.enrollment)
        }
        _ => Ok(()),
    }
}

/// Whether a command to leave ended so that the device stays.
const fn stays(state: CommandState) -> bool {
    matches!(state, CommandState::Failed | CommandState::Expired | CommandState::Canceled | CommandState::Superseded)
}

fn is_unenroll(instruction: &Instruction) -> bool {
    instruction.settings().any(|(verb, setting)| {
        let target = setting.target.as_str().to_ascii_lowercase();
        verb == Verb::Exec && target.contains("/dmclient/") && target.ends_with("/unenroll")
    })
}

/// `DMClient/Provider/<PROVIDER-ID>/Unenroll`: no Status ever comes back, only the alert that the device leaves.
fn unenroll_command(provider_id: &str) -> Option<Instruction> {
    let target = provider_node(provider_id, "Unenroll")?;
    let setting = Setting { target, format: Some(Format::Chr), mime: None, data: Some(provider_id.to_owned()) };
    Some(Instruction::Single(Operation { verb: Verb::Exec, items: vec![setting], if_exists: IfExists::Fail }))
}
