//! The people who run the server, and the tokens of programs.

use askama::Template;

use super::Frame;
use super::text::filters;
use super::texts::operators as texts;
use crate::admin::{OperatorJson, TokenJson};
use crate::model::Timestamp;

/// The page of the people.
#[derive(Template)]
#[template(path = "operators.html", config = "src/ui/askama.toml")]
pub struct OperatorsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The people.
    pub operators: &'a [OperatorJson],
    /// Where the next page is.
    pub next: Option<String>,
    /// A link that was just made.
    pub link: Option<&'a str>,
    /// Why something was not done.
    pub error: Option<&'a str>,
}

/// The page of tokens.
#[derive(Template)]
#[template(path = "tokens.html", config = "src/ui/askama.toml")]
pub struct TokensPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The tokens, newest first.
    pub tokens: &'a [TokenJson],
    /// Where the next page is.
    pub next: Option<String>,
    /// One that was just made.
    pub secret: Option<&'a str>,
    /// Why something was not done.
    pub error: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

impl OperatorsPage<'_> {
    fn is_viewer(&self, operator: &OperatorJson) -> bool {
        self.frame.viewer.is_some_and(|viewer| viewer.name == operator.name)
    }
}

impl TokensPage<'_> {
    fn is_live(&self, token: &TokenJson) -> bool {
        token.revoked_at.is_none() && token.expires_at.is_none_or(|at| at > self.now)
    }

    /// Where a token stands: class and words.
    fn state(&self, token: &TokenJson) -> (&'static str, &'static str) {
        match token.revoked_at {
            Some(_) => ("", texts::REVOKED),
            None if self.is_live(token) => ("good", texts::LIVE),
            None => ("", texts::ENDED),
        }
    }
}

/// Whether somebody may sign in: class and words.
pub(super) const fn state(operator: &OperatorJson) -> (&'static str, &'static str) {
    if operator.disabled_at.is_some() { ("bad", texts::DISABLED) } else { ("good", texts::ACTIVE) }
}

/// What somebody signs in with.
pub(super) fn means(operator: &OperatorJson) -> String {
    let means = [
        (operator.password, texts::PASSWORD),
        (operator.totp, texts::TOTP),
        (operator.subject.is_some(), texts::PROVIDER),
    ];
    let means: Vec<&str> = means.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect();
    if means.is_empty() { texts::NOTHING.to_owned() } else { means.join(", ") }
}

/// What can be done with an account: the word in the address, its name, and whether it takes something away.
pub(super) fn deeds(operator: &OperatorJson) -> Vec<(&'static str, &'static str, bool)> {
    let mut deeds = vec![("reset", texts::RESET, false)];
    if operator.totp {
        deeds.push(("forget-totp", texts::FORGET_TOTP, false));
    }
    let is_disabled = operator.disabled_at.is_some();
    deeds.push(if is_disabled { ("enable", texts::ENABLE, false) } else { ("disable", texts::DISABLE, true) });
    deeds
}
