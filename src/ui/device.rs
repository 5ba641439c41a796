//! Devices: the list, and one of them with all that happened to it.

use askama::Template;

use super::Frame;
use super::actions::Offered;
use super::facts::Known;
use super::text::filters;
use super::texts::devices as texts;
use crate::admin::{ActionJson, CommandJson, DeviceJson, DeviceSettingJson, EventJson, RecoveryKeysJson, SessionJson};
use crate::model::{ActionKind, ActionState, Right, SavedFilter};

/// The page of the list.
#[derive(Template)]
#[template(path = "devices.html", config = "src/ui/askama.toml")]
pub struct DevicesPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What was searched for.
    pub search: &'a str,
    /// The condition on their facts.
    pub condition: &'a str,
    /// What is wrong with it.
    pub error: Option<&'a str>,
    /// What whoever looks keeps for themselves.
    pub saved: &'a [SavedFilter],
    /// The devices.
    pub devices: &'a [DeviceJson],
    /// Where the next page is.
    pub next: Option<String>,
}

/// The page of one.
#[derive(Template)]
#[template(path = "device.html", config = "src/ui/askama.toml")]
pub struct DevicePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The device.
    pub device: &'a DeviceJson,
    /// Its last commands.
    pub commands: &'a [CommandJson],
    /// Its last sessions.
    pub sessions: &'a [SessionJson],
    /// What happened last.
    pub events: &'a [EventJson],
    /// What was just done.
    pub notice: Option<&'a str>,
    /// What may be asked of it by whoever looks.
    pub offered: &'a [Offered],
    /// What was asked of it last.
    pub actions: &'a [ActionJson],
    /// Keys that are kept of it, without their secrets.
    pub keys: &'a RecoveryKeysJson,
    /// What policies want of it.
    pub policies: &'a [DeviceSettingJson],
    /// Its last command that failed, without those of policies.
    pub last_failure: Option<&'a CommandJson>,
    /// What is known of it.
    pub facts: Known<'a>,
}

/// Conditions that show what can be written.
const EXAMPLES: [(&str, &str); 5] = [
    ("os.build < 22631", texts::EXAMPLE_VERSION),
    ("os.edition in ['Pro', 'Enterprise']", texts::EXAMPLE_EDITIONS),
    ("device.name.startsWith('LAB-')", texts::EXAMPLE_NAME),
    ("security.secure_boot != 'on' or not has(security.secure_boot)", texts::EXAMPLE_SECURE_BOOT),
    ("storage.free < 10240", texts::EXAMPLE_SPACE),
];

/// What is known of the state of a device: class and words.
pub(super) fn state(device: &DeviceJson) -> (&'static str, &str) {
    match device.enrollment.as_ref().map(|life| life.state.as_ref()) {
        Some("active") => ("good", texts::ENROLLED),
        Some("pending") => ("open", texts::PENDING),
        Some("unenrolling") => ("open", texts::UNENROLLING),
        Some("unenrolled") => ("", texts::UNENROLLED),
        Some("blocked") => ("bad", texts::BLOCKED),
        Some(other) => ("", other),
        None => ("", texts::NEVER_ENROLLED),
    }
}

/// What a device is called.
pub(super) fn name(device: &DeviceJson) -> &str {
    device.info.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&device.id)
}

impl DevicePage<'_> {
    /// What is asked for first: name and value.
    fn first_facts(&self) -> Vec<(&'static str, String)> {
        let info = &self.device.info;
        let life = self.device.enrollment.as_ref();
        let said = |text: &Option<String>| text.clone();
        let known = |name| self.facts.value(name);
        let facts = [
            (texts::SERIAL, known("device.serial")),
            (texts::MANUFACTURER, said(&info.manufacturer)),
            (texts::MODEL, said(&info.model)),
            (texts::WINDOWS, said(&info.os_version)),
            (texts::EDITION, known("os.edition")),
            (texts::LANGUAGE, said(&info.language)),
            (texts::CLIENT, said(&info.dm_version)),
            (super::texts::everywhere::USER, life.and_then(|life| life.user.clone())),
            (texts::PERSON, known("user.display_name").or_else(|| known("user.name"))),
            (texts::DEPARTMENT, known("user.department")),
            (texts::TAGS, known("device.tags")),
        ];
        facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn is_live(&self) -> bool {
        matches!(state(self.device).1, texts::ENROLLED | texts::PENDING)
    }

    /// What is asked most often, as buttons; the rest is a list.
    fn first(&self) -> impl Iterator<Item = &Offered> {
        self.offered.iter().filter(|offered| offered.obstacle.is_none()).take(2)
    }

    /// The setting that failed last, where no command has failed since.
    fn failed_setting(&self) -> Option<&DeviceSettingJson> {
        let settled = |command: &CommandJson| command.settled_at.unwrap_or(command.created_at);
        let is_last =
            |setting: &&DeviceSettingJson| self.last_failure.is_none_or(|command| settled(command) <= setting.since);
        super::policies::last_failed(self.policies).filter(is_last)
    }

    /// Whether something of policies could be sent again.
    fn can_retry(&self) -> bool {
        self.frame.may(Right::Act) && self.is_live() && self.policies.iter().any(super::publishing::is_retried)
    }

    fn can_cancel(&self, action: &ActionJson) -> bool {
        self.frame.may(Right::Act) && action.state == ActionState::Queued
    }

    fn has_archive(&self, action: &ActionJson) -> bool {
        let is_done = action.state == ActionState::Done && action.kind == ActionKind::CollectDiagnostics;
        self.frame.may(Right::Reveal) && is_done
    }
}

impl DevicesPage<'_> {
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn examples(&self) -> [(&'static str, &'static str); 5] {
        EXAMPLES
    }

    /// Whether a filter that is kept is the one that is shown.
    fn is_shown(&self, filter: &SavedFilter) -> bool {
        filter.search == self.search && filter.condition == self.condition
    }

    fn can_save(&self) -> bool {
        self.is_filtered() && self.error.is_none() && !self.saved.iter().any(|filter| self.is_shown(filter))
    }

    fn is_filtered(&self) -> bool {
        !self.search.is_empty() || !self.condition.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::EXAMPLES;
    use crate::model::Predicate;

    #[test]
    fn examples_are_conditions_that_can_be_read() {
        for (condition, _) in EXAMPLES {
            Predicate::parse(condition).unwrap_or_else(|error| panic!("{condition}: {error}"));
        }
    }
}
