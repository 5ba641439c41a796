//! Policies: published, looked at, and what became of them.

mod compare;
mod drafts;
mod entering;
mod foresee;
mod messages;
mod publish;
mod reach;
mod revisions;
mod secrets;
mod stages;
mod status;

pub use drafts::{PolicyDraftDetailJson, PolicyDraftJson, PublishPolicyDraft, WorkingSet, WritePolicyDraft};
pub use foresee::{
    Affected, CheckPolicies, CheckedPolicies, Fitting, ImportPolicies, ImportedPolicies, ImportedSetting, MAX_PROFILE,
    PlanPolicies, PlannedPolicies, SecretSetting, UnplannedSetting,
};
pub use publish::{AppliedPolicies, ApplyPolicies, PolicyRemarkJson, RollBackPolicies};
pub use reach::PlannedDeclarationJson;
pub use revisions::{
    ChangedPolicyJson, ChangedSecretJson, ExportedPolicies, PolicyDiffJson, PolicyDiffQuery, PolicyRevisionJson,
    PolicyRevisionQuery, PolicySetQuery,
};
pub use secrets::{PolicySecretJson, PolicySecretsJson, SetPolicySecret};
pub(super) use stages::stopped;
pub use stages::{PolicyStageJson, PolicyStagesJson, RetryDevicePolicies, RetryPolicies, StageDeed};
pub use status::{
    DevicePoliciesJson, DevicePolicyQuery, DeviceSettingJson, PolicyDetailJson, PolicyDeviceJson, PolicyJson,
    PolicyProgressJson, SettingCheckJson,
};

use super::{Admin, Error};
use crate::model::DEFAULT_POLICY_SET;
use crate::policy::rollout::{PublishError, Rollout, RolloutError};

/// Longest name of a set.
const LONGEST_SET: usize = 64;

impl Admin {
    /// The same, and it brings policies to devices. The catalogue is made once for both: before anybody looks at it, as
    /// the rollout needs it from the start.
    #[must_use]
    pub fn with_policies(self, rollout: Rollout) -> Self {
        Self { library: rollout.library().clone(), rollout: Some(rollout), ..self }
    }

    fn rollout(&self) -> Result<&Rollout, Error> {
        self.rollout.as_ref().ok_or(Error::NotFound("service for policies"))
    }
}

impl From<RolloutError> for Error {
    fn from(error: RolloutError) -> Self {
        match error {
            RolloutError::Library(error) => error.into(),
            RolloutError::Store(error) => error.into(),
            RolloutError::Stopped => Self::Busy,
        }
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Failed(error) => error.into(),
            PublishError::Wrong(_) => Self::invalid("/declarations", error.to_string()),
        }
    }
}

/// The name of a set, or the usual one.
fn set_of(name: Option<&str>) -> Result<String, Error> {
    let Some(name) = name else { return Ok(DEFAULT_POLICY_SET.to_owned()) };
    if names_a_set(name) { Ok(name.to_owned()) } else { Err(Error::invalid("/set", NAME_OF_A_SET)) }
}

/// The set that a question names.
fn set_asked(name: Option<String>) -> Result<Option<String>, Error> {
    match name {
        Some(name) if !names_a_set(&name) => Err(Error::parameter("set", NAME_OF_A_SET)),
        name => Ok(name),
    }
}

fn names_a_set(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    // These two are steps of a path, and no name in one.
    let is_step = [".", ".."].contains(&name);
    (1..=LONGEST_SET).contains(&name.len()) && name.chars().all(fits) && !is_step
}

/// What a name of a set is to be.
const NAME_OF_A_SET: &str =
    "the name of a set has 1 to 64 letters, digits, '.', '_' and '-', and is neither '.' nor '..'";
