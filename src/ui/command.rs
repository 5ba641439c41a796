//! A command from who asked for it to what the device answered: why it stands where it stands.

use askama::Template;

use super::text::{Folded, filters, span};
use super::texts::commands as texts;
use super::{Frame, words};
use crate::admin::{CommandJson, DeviceJson};
use crate::model::{Right, Timestamp};

/// The page of a command.
#[derive(Template)]
#[template(path = "command.html", config = "src/ui/askama.toml")]
pub struct CommandPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The command with all that is known of it.
    pub command: &'a CommandJson,
    /// Whose it is.
    pub device: Option<&'a DeviceJson>,
    /// What was just done.
    pub notice: Option<&'a str>,
}

/// The page of a list of commands.
#[derive(Template)]
#[template(path = "commands.html", config = "src/ui/askama.toml")]
pub struct CommandsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Of which device, if of one.
    pub device: Option<&'a str>,
    /// In which state, if in one.
    pub state: &'a str,
    /// The commands.
    pub commands: &'a [CommandJson],
    /// Where the next page is.
    pub next: Option<String>,
}

impl CommandPage<'_> {
    fn state(&self) -> (&'static str, &str) {
        words::state(&self.command.state, self.command.reason.as_deref())
    }

    fn target(&self) -> String {
        words::target(&self.command.target)
    }

    fn device_name(&self) -> &str {
        let name = self.device.and_then(|device| device.info.name.as_deref());
        name.unwrap_or(&self.command.device_id)
    }

    fn is_settled(&self) -> bool {
        self.command.settled_at.is_some()
    }

    /// Whether whoever looks may say what became of it.
    fn can_resolve(&self) -> bool {
        self.command.state == "unknown" && self.frame.may(Right::Command)
    }

    fn can_cancel(&self) -> bool {
        !self.is_settled() && self.command.state != "unknown" && self.frame.may_act()
    }

    #[expect(
        clippy::unused_self,
        clippy::trivially_copy_pass_by_ref,
        reason = "templates call methods with references"
    )]
    fn status_class(&self, code: &u16) -> &'static str {
        words::status(*code)
    }

    /// Where in a session an item was sent: its line, where it is sure which that is. What is sent again leaves out what
    /// was done, and what stands in a group has lines with ids of their own.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates call methods with references")]
    fn place_of(&self, item: &usize) -> Option<String> {
        let attempts = self.command.attempts.as_deref()?;
        let last = attempts.last()?;
        let is_group = matches!(self.command.kind.as_str(), "atomic" | "sequence");
        let session = &last.session_id;
        Some(match (attempts.len(), is_group, *item) {
            (1, false, 1) => format!("/sessions/{session}#m{}c{}", last.message, last.cmd_id),
            (1, false, item) => format!("/sessions/{session}#m{}c{}-{item}", last.message, last.cmd_id),
            _ => format!("/sessions/{session}?only={}", self.command.id),
        })
    }

    #[expect(
        clippy::unused_self,
        clippy::trivially_copy_pass_by_ref,
        reason = "templates call methods with references"
    )]
    fn took(&self, from: &Timestamp, to: &Timestamp) -> String {
        span(to.0.saturating_sub(from.0))
    }
}

impl CommandsPage<'_> {
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn states(&self) -> [(&'static str, &'static str); 7] {
        [
            ("", "All"),
            ("failed", texts::FAILED),
            ("unknown", texts::UNKNOWN),
            ("queued", texts::QUEUED),
            ("sent", texts::SENT),
            ("deferred", texts::DEFERRED),
            ("succeeded", texts::SUCCEEDED),
        ]
    }
}

/// A row of a list of commands, also on other pages.
pub(super) fn class_of(command: &CommandJson) -> (&'static str, &str) {
    words::state(&command.state, command.reason.as_deref())
}

/// What a command is about, in words.
pub(super) fn about(command: &CommandJson) -> String {
    words::target(&command.target)
}
