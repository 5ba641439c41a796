//! Devices that a person waits in front of.

use askama::Template;

use super::Frame;
use super::text::filters;
use crate::admin::{ProvisioningJson, ProvisioningPartJson};
use crate::model::{ItemState, PartState};

/// The page of devices that wait for what they are to have.
#[derive(Template)]
#[template(path = "provisioning.html", config = "src/ui/askama.toml")]
pub struct ProvisioningPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Whether those are shown that failed.
    pub failed: bool,
    /// The devices.
    pub devices: &'a [ProvisioningJson],
    /// Where the next page is.
    pub next: Option<String>,
}

/// Where a part stands: class and words.
pub(super) fn state(part: &ProvisioningPartJson) -> (&'static str, String) {
    let class = match part.state {
        PartState::Done => "good",
        PartState::Failed | PartState::TimedOut | PartState::Refused => "bad",
        PartState::Telling | PartState::Waiting | PartState::Finishing | PartState::Following => "open",
    };
    (class, part.state.as_str().replace('_', " "))
}

/// How much of a part is there.
pub(super) fn there(part: &ProvisioningPartJson) -> usize {
    part.items.iter().filter(|item| item.state == ItemState::Done).count()
}
