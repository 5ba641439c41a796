//! What the alerts of Windows mean (MS-MDM 2.2.7.2, 3.2.5.1; OMA DM Protocol 8.7): how grave one is, what it tells, and how
//! far a device is with its preparation.
//!
//! Every alert is kept; only those named here are understood.

use serde::{Deserialize, Serialize};

/// How grave an alert is: `Mark` (OMA DM Protocol 8.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The device can't go on.
    Fatal,
    /// To be looked at now; with [`Self::Fatal`], Windows opens a session for it alone.
    Critical,
    /// Something is going wrong.
    Warning,
    /// Something small went wrong.
    Minor,
    /// To be known.
    Informational,
    /// Nothing to worry about.
    Harmless,
    /// The device does not know, or said a word that is not known here.
    Indeterminate,
}

/// `com.microsoft/MDM/DevicePrepSync`: how far Autopilot device preparation is (MS-MDM 3.2.5.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DevicePreparation {
    /// It has not begun.
    PendingProvisioning,
    /// The agents that carry it out are being installed.
    Bootstrapping,
    /// What is wanted is being installed and applied.
    ExecutingProvisioning,
    /// It is over.
    ProvisioningComplete,
}

impl Mark {
    /// The severity that a word names.
    pub fn parse(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "fatal" => Self::Fatal,
            "critical" => Self::Critical,
            "warning" => Self::Warning,
            "minor" => Self::Minor,
            "informational" => Self::Informational,
            "harmless" => Self::Harmless,
            _ => Self::Indeterminate,
        }
    }

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Minor => "minor",
            Self::Informational => "informational",
            Self::Harmless => "harmless",
            Self::Indeterminate => "indeterminate",
        }
    }
}

impl DevicePreparation {
    /// Every state, in the order in which a device goes through them.
    pub const ALL: [Self; 4] =
        [Self::PendingProvisioning, Self::Bootstrapping, Self::ExecutingProvisioning, Self::ProvisioningComplete];

    /// The state that a device's word names.
    pub fn parse(word: &str) -> Option<Self> {
        let is = |state: &Self| state.as_str().replace('_', "").eq_ignore_ascii_case(word.trim());
        Self::ALL.into_iter().find(is)
    }

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingProvisioning => "pending_provisioning",
            Self::Bootstrapping => "bootstrapping",
            Self::ExecutingProvisioning => "executing_provisioning",
            Self::ProvisioningComplete => "provisioning_complete",
        }
    }

    /// The same in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::PendingProvisioning => "device preparation has not begun",
            Self::Bootstrapping => "device preparation installs what carries it out",
            Self::ExecutingProvisioning => "device preparation applies what is wanted",
            Self::ProvisioningComplete => "device preparation is over",
        }
    }
}

/// What an alert tells, where its type is known; `kind` is without the prefix `Reversed-Domain-Name:`.
pub fn alert_meaning(kind: &str, data: &str) -> Option<String> {
    let data = data.trim();
    Some(match kind.to_ascii_lowercase().as_str() {
        "com.microsoft.mdm.win32csp_install" => match data {
            "0" => "the installation of an MSI ended well".to_owned(),
            "1641" | "3010" => "the installation of an MSI ended well; a restart is due".to_owned(),
            other => format!("the installation of an MSI failed with {}", clipped(other)),
        },
        "com.microsoft:mdm.unenrollment.userrequest" => "the device leaves management".to_owned(),
        "com.microsoft/mdm/bootstrapsync" => "Autopilot begins: the device asks for what carries it on".to_owned(),
        "com.microsoft/mdm/odjsync" => "the device waits for its offline domain join".to_owned(),
        "com.microsoft.mdm.declaredconfigurationdocuments" => {
            "the device tells how its declared configuration documents stand".to_owned()
        }
        _ => return None,
    })
}

/// A value that a sentence can hold.
fn clipped(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_devices_become_values_and_nothing_else_does() {
        assert_eq!(Mark::parse(" Critical "), Mark::Critical);
        assert_eq!(Mark::parse("\u{1b}[31m"), Mark::Indeterminate);
        assert_eq!(DevicePreparation::parse("ExecutingProvisioning"), Some(DevicePreparation::ExecutingProvisioning));
        assert_eq!(DevicePreparation::parse("executing"), None);
        for state in DevicePreparation::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn alerts_of_known_types_are_told_in_words() {
        let msi = "com.microsoft.mdm.win32csp_install";
        assert_eq!(alert_meaning(msi, "0").unwrap(), "the installation of an MSI ended well");
        assert_eq!(alert_meaning(msi, "-2147023293").unwrap(), "the installation of an MSI failed with -2147023293");
        let long = "9\u{7}".repeat(1000);
        assert!(alert_meaning(msi, &long).unwrap().len() < 100);
        assert_eq!(alert_meaning("com.example.unknown", "0"), None);
    }
}
