//! Whether a device signs its messages: told to it, confirmed by it, and only then demanded
//! (`DMClient/Provider/<PROVIDER-ID>/RequireMessageSigning`).

use transom_protocol::csp::{IfExists, Instruction, Operation, Setting};
use transom_protocol::session::{CommandState, Decision, DeviceId, Timestamp};
use transom_protocol::syncml::{Format, Verb};

use super::{Management, Order, effects::tell};
use crate::model::{Actor, AuditRecord, BatchId, EventKind, NewCommand, NotEnqueued, Signing, provider_node};
use crate::store::{Contact, Error, Tx};

/// Why it could not be set.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// It is not enrolled.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// Nobody could verify what it signs.
    #[error("this server has given the device no certificate, so that its signatures can't be verified")]
    NoCertificate,
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

/// What became of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningSet {
    /// How it is now.
    pub signing: Signing,
    /// Whether the device is to be told with its next session.
    pub to_be_told: bool,
    /// Whether the device has said before that it signs.
    pub is_confirmed: bool,
}

impl Management {
    /// Sets whether messages of a device are signed. What has to change on the device is queued; messages without a
    /// signature are refused only when the device has said that it signs.
    pub fn set_signing(
        &self,
        tx: &mut Tx<'_>,
        device: DeviceId,
        (signing, provider_id): (Signing, Option<&str>),
        by: &Actor,
        now: Timestamp,
    ) -> Result<SigningSet, SigningError> {
        let provider = provider_id.unwrap_or(&self.options().provider_id);
        let command = |required| command(provider, required).ok_or(SigningError::ProviderId);
        let (require, release) = (command(true)?, command(false)?);
        let lives = tx.live_enrollments(&device)?;
        let newest = lives.first().ok_or(SigningError::NotEnrolled)?;
        let was_required = newest.signing == Some(Signing::Require) || newest.signing_confirmed_at.is_some();
        if signing == Signing::Require && tx.certificates_of(&newest.enrollment)?.is_empty() {
            return Err(SigningError::NoCertificate);
        }
        let order = match signing {
            Signing::Require if newest.signing_confirmed_at.is_none() => Some(require),
            Signing::Off | Signing::Accept if was_required => Some(release),
            _ => None,
        };
        let to_be_told = order.is_some();
        if let Some(command) = order {
            let order = Order {
                devices: vec![device],
                commands: vec![NewCommand::new(command)],
                by: by.clone(),
                unchecked: None,
            };
            for one in self.enqueue(tx, &order, &order.devices, &BatchId::new(now), now)? {
                one.commands.map_err(|why| match why {
                    NotEnqueued::QueueFull => SigningError::QueueFull,
                    _ => SigningError::NotEnrolled,
                })?;
            }
        }
        tx.set_signing(&newest.enrollment, signing)?;
        let detail = format!("message signing is set to {} by {}", signing.as_str(), by.name);
        tell(tx, newest, (EventKind::Security, "signing_set"), detail, now)?;
        let record = AuditRecord::new("device.signing", "device", newest.device_id.as_str())
            .before(serde_json::json!({"signing": newest.signing}))
            .after(serde_json::json!({"signing": signing}));
        tx.audit(by, record, now);
        if to_be_told {
            self.count_ordered(1);
        }
        Ok(SigningSet { signing, to_be_told, is_confirmed: newest.signing_confirmed_at.is_some() })
    }
}

/// What a message says of signing: that the device does so from now on, or no longer.
pub(super) fn follow(tx: &mut Tx<'_>, contact: &Contact, decision: &Decision, now: Timestamp) -> Result<(), Error> {
    let done = decision.commands.iter().filter(|command| command.state == CommandState::Succeeded);
    let Some(signs) = done.filter_map(|command| wanted(&command.instruction)).next_back() else { return Ok(()) };
    if signs == contact.signing_confirmed_at.is_some() {
        return Ok(());
    }
    tx.confirm_signing(&contact.enrollment, signs.then_some(now))?;
    let detail = if signs { "the device signs its messages" } else { "the device no longer signs its messages" };
    tell(tx, contact, (EventKind::Security, if signs { "signing" } else { "not_signing" }), detail.to_owned(), now)
}

/// What an instruction tells a device about signing, whoever ordered it.
fn wanted(instruction: &Instruction) -> Option<bool> {
    let told = instruction.settings().filter(|(verb, setting)| {
        let target = setting.target.as_str().to_ascii_lowercase();
        matches!(verb, Verb::Replace | Verb::Add)
            && target.contains("/dmclient/provider/")
            && target.ends_with("/requiremessagesigning")
    });
    told.filter_map(|(_, setting)| setting.data.as_deref()?.trim().to_ascii_lowercase().parse().ok()).last()
}

fn command(provider_id: &str, required: bool) -> Option<Instruction> {
    let target = provider_node(provider_id, "RequireMessageSigning")?;
    let setting = Setting { target, format: Some(Format::Bool), mime: None, data: Some(required.to_string()) };
    Some(Instruction::Single(Operation { verb: Verb::Replace, items: vec![setting], if_exists: IfExists::Fail }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_about_signing_is_known_again() {
        assert_eq!(wanted(&command("Transom", true).unwrap()), Some(true));
        assert_eq!(wanted(&command("MS DM Server", false).unwrap()), Some(false));
        assert!(command("MS DM Server", true).unwrap().settings().all(|(_, setting)| {
            setting.target.as_str() == "./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/RequireMessageSigning"
        }));
    }
}
