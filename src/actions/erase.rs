//! Wipe and Autopilot Reset (CSP `RemoteWipe`): both take away what can't be brought back.

use serde::{Deserialize, Serialize, de::IntoDeserializer as _, de::value::Error as Unread};
use transom_protocol::csp::LocUri;
use transom_protocol::syncml::Format;
use utoipa::ToSchema;

use super::Refusal;
use super::plan::{Plan, exec, vendor};
use super::reading::{Baseline, Readings, Told, error_code};
use super::requirement::Needs;

/// A wipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wipe {
    /// How.
    #[serde(default)]
    pub variant: WipeVariant,
}

/// How a device is wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WipeVariant {
    /// Everything, with a way back if power fails.
    #[default]
    Normal,
    /// Everything, and it goes on whatever its user does: a device that fails in the middle may not start any more.
    Protected,
    /// All but what the users have.
    KeepUserData,
    /// All but provisioning packages.
    KeepProvisionedData,
    /// Everything, with a new Windows from the cloud.
    Cloud,
    /// From the cloud, all but what the users have.
    CloudKeepUserData,
    /// From the cloud, all but provisioning packages.
    CloudKeepProvisionedData,
}

impl std::str::FromStr for WipeVariant {
    type Err = &'static str;

    /// The word in JSON; hyphens do as well.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.replace('-', "_");
        let read: Result<Self, Unread> = Self::deserialize(word.as_str().into_deserializer());
        read.map_err(|_| "write normal, protected, keep_user_data, keep_provisioned_data, cloud, cloud_keep_user_data or cloud_keep_provisioned_data")
    }
}

/// The first build that fetches Windows from the cloud.
const WITH_CLOUD: u32 = 22_621;

impl WipeVariant {
    const fn node(self) -> &'static str {
        match self {
            Self::Normal => "doWipe",
            Self::Protected => "doWipeProtected",
            Self::KeepUserData => "doWipePersistUserData",
            Self::KeepProvisionedData => "doWipePersistProvisionedData",
            Self::Cloud => "doWipeCloud",
            Self::CloudKeepUserData => "doWipeCloudPersistUserData",
            Self::CloudKeepProvisionedData => "doWipeCloudPersistProvisionedData",
        }
    }

    pub(super) const fn needs(self) -> Needs {
        Needs::business(match self {
            Self::Normal | Self::KeepProvisionedData => 0,
            Self::Protected => 15_063,
            Self::KeepUserData => 16_299,
            Self::Cloud | Self::CloudKeepUserData | Self::CloudKeepProvisionedData => WITH_CLOUD,
        })
    }
}

impl Wipe {
    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        let target = vendor(&format!("RemoteWipe/{}", self.variant.node()))?;
        Ok(Plan::of(exec(target, Some((Format::Chr, "1".to_owned())))))
    }
}

/// A reset that leaves the device enrolled.
pub(super) fn autopilot_reset() -> Result<Plan, Refusal> {
    let target = vendor("RemoteWipe/AutomaticRedeployment/doAutomaticRedeployment")?;
    Ok(Plan::of(exec(target, Some((Format::Chr, "1".to_owned())))).after_reading(nodes()?))
}

/// Where the device says how far its reset is.
pub(super) fn nodes() -> Result<Vec<LocUri>, Refusal> {
    Ok(vec![status()?, last_error()?])
}

fn status() -> Result<LocUri, Refusal> {
    vendor("RemoteWipe/AutomaticRedeployment/Status")
}

fn last_error() -> Result<LocUri, Refusal> {
    vendor("RemoteWipe/AutomaticRedeployment/LastError")
}

/// 0 never, 1 complete, 10 scheduled, 20 waits for a restart, 30 to 50 failed. A value that was there before says nothing
/// of this reset.
pub(super) fn judge(readings: &Readings, before: &Baseline) -> Result<Told, Refusal> {
    let status = status()?;
    let Some(value) = readings.number(&status) else { return Ok(Told::Nothing) };
    let known = before.get(status.as_str()).and_then(|value| super::reading::number(value));
    Ok(match value {
        _ if known == Some(value) => Told::GoesOn("the device does not say anything new of it".to_owned()),
        1 => Told::Done("the device says that the reset is complete".to_owned()),
        10 => Told::GoesOn("the device has scheduled the reset".to_owned()),
        20 => Told::GoesOn("the device waits for a restart".to_owned()),
        30 | 40 | 50 => {
            let error =
                readings.number(&last_error()?).map_or_else(String::new, |code| format!(", {}", error_code(code)));
            Told::Failed(format!("the device says that the reset failed (status {value}{error})"))
        }
        other => Told::GoesOn(format!("the device says status {other}")),
    })
}
