//! Who may enroll devices: accounts with a password, and tokens.

use askama::Template;

use super::Frame;
use super::text::filters;
use super::texts::enrolling as texts;
use crate::admin::{EnrollmentTokenJson, EnrollmentUserJson};
use crate::model::{EnrollmentTokenState, Right, Timestamp};

/// The page of accounts.
#[derive(Template)]
#[template(path = "enrollment_users.html", config = "src/ui/askama.toml")]
pub struct EnrollmentUsersPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The accounts.
    pub users: &'a [EnrollmentUserJson],
    /// Where the next page is.
    pub next: Option<String>,
    /// A password that was just made.
    pub secret: Option<&'a str>,
    /// Why something was not done.
    pub error: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// The page of tokens.
#[derive(Template)]
#[template(path = "enrollment_tokens.html", config = "src/ui/askama.toml")]
pub struct EnrollmentTokensPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The tokens.
    pub tokens: &'a [EnrollmentTokenJson],
    /// Where the next page is.
    pub next: Option<String>,
    /// One that was just made.
    pub secret: Option<&'a str>,
    /// Why something was not done.
    pub error: Option<&'a str>,
}

impl EnrollmentUsersPage<'_> {
    fn may_change(&self) -> bool {
        self.frame.may(Right::Enroll)
    }

    /// Where an account stands: class and words.
    fn state(&self, user: &EnrollmentUserJson) -> (&'static str, &'static str) {
        match (user.disabled_at, user.locked_until) {
            (Some(_), _) => ("bad", texts::DISABLED),
            (None, Some(until)) if until > self.now => ("open", texts::LOCKED),
            _ => ("good", texts::LIVE),
        }
    }
}

impl EnrollmentTokensPage<'_> {
    fn may_change(&self) -> bool {
        self.frame.may(Right::Enroll)
    }
}

/// What can be done with an account: the word in the address, its name, and whether it takes something away.
pub(super) const fn deeds(user: &EnrollmentUserJson) -> [(&'static str, &'static str, bool); 3] {
    let is_disabled = user.disabled_at.is_some();
    let other = if is_disabled { ("enable", texts::ENABLE, false) } else { ("disable", texts::DISABLE, false) };
    [("password", texts::NEW_PASSWORD, false), other, ("delete", texts::DELETE, true)]
}

/// Whether a token enrolls.
pub(super) const fn is_live(token: &EnrollmentTokenJson) -> bool {
    matches!(token.state, EnrollmentTokenState::Live)
}

/// Where a token stands: class and words.
pub(super) const fn token_state(token: &EnrollmentTokenJson) -> (&'static str, &'static str) {
    match token.state {
        EnrollmentTokenState::Live => ("good", texts::TOKEN_LIVE),
        EnrollmentTokenState::Spent => ("", texts::TOKEN_SPENT),
        EnrollmentTokenState::Expired => ("", texts::TOKEN_EXPIRED),
        EnrollmentTokenState::Revoked => ("", texts::TOKEN_REVOKED),
    }
}
