//! Other credentials for a device that is in use: offered through its queue, right beside the old ones until the device
//! uses them, retired or withdrawn by what the device does (DDF of the `DMAcc` CSP, OMA DM Security 5).
//!
//! The secrets are drawn here, stand sealed in the queue and as their digest in the account, and are redacted in the
//! journal like every `AAuthSecret`. Which of them a device has is not guessed at: a lost reply leaves both right.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use transom_protocol::csp::{IfExists, Instruction, Operation, Setting};
use transom_protocol::enrollment::{CredentialSide, secret_node};
use transom_protocol::session::{
    A1, Account, CommandState, Credential, Decision, DeviceId, Offered, Pending, Timestamp, TooManyOffered,
};
use transom_protocol::syncml::{Format, StatusClass, Verb};
use zeroize::Zeroizing;

use super::exchange::Frame;
use super::{Management, Order, effects::tell};
use crate::model::{Actor, AuditRecord, BatchId, EventKind, NewCommand, NewCommands, NotEnqueued, OWN};
use crate::store::{Contact, Error, Tx};

/// Why no other credentials were offered.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// It is not enrolled.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// No device can know its server by this name.
    #[error("this can't be a PROVIDER-ID")]
    ProviderId,
    /// Its queue is full.
    #[error("the queue of the device is full; clear it first")]
    QueueFull,
    /// An old offer would have to be forgotten.
    #[error(transparent)]
    TooMany(#[from] TooManyOffered),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The node names of both sides, in lower case.
const CLIENT_NODE: &str = "/appauth/clcred/aauthsecret";
const SERVER_NODE: &str = "/appauth/srvcred/aauthsecret";

impl Management {
    /// Offers a device other credentials: it is told with its next session, and uses them from the one after it.
    pub fn rotate_credentials(
        &self,
        tx: &mut Tx<'_>,
        device: &DeviceId,
        provider_id: Option<&str>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), RotationError> {
        let lives = tx.live_enrollments(device)?;
        let newest = lives.first().ok_or(RotationError::NotEnrolled)?;
        let provider = provider_id.unwrap_or(&self.options().provider_id);
        let mut account = newest.account.clone();
        let command = offer(&mut account, provider, now)?;
        let order = Order {
            devices: vec![device.clone()],
            commands: vec![NewCommand::new(command)],
            by: by.clone(),
            unchecked: None,
        };
        for one in self.enqueue(tx, &order, &order.devices, &BatchId::new(now), now)? {
            one.commands.map_err(|why| match why {
                NotEnqueued::QueueFull => RotationError::QueueFull,
                _ => RotationError::NotEnrolled,
            })?;
        }
        tx.save_standing(&newest.enrollment, Some(&account), None)?;
        let detail = format!("the device is offered other credentials, by {}", by.name);
        tell(tx, newest, (EventKind::Security, "credentials_offered"), detail, now)?;
        tx.audit(by, AuditRecord::new("device.rotate_credentials", "device", newest.device_id.as_str()), now);
        self.count_ordered(1);
        Ok(())
    }
}

/// Draws other credentials, offers them, and gives the command that tells them.
fn offer(account: &mut Account, provider_id: &str, now: Timestamp) -> Result<Instruction, RotationError> {
    let mut items = Vec::new();
    let mut draw = |side, name: &str| {
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(Zeroizing::new(rand::random::<[u8; 24]>())));
        let target = secret_node(provider_id, side).parse().map_err(|_| RotationError::ProviderId)?;
        let a1 = A1::new(name, &secret);
        items.push(Setting { target, format: Some(Format::Chr), mime: None, data: Some(secret.to_string()) });
        Ok::<_, RotationError>(Credential { name: name.to_owned(), a1 })
    };
    let client = draw(CredentialSide::Client, &account.client.name)?;
    let server = account.server.as_ref().map(|server| draw(CredentialSide::Server, &server.name)).transpose()?;
    account.offer(Offered { client, server, at: now })?;
    Ok(Instruction::Single(Operation { verb: Verb::Replace, items, if_exists: IfExists::Fail }))
}

/// What a message says of credentials that were offered: a device that refused them will never use them.
pub(super) fn follow(tx: &mut Tx<'_>, contact: &Contact, decision: &Decision, now: Timestamp) -> Result<(), Error> {
    let account = decision.account.as_ref().unwrap_or(&contact.account);
    if account.rotation.offered.is_empty() {
        return Ok(());
    }
    let mut left = account.clone();
    for command in decision.commands.iter().filter(|command| never_taken(command.state)) {
        forget_refused(&mut left, command, now);
    }
    if left == *account {
        return Ok(());
    }
    tx.save_standing(&contact.enrollment, Some(&left), None)?;
    let detail = "the device did not take the credentials that it was offered; the old ones stay".to_owned();
    tell(tx, contact, (EventKind::Security, "credentials_refused"), detail, now)
}

const fn never_taken(state: CommandState) -> bool {
    matches!(state, CommandState::Failed)
}

/// Withdraws what a command told and the device refused. A half that it took stays right.
fn forget_refused(account: &mut Account, command: &Pending, now: Timestamp) {
    for (place, (_, setting)) in command.instruction.settings().enumerate() {
        let target = setting.target.as_str().to_ascii_lowercase();
        let refused = command.progress.items.get(place).and_then(|item| item.status);
        let Some(secret) = setting.data.as_deref() else { continue };
        // Without a Status, as when nobody answered, it may have been taken.
        if !refused.is_some_and(|code| matches!(code.class(), StatusClass::Failed | StatusClass::RolledBack)) {
            continue;
        }
        if target.ends_with(CLIENT_NODE) {
            let a1 = A1::new(&account.client.name, secret);
            if let Some(at) = account.rotation.offered.iter().find(|one| one.client.a1 == a1).map(|one| one.at) {
                account.withdraw(at);
                account.rotation.refused_at = Some(now);
            }
        } else if target.ends_with(SERVER_NODE) {
            for offered in &mut account.rotation.offered {
                offered.server.take_if(|server| server.a1 == A1::new(&server.name, secret));
            }
        }
    }
}

/// Offers other credentials to a device whose own are older than the settings want, once it is there.
pub(super) fn renew_old(
    tx: &mut Tx<'_>,
    contact: &Contact,
    decision: &Decision,
    frame: &Frame<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(max_age) = frame.credentials_max_age.filter(|_| contact.needs_certificate) else { return Ok(()) };
    let account = decision.account.as_ref().unwrap_or(&contact.account);
    let rotation = &account.rotation;
    let last = [rotation.since, rotation.refused_at, Some(contact.created_at)].into_iter().flatten().max();
    let is_due = last.is_some_and(|last| now.millis_since(last) >= max_age);
    if !is_due || !rotation.offered.is_empty() || contact.leave_by.is_some() {
        return Ok(());
    }
    let mut account = account.clone();
    // The names come from the settings, which were checked.
    let Ok(command) = offer(&mut account, frame.provider_id, now) else { return Ok(()) };
    let new = NewCommands {
        devices: Vec::new(),
        commands: vec![NewCommand::new(command)],
        batch: None,
        created_by: format!("{OWN}credentials"),
        max_open: frame.max_open,
        wake: false,
    };
    if tx.enqueue_own(&contact.enrollment, &new, now)?.is_empty() {
        return Ok(());
    }
    tx.save_standing(&contact.enrollment, Some(&account), None)?;
    let detail = "the credentials of the device are old; it is offered others".to_owned();
    tell(tx, contact, (EventKind::Security, "credentials_offered"), detail, now)
}
