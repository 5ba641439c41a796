//! The nodes by which a device and its server talk about provisioning, and what a device answers under them.

use transom_protocol::csp::LocUri;

use crate::model::{ProvisioningPart, provider_node, user_provider_node};

/// A device can't know its server by this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the PROVIDER-ID can't be part of a LocURI")]
pub struct UnknownProvider;

/// A node below `FirstSyncStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(pub(super) &'static str);

impl Name {
    pub(super) const SKIP_DEVICE: Self = Self("SkipDeviceStatusPage");
    pub(super) const SKIP_USER: Self = Self("SkipUserStatusPage");
    pub(super) const TIMEOUT: Self = Self("TimeOutUntilSyncFailure");
    pub(super) const BLOCK: Self = Self("BlockInStatusPage");
    pub(super) const LOGS: Self = Self("AllowCollectLogsButton");
    pub(super) const ERROR_TEXT: Self = Self("CustomErrorText");
    pub(super) const FINISHED: Self = Self("ServerHasFinishedProvisioning");
    pub(super) const SYNC_DONE: Self = Self("IsSyncDone");
    pub(super) const PROVISIONED: Self = Self("WasDeviceSuccessfullyProvisioned");
}

/// Where they are.
#[derive(Debug, Clone)]
pub(super) struct Nodes {
    device: LocUri,
    user: LocUri,
}

impl Nodes {
    pub(super) fn of(provider_id: &str) -> Result<Self, UnknownProvider> {
        let device = provider_node(provider_id, "FirstSyncStatus").ok_or(UnknownProvider)?;
        let user = user_provider_node(provider_id, "FirstSyncStatus").ok_or(UnknownProvider)?;
        Ok(Self { device, user })
    }

    /// The node of a part.
    pub(super) fn node(&self, part: &ProvisioningPart, name: Name) -> Option<LocUri> {
        self.node_of(part.user.is_some(), name)
    }

    /// The node of a user, or of the device.
    pub(super) fn node_of(&self, user: bool, name: Name) -> Option<LocUri> {
        let base = if user { &self.user } else { &self.device };
        format!("{base}/{}", name.0).parse().ok()
    }

    /// Whether a node is that of a part.
    pub(super) fn is(&self, target: &LocUri, part: &ProvisioningPart, name: Name) -> bool {
        self.node(part, name).is_some_and(|node| node.names_same_node(target.as_str()))
    }
}
