//! What a person can make a device do from its page: names, questions and what comes of it, in one place.

use std::collections::HashMap;

use askama::Template;

use super::text::filters;
use super::{Frame, device};
use crate::admin::{ActionJson, DeviceJson, RecoveryKeyJson, RevealedKey};
use crate::model::{ActionKind, ActionState, RecoveryKeyKind, Right};

/// Something that can be asked of a device.
#[derive(Debug)]
pub struct Choice {
    /// In addresses, and what the API calls it.
    pub word: &'static str,
    /// What whoever asks must be allowed.
    pub right: Right,
    /// On the button that leads there.
    pub name: &'static str,
    /// As a question.
    pub question: &'static str,
    /// What comes of it.
    pub consequence: &'static str,
    /// On the button that does it.
    pub button: &'static str,
    /// What else is asked.
    pub fields: &'static [Field],
    /// It takes away what can't be brought back: the name of the device has to be typed.
    pub is_typed: bool,
}

/// Something that is asked before.
#[derive(Debug)]
pub enum Field {
    /// A text.
    Text {
        /// Its name in the form and in the API.
        name: &'static str,
        /// What is asked.
        label: &'static str,
        /// What may be written.
        hint: &'static str,
    },
    /// One of several: the word and what it means.
    OneOf {
        /// Its name in the form and in the API.
        name: &'static str,
        /// What is asked.
        label: &'static str,
        /// The word and what it means.
        options: &'static [(&'static str, &'static str)],
    },
    /// Yes or no.
    Tick {
        /// Its name in the form and in the API.
        name: &'static str,
        /// What is asked.
        label: &'static str,
    },
}

/// What ends management; the API has a route of its own for it.
pub const UNENROLL: &str = "unenroll";

/// Everything that can be asked from a device's page, the harmless first.
pub static CHOICES: [Choice; 11] = [
    Choice {
        word: "reboot",
        right: Right::Act,
        name: "Restart",
        question: "Restart this device?",
        consequence: "Windows tells the user and restarts a few minutes after the device has checked in. What is not saved is lost.",
        button: "Restart it",
        fields: &[],
        is_typed: false,
    },
    Choice {
        word: "lock",
        right: Right::Act,
        name: "Lock",
        question: "Lock this device?",
        consequence: "The screen is locked when the device checks in. Whoever knows the password or PIN unlocks it.",
        button: "Lock it",
        fields: &[],
        is_typed: false,
    },
    Choice {
        word: "scan",
        right: Right::Act,
        name: "Scan for malware",
        question: "Have Defender scan this device?",
        consequence: "It is done when the device reports the time of a new scan. An offline scan restarts the device.",
        button: "Scan it",
        fields: &[Field::OneOf {
            name: "depth",
            label: "How thoroughly",
            options: &[
                ("quick", "Quick: where malware usually is"),
                ("full", "Full: all files, for hours"),
                ("offline", "Offline: restarts the device"),
            ],
        }],
        is_typed: false,
    },
    Choice {
        word: "update_signatures",
        right: Right::Act,
        name: "Update malware signatures",
        question: "Have Defender fetch its newest signatures?",
        consequence: "It is done when the device reports another version of them.",
        button: "Update them",
        fields: &[],
        is_typed: false,
    },
    Choice {
        word: "collect_diagnostics",
        right: Right::Act,
        name: "Collect diagnostics",
        question: "Collect logs of this device?",
        consequence: "Windows collects the logs of device management and sends them here as a ZIP archive. They may tell of the person who uses it.",
        button: "Collect them",
        fields: &[],
        is_typed: false,
    },
    Choice {
        word: "rotate_recovery_passwords",
        right: Right::Act,
        name: "Rotate BitLocker recovery passwords",
        question: "Rotate the BitLocker recovery passwords?",
        consequence: "Recovery passwords that were written down before open nothing any more. The new ones go where BitLocker keeps them.",
        button: "Rotate them",
        fields: &[],
        is_typed: false,
    },
    Choice {
        word: "reset_laps_password",
        right: Right::Act,
        name: "Rotate the local administrator's password",
        question: "Rotate the password of the local administrator (LAPS)?",
        consequence: "The password of before opens nothing any more. The new one goes where LAPS keeps it.",
        button: "Rotate it",
        fields: &[],
        is_typed: false,
    },
    Choice {
        word: "rename",
        right: Right::Command,
        name: "Rename",
        question: "Give this device another name?",
        consequence: "The name takes effect after a restart. Things that know the device by its old name lose it.",
        button: "Rename it",
        fields: &[
            Field::Text {
                name: "name",
                label: "New name",
                hint: "Up to 15 letters, digits and hyphens; %SERIAL% and %RAND:4% stand for the serial number and digits.",
            },
            Field::Tick { name: "reboot", label: "Restart it right after" },
        ],
        is_typed: false,
    },
    Choice {
        word: "autopilot_reset",
        right: Right::Retire,
        name: "Autopilot reset",
        question: "Reset this device for its next user?",
        consequence: "Files, apps and settings of its users are erased and can't be brought back. It stays under management.",
        button: "Reset it",
        fields: &[],
        is_typed: true,
    },
    Choice {
        word: "wipe",
        right: Right::Retire,
        name: "Wipe",
        question: "Erase this device?",
        consequence: "Windows goes back to the state of the factory. What is on the device can't be brought back, and what waits for it is given up.",
        button: "Erase it",
        fields: &[Field::OneOf {
            name: "variant",
            label: "How",
            options: &[
                ("normal", "Normal"),
                ("protected", "Protected: nothing interrupts it; it may not start again"),
                ("keep_user_data", "Keep files of users"),
                ("keep_provisioned_data", "Keep provisioning packages"),
                ("cloud", "With Windows from the cloud"),
                ("cloud_keep_user_data", "With Windows from the cloud, keep files of users"),
                ("cloud_keep_provisioned_data", "With Windows from the cloud, keep provisioning packages"),
            ],
        }],
        is_typed: true,
    },
    Choice {
        word: UNENROLL,
        right: Right::Retire,
        name: "End management",
        question: "Have this device leave management?",
        consequence: "When it checks in it removes what management has set and its certificate. It has to be enrolled anew to come back.",
        button: "Let it leave",
        fields: &[],
        is_typed: true,
    },
];

