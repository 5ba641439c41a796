//! What devices report by themselves.

use askama::Template;

use super::Frame;
use super::text::filters;
use crate::admin::EventJson;

/// The page of alerts.
#[derive(Template)]
#[template(path = "alerts.html", config = "src/ui/askama.toml")]
pub struct AlertsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What is looked for.
    pub looked_for: LookedFor<'a>,
    /// What is wrong with that.
    pub error: Option<&'a str>,
    /// The alerts.
    pub alerts: &'a [EventJson],
    /// Where the next page is.
    pub next: Option<String>,
}

/// What is looked for, as it was written.
#[derive(Debug, Clone, Copy)]
pub struct LookedFor<'a> {
    /// Of which device.
    pub device: &'a str,
    /// With which code.
    pub code: &'a str,
    /// Of which type.
    pub kind: &'a str,
}

impl AlertsPage<'_> {
    fn is_filtered(&self) -> bool {
        let LookedFor { device, code, kind } = self.looked_for;
        [device, code, kind].iter().any(|text| !text.is_empty())
    }
}
