//! What needs attention, and what goes on.

use askama::Template;

use super::Frame;
use super::text::filters;
use crate::admin::{Attention, SessionJson, TroubledPolicyJson};

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
        let Attention { silent, ending, failed, unknown, security, policies, stopped } = self.attention;
        stopped.is_none()
            && policies.is_empty()
            && silent.is_empty()
            && ending.is_empty()
            && failed.is_empty()
            && unknown.is_empty()
            && security.is_empty()
    }

    /// Where a configuration stands that needs somebody, the worst first: class, words, word of the address, devices.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn states<'b>(&self, policy: &'b TroubledPolicyJson) -> Vec<(&'static str, String, &'b str, i64)> {
        let mut states: Vec<_> = policy.devices.iter().collect();
        states.sort_by_key(|(word, _)| super::policies::rank(word));
        let each = states.into_iter().map(|(word, devices)| {
            let (class, name) = super::policies::state(word);
            (class, name, word.as_str(), *devices)
        });
        each.collect()
    }
}
