//! What is enough to believe the messages of a device, as an operator wants it.
//!
//! A device that could never get in again under a policy would have to be fetched from wherever it is, so that one which
//! the device does not meet today has to be asked for with force.

use transom_protocol::session::{Account, DeviceId, Means, ProofSet, Timestamp};

use super::effects::tell;
use super::service::Management;
use crate::model::EventKind;
use crate::store::{Contact, Error, Tx};

pub use transom_protocol::session::ProofPolicy;

/// Why it could not be set.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PolicyError {
    /// It is not enrolled.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// It has nothing of what would be demanded.
    #[error(
        "the device would be shut out: of what it could be believed by it has {has}{hint}; force it if that is what you want"
    )]
    Unmet {
        /// What it has.
        has: String,
        /// What would help.
        hint: &'static str,
    },
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// How it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    /// What is enough.
    pub proofs: ProofPolicy,
    /// Whether that is what the settings say.
    pub is_default: bool,
}

impl Management {
    /// Sets what is enough to believe the messages of a device; `None` for what the settings say. Holds from the next
    /// message on.
    pub fn set_proofs(
        &self,
        tx: &mut Tx<'_>,
        device: &DeviceId,
        proofs: Option<&ProofPolicy>,
        (force, by): (bool, &str),
        now: Timestamp,
    ) -> Result<PolicySet, PolicyError> {
        let lives = tx.live_enrollments(device)?;
        let newest = lives.first().ok_or(PolicyError::NotEnrolled)?;
        let policy = proofs.unwrap_or(&self.options().proofs);
        let has = available(tx, newest)?;
        if !force && !policy.can_be_met(has, newest.needs_certificate) {
            let signs = policy.names_signatures() && !has.has(Means::Signature);
            let hint = if signs { " (transom device signing ID require has it sign)" } else { "" };
            return Err(PolicyError::Unmet { has: has.to_string(), hint });
        }
        let account = Account { proofs: proofs.cloned(), ..newest.account.clone() };
        tx.save_standing(&newest.enrollment, Some(&account), None)?;
        let detail = format!("the device is believed by {policy}, set by {by}");
        tell(tx, newest, (EventKind::Security, "proofs_set"), detail, now)?;
        Ok(PolicySet { proofs: policy.clone(), is_default: proofs.is_none() })
    }
}

/// What the device can prove itself with, as far as is known here.
fn available(tx: &mut Tx<'_>, contact: &Contact) -> Result<ProofSet, Error> {
    let mut has = ProofSet::NONE.with(Means::of_account(contact.account.scheme));
    if contact.needs_certificate && !tx.certificates_of(&contact.enrollment)?.is_empty() {
        has = has.with(Means::Certificate);
        if contact.signing_confirmed_at.is_some() {
            has = has.with(Means::Signature);
        }
    }
    Ok(has)
}
