//! What happened, in order, and which programs are told.

use askama::Template;

use super::Frame;
use super::text::{Folded, filters};
use super::texts::events as texts;
use crate::admin::{WebhookJson, WebhookTest};
use crate::model::{FeedEvent, Right, WebhookState};

/// The page of what happened.
#[derive(Template)]
#[template(path = "events.html", config = "src/ui/askama.toml")]
pub struct EventsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Of which types, as it was written.
    pub kind: &'a str,
    /// Of which device, as it was written.
    pub device: &'a str,
    /// What is wrong with that.
    pub error: Option<&'a str>,
    /// The events, newest first.
    pub events: &'a [FeedEvent],
    /// Where older ones are.
    pub older: Option<String>,
}

/// The page of receivers.
#[derive(Template)]
#[template(path = "webhooks.html", config = "src/ui/askama.toml")]
pub struct WebhooksPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The receivers.
    pub hooks: &'a [WebhookJson],
    /// The secret of one that was just added.
    pub secret: Option<&'a str>,
    /// What came of a test.
    pub test: Option<&'a WebhookTest>,
    /// Why something was not done.
    pub error: Option<&'a str>,
}

impl EventsPage<'_> {
    const fn is_filtered(&self) -> bool {
        !self.kind.is_empty() || !self.device.is_empty()
    }
}

impl WebhooksPage<'_> {
    fn may_change(&self) -> bool {
        self.frame.may(Right::Trust)
    }
}

/// What belongs to an event: name and value.
pub(super) fn data(event: &FeedEvent) -> Vec<(String, Folded)> {
    let fields = event.told.data.as_object().into_iter().flatten();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    fields.map(|(name, value)| (super::text::visible(name), Folded::new(&text(value)))).collect()
}

/// Where a receiver stands: class and words.
pub(super) const fn state(hook: &WebhookJson) -> (&'static str, &'static str) {
    match hook.state {
        WebhookState::Active => ("good", texts::ACTIVE),
        WebhookState::Paused => ("open", texts::PAUSED),
        WebhookState::Dead => ("bad", texts::DEAD),
    }
}

/// What can be done with a receiver: the word in the address, and its name.
pub(super) fn deeds(hook: &WebhookJson) -> [(&'static str, &'static str); 2] {
    let other = if hook.state == WebhookState::Active { ("pause", texts::PAUSE) } else { ("resume", texts::RESUME) };
    [("test", texts::TEST), other]
}