impl Choice {
    /// The one that a word names.
    pub fn of(word: &str) -> Option<&'static Self> {
        CHOICES.iter().find(|choice| choice.word == word)
    }
}

impl Field {
    /// Its name in the form and in the API.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text { name, .. } | Self::OneOf { name, .. } | Self::Tick { name, .. } => name,
        }
    }
}

/// A choice on a device's page: why it can't be asked for now, where it can't.
#[derive(Debug)]
pub struct Offered {
    /// What.
    pub choice: &'static Choice,
    /// Why not.
    pub obstacle: Option<String>,
}

/// Asks before a device is made to do something.
#[derive(Template)]
#[template(path = "confirm.html", config = "src/ui/askama.toml")]
pub struct ConfirmPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The device.
    pub device: &'a DeviceJson,
    /// What is asked.
    pub choice: &'static Choice,
    /// Why it can't be asked for now.
    pub obstacle: Option<&'a str>,
    /// What was wrong with the answer.
    pub error: Option<&'a str>,
    /// What was chosen and written before, where it is asked again.
    pub given: &'a HashMap<String, String>,
}

/// Asks why somebody wants to see a key, and shows it.
#[derive(Template)]
#[template(path = "key.html", config = "src/ui/askama.toml")]
pub struct KeyPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The device.
    pub device: &'a DeviceJson,
    /// Which key.
    pub key: &'a RecoveryKeyJson,
    /// The key with its secret, once the reason is kept.
    pub revealed: Option<&'a RevealedKey>,
    /// What was wrong with the reason.
    pub error: Option<&'a str>,
}

/// What an action is called.
pub(super) fn name(action: &ActionJson) -> &'static str {
    match action.kind {
        ActionKind::InstallMsi => "Install an MSI",
        ActionKind::RemoveMsi => "Remove an MSI",
        ActionKind::InstallRoot => "Trust a root certificate",
        ActionKind::EnrollScep => "Certificate over SCEP",
        ActionKind::InstallPfx => "Certificate with key",
        other => Choice::of(other.as_str()).map_or("Something", |choice| choice.name),
    }
}

/// Where an action stands: class and words.
pub(super) const fn state(action: &ActionJson) -> (&'static str, &'static str) {
    match action.state {
        ActionState::Queued => ("open", "waits for the device"),
        ActionState::Sent => ("open", "told, no answer yet"),
        ActionState::Accepted => ("open", "accepted, not done yet"),
        ActionState::Done => ("good", "done"),
        ActionState::Failed => ("bad", "failed"),
        ActionState::Unknown => ("bad", "nobody knows"),
        ActionState::Expired => ("", "too late"),
        ActionState::Canceled => ("", "taken back"),
        ActionState::Superseded => ("", "overtaken"),
    }
}

/// What a key opens.
pub(super) const fn key_kind(key: &RecoveryKeyJson) -> &'static str {
    match key.kind {
        RecoveryKeyKind::Bitlocker => "BitLocker recovery password",
        RecoveryKeyKind::Laps => "password of a local administrator",
    }
}

impl ConfirmPage<'_> {
    /// What has to be typed.
    fn typed(&self) -> &str {
        device::name(self.device)
    }

    /// What was given for a field before.
    fn given(&self, field: &str) -> &str {
        self.given.get(field).map_or("", |text| text.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_those_of_the_api() {
        for choice in CHOICES.iter().filter(|choice| choice.word != UNENROLL) {
            let kind = ActionKind::ALL.into_iter().find(|kind| kind.as_str() == choice.word).unwrap();
            assert_eq!((kind.right(), kind.destroys()), (choice.right, choice.is_typed), "{}", choice.word);
        }
    }
}
