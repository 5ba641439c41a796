//! What the client asks about policies.

use serde_json::json;

use super::{Client, ClientError};
use crate::admin::{
    AppliedPolicies, ApplyPolicies, ChangeTags, DevicePoliciesJson, DevicePolicyQuery, ExportedPolicies,
    ImportPolicies, ImportedPolicies, PageJson, PlanPolicies, PlannedPolicies, PolicyDetailJson, PolicyDeviceJson,
    PolicyDiffJson, PolicyDiffQuery, PolicyJson, PolicyProgressJson, PolicyRevisionJson, PolicyRevisionQuery,
    PolicySecretJson, PolicySecretsJson, PolicySetQuery, PolicyStageJson, RetryDevicePolicies, RetryPolicies,
    RollBackPolicies, SetPolicySecret, StageDeed, TagsJson,
};

const POLICIES: &str = "policies";

impl Client {
    /// Publishes all declarations of a set, where one is named only as long as this revision is its last. With the same key
    /// it is done once.
    pub async fn apply_policies(
        &self,
        apply: &ApplyPolicies,
        after: Option<i64>,
        key: &str,
    ) -> Result<AppliedPolicies, ClientError> {
        let seen = after.map(|revision| revision.to_string());
        self.once_as_seen(&[POLICIES, "apply"], apply, seen.as_deref(), key).await
    }

    /// Publishes a set again as it was, where a revision is named only as long as it is the last of the set. With the same
    /// key it is done once.
    pub async fn roll_back_policies(
        &self,
        back: &RollBackPolicies,
        after: Option<i64>,
        key: &str,
    ) -> Result<AppliedPolicies, ClientError> {
        let seen = after.map(|revision| revision.to_string());
        self.once_as_seen(&[POLICIES, "rollback"], back, seen.as_deref(), key).await
    }

    /// What a device would be sent. Nothing is kept.
    pub async fn plan_policies(&self, plan: &PlanPolicies) -> Result<PlannedPolicies, ClientError> {
        self.post(&[POLICIES, "plan"], Some(json!(plan))).await
    }

    /// What a profile of another server becomes. Nothing is kept.
    pub async fn import_policies(&self, profile: &ImportPolicies) -> Result<ImportedPolicies, ClientError> {
        self.post(&[POLICIES, "import"], Some(json!(profile))).await
    }

    /// What goes to devices in stages.
    pub async fn policy_stages(&self) -> Result<Vec<PolicyStageJson>, ClientError> {
        self.get(&[POLICIES, "stages"], &()).await
    }

    /// The devices that have a revision in stages.
    pub async fn policy_stage_devices(
        &self,
        revision: i64,
        query: &DevicePolicyQuery,
    ) -> Result<PageJson<PolicyDeviceJson>, ClientError> {
        self.get(&[POLICIES, "stages", &revision.to_string(), "devices"], query).await
    }

    /// Lets a revision go on, pauses or resumes it.
    pub async fn change_policy_stage(&self, revision: i64, deed: StageDeed) -> Result<PolicyStageJson, ClientError> {
        self.post(&[POLICIES, "stages", &revision.to_string(), deed.as_str()], None).await
    }

    /// Sends again what failed.
    pub async fn retry_policies(&self, retry: &RetryPolicies) -> Result<RetryPolicies, ClientError> {
        self.post(&[POLICIES, "retry"], Some(json!(retry))).await
    }

    /// Sends again what failed on a device.
    pub async fn retry_device_policies(
        &self,
        device: &str,
        retry: &RetryDevicePolicies,
    ) -> Result<RetryPolicies, ClientError> {
        self.post(&["devices", device, POLICIES, "retry"], Some(json!(retry))).await
    }

    /// Which secrets have a value.
    pub async fn policy_secrets(&self) -> Result<PolicySecretsJson, ClientError> {
        self.get(&[POLICIES, "secrets"], &()).await
    }

    /// Gives a secret asset a value.
    pub async fn set_policy_secret(&self, name: &str, set: &SetPolicySecret) -> Result<PolicySecretJson, ClientError> {
        self.post(&[POLICIES, "secrets", name], Some(json!(set))).await
    }

    /// Takes the value of a secret asset away.
    pub async fn remove_policy_secret(&self, name: &str) -> Result<PolicySecretsJson, ClientError> {
        self.delete(&[POLICIES, "secrets", name]).await
    }

    /// What is published.
    pub async fn policies(&self, query: &PolicySetQuery) -> Result<Vec<PolicyJson>, ClientError> {
        self.get(&[POLICIES], query).await
    }

    /// One declaration.
    pub async fn policy(&self, identifier: &str) -> Result<PolicyDetailJson, ClientError> {
        self.get(&[POLICIES, "declarations", identifier], &()).await
    }

    /// The devices on which a declaration stands somewhere.
    pub async fn policy_devices(
        &self,
        identifier: &str,
        query: &DevicePolicyQuery,
    ) -> Result<PageJson<PolicyDeviceJson>, ClientError> {
        self.get(&[POLICIES, "declarations", identifier, "devices"], query).await
    }

    /// What a device is to have.
    pub async fn device_policies(&self, device: &str) -> Result<DevicePoliciesJson, ClientError> {
        self.get(&["devices", device, POLICIES], &()).await
    }

    /// How far what was published last went.
    pub async fn policy_progress(&self) -> Result<PolicyProgressJson, ClientError> {
        self.get(&[POLICIES, "progress"], &()).await
    }

    /// A revision.
    pub async fn policy_revision(&self, number: i64) -> Result<PolicyRevisionJson, ClientError> {
        self.get(&[POLICIES, "revisions", &number.to_string()], &()).await
    }

    /// What was published, newest first.
    pub async fn policy_revisions(
        &self,
        query: &PolicyRevisionQuery,
    ) -> Result<PageJson<PolicyRevisionJson>, ClientError> {
        self.get(&[POLICIES, "revisions"], query).await
    }

    /// What differs between revisions.
    pub async fn policy_diff(&self, number: i64, query: &PolicyDiffQuery) -> Result<PolicyDiffJson, ClientError> {
        self.get(&[POLICIES, "revisions", &number.to_string(), "diff"], query).await
    }

    /// Declarations as they stand in files.
    pub async fn export_policies(&self, query: &PolicySetQuery) -> Result<ExportedPolicies, ClientError> {
        self.get(&[POLICIES, "export"], query).await
    }

    /// The tags of a device.
    pub async fn tags(&self, device: &str) -> Result<TagsJson, ClientError> {
        self.get(&["devices", device, "tags"], &()).await
    }

    /// Sets tags of a device, and takes others away.
    pub async fn change_tags(&self, device: &str, change: &ChangeTags) -> Result<TagsJson, ClientError> {
        self.post(&["devices", device, "tags"], Some(json!(change))).await
    }
}
