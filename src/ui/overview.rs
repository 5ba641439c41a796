//! What needs attention, and what goes on.

use askama::Template;

use super::Frame;
use super::text::filters;
use crate::admin::{Attention, SessionJson};

/// The first page.
#[derive(Template)]
#[template(path = "overview.html", config = "src/ui/askama.toml")]
pub struct OverviewPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What needs attention.
    pub attention: &'a Attention,
    /// The last sessions.
    pub sessions: &'a [SessionJson],
}

impl OverviewPage<'_> {
    fn is_calm(&self) -> bool {
        let Attention { silent, ending, failed, unknown, security, stopped } = self.attention;
        stopped.is_none()
            && silent.is_empty()
            && ending.is_empty()
            && failed.is_empty()
            && unknown.is_empty()
            && security.is_empty()
    }
}
