//! Sessions of all devices, the newest first, and those in which something was said.

use askama::Template;

use super::text::{filters, span};
use super::{Frame, words};
use crate::admin::SessionJson;

/// The page of the list.
#[derive(Template)]
#[template(path = "sessions.html", config = "src/ui/askama.toml")]
pub struct SessionsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What was searched for.
    pub text: &'a str,
    /// Of which device.
    pub device: &'a str,
    /// From when on, as it was written.
    pub from: &'a str,
    /// Until when, as it was written.
    pub until: &'a str,
    /// What is wrong with that.
    pub error: Option<&'a str>,
    /// The sessions.
    pub sessions: &'a [SessionJson],
    /// Where the next page is.
    pub next: Option<String>,
}

impl SessionsPage<'_> {
    fn is_search(&self) -> bool {
        ![self.text, self.device, self.from, self.until].iter().all(|text| text.is_empty())
    }
}

/// What the device of a session is called.
pub fn device(session: &SessionJson) -> &str {
    session.device_name.as_deref().unwrap_or(&session.device_id)
}

/// Where a session stands: class and words.
pub(super) fn state(session: &SessionJson) -> (&'static str, String) {
    words::phase(&session.phase)
}

/// How long it took.
pub(super) fn took(session: &SessionJson) -> String {
    span(session.last_at.0.saturating_sub(session.started_at.0))
}
