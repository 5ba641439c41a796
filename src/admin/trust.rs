//! What is enough to believe the messages of a device.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::{as_seen, named_device};
use super::{Admin, Error, Repetition};
use crate::management::PolicyError;
use crate::model::{Actor, AuditRecord, ProofPolicy, Timestamp};

/// What is to be enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTrust {
    /// `standard`, or `certificate`, `signature`, `digest` and `basic`, joined by `and` and `or`; `null` for what the
    /// settings say.
    #[schema(value_type = Option<String>)]
    pub proofs: Option<ProofPolicy>,
    /// Also where the device has nothing of it today.
    #[serde(default)]
    pub force: bool,
}

/// What is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustJson {
    /// `standard`, or `certificate`, `signature`, `digest` and `basic`, joined by `and` and `or`.
    #[schema(value_type = String)]
    pub proofs: ProofPolicy,
    /// Whether that is what the settings say.
    pub is_default: bool,
}

impl Admin {
    /// Sets what is enough to believe the messages of a device.
    pub async fn set_trust(
        &self,
        id: &str,
        set: SetTrust,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<TrustJson, Error> {
        self.device(id).await?;
        let (device, management, by) = (named_device(id)?, self.management.clone(), by.clone());
        self.once(repetition, now, move |tx| {
            as_seen(tx, &device, seen.as_deref())?;
            let asked = serde_json::json!({"proofs": set.proofs, "force": set.force});
            let set = management.set_proofs(tx, &device, set.proofs.as_ref(), (set.force, &by.name), now)?;
            tx.audit(&by, AuditRecord::new("device.trust", "device", device.as_str()).after(asked), now);
            Ok(TrustJson { proofs: set.proofs, is_default: set.is_default })
        })
        .await
    }
}

impl From<PolicyError> for Error {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Store(error) => error.into(),
            PolicyError::NotEnrolled | PolicyError::Unmet { .. } => Self::Conflict(error.to_string()),
        }
    }
}
