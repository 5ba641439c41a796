//! What is kept of attempts to enroll, for an administrator to read. Never a password or a token.

use std::net::IpAddr;

use transom_protocol::session::Timestamp;
use transom_protocol::soap::FaultKind;

use super::{Claims, Denied, TOKEN_PREFIX};
use crate::model::{AttemptId, AttemptOutcome, EnrollmentAttempt, EnrollmentId, EnrollmentStep};

/// One request of a device that wants to enroll, beside what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Where it comes from.
    pub peer: IpAddr,
    /// What it asks for.
    pub step: EnrollmentStep,
    /// What the device shows with a fault, so that it can be looked for: random, made at the door.
    pub trace_id: String,
    /// What it says of itself; [`Claims::default`] where it says nothing yet.
    pub device: Claims,
}

/// Longest text of a device that is kept.
const MOST: usize = 128;

/// Longest explanation.
const MOST_DETAIL: usize = 500;

impl Visit {
    /// It was refused, and why.
    pub(super) fn refused(&self, claimed: Option<&str>, denied: &Denied, now: Timestamp) -> EnrollmentAttempt {
        self.refused_for(claimed, denied.fault(), denied.word(), &denied.to_string(), now)
    }

    /// It was refused for a reason of somebody else's.
    pub(super) fn refused_for(
        &self,
        claimed: Option<&str>,
        fault: FaultKind,
        reason: &str,
        detail: &str,
        now: Timestamp,
    ) -> EnrollmentAttempt {
        EnrollmentAttempt {
            outcome: AttemptOutcome::Refused,
            reason: Some(shown(reason, MOST)),
            fault: Some(fault.as_str().to_owned()),
            detail: Some(shown(detail, MOST_DETAIL)),
            ..self.attempt(claimed, now)
        }
    }

    /// An enrollment was made.
    pub(super) fn enrolled(&self, user: &str, enrollment: &EnrollmentId, now: Timestamp) -> EnrollmentAttempt {
        EnrollmentAttempt { enrollment: Some(enrollment.clone()), ..self.attempt(Some(user), now) }
    }

    /// A certificate was renewed.
    pub(in crate::enrollment) fn renewed(
        &self,
        user: Option<&str>,
        enrollment: &EnrollmentId,
        now: Timestamp,
    ) -> EnrollmentAttempt {
        EnrollmentAttempt {
            outcome: AttemptOutcome::Renewed,
            enrollment: Some(enrollment.clone()),
            ..self.attempt(user, now)
        }
    }

    fn attempt(&self, claimed: Option<&str>, now: Timestamp) -> EnrollmentAttempt {
        let said = |text: &Option<String>| text.as_deref().map(|text| shown(text, MOST));
        EnrollmentAttempt {
            id: AttemptId::new(now),
            at: now,
            last_at: now,
            count: 1,
            peer: self.peer.to_canonical().to_string(),
            user: claimed.map(user_shown),
            device: self.device.device_id.clone(),
            hw_dev_id: said(&self.device.hw_dev_id),
            device_name: said(&self.device.device_name),
            step: self.step,
            outcome: AttemptOutcome::Enrolled,
            reason: None,
            fault: None,
            detail: None,
            enrollment: None,
            trace_id: shown(&self.trace_id, MOST),
        }
    }
}

/// A user name as it was claimed. People put tokens into the wrong field.
fn user_shown(claimed: &str) -> String {
    if claimed.to_ascii_lowercase().contains(TOKEN_PREFIX) {
        return "(an enrollment token)".to_owned();
    }
    shown(claimed.trim(), MOST)
}

/// A text, cut, and without what a terminal would obey.
fn shown(text: &str, most: usize) -> String {
    let escaped = text.chars().flat_map(|letter| {
        let (plain, escaped) =
            if letter.is_control() { (None, Some(letter.escape_default())) } else { (Some(letter), None) };
        plain.into_iter().chain(escaped.into_iter().flatten())
    });
    let mut shown: String = escaped.take(most).collect();
    if shown.chars().count() == most {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_is_cut_and_escaped() {
        assert_eq!(shown("ada\u{1b}[2J\0", 100), "ada\\u{1b}[2J\\u{0}");
        assert_eq!(shown("ädä", 100), "ädä");
        let cut = shown(&"ä".repeat(1_000), 10);
        assert_eq!(cut, format!("{}…", "ä".repeat(9)));
    }

    #[test]
    fn a_token_in_the_wrong_field_is_not_kept() {
        assert_eq!(user_shown(" Transom-Enroll-0123"), "(an enrollment token)");
        assert_eq!(user_shown(" ada "), "ada");
    }

    #[test]
    fn a_refusal_says_why_and_what_the_device_was_told() {
        let visit = Visit {
            peer: "::ffff:192.0.2.7".parse().unwrap(),
            step: EnrollmentStep::Issue,
            trace_id: "t1".to_owned(),
            device: Claims { device_name: Some("PC\n1".to_owned()), ..Claims::default() },
        };
        let kept = visit.refused(Some("ada"), &Denied::WrongPassword, Timestamp(5));
        assert_eq!((kept.peer.as_str(), kept.user.as_deref()), ("192.0.2.7", Some("ada")));
        assert_eq!((kept.reason.as_deref(), kept.fault.as_deref()), (Some("wrong_password"), Some("authentication")));
        assert_eq!(kept.device_name.as_deref(), Some("PC\\n1"));
        assert_eq!((kept.at, kept.count, kept.outcome), (Timestamp(5), 1, AttemptOutcome::Refused));
    }
}
