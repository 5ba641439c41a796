//! How often the users of a computer come by themselves, where several work on it at once (CSP `DMClient`,
//! `MultipleSession`).
//!
//! Such a computer has sessions of its users beside that of the device, on a schedule of their own. It is one set, so
//! that nothing calms down by itself: it has one interval, and is changed only where the computer has another than the
//! plan. The nodes are the device's: the session of the device carries what changes them, and never one of a user.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{Decision, SyncType, Timestamp};

use super::SetupError;
use super::numbers::Nodes;
use super::poll::{DWELL, REFUSED};
use crate::model::NewCommand;
use crate::store::{Contact, Error, Tx};

const FOLDER: &str = "MultipleSession";

const NODES: [&str; 4] = [
    "NumberOfScheduledRetriesForUserSession",
    "IntervalForScheduledRetriesForUserSession",
    "NumAllowedConcurrentUserSessionForBackgroundSync",
    "NumAllowedConcurrentUserSessionAtUserLogonSync",
];

/// What Windows does where nobody set anything: once a day without end, 25 users at once.
const OF_WINDOWS: UserNumbers = UserNumbers([Some(0), Some(24 * 60), Some(25), Some(25)]);

/// The bounds of an interval in minutes: those of a set of the device that does not end.
const SHORTEST: u32 = 60;
const LONGEST: u32 = 366 * 24 * 60;

/// The four numbers, as a computer has them; what is not known is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct UserNumbers([Option<u32>; 4]);

/// How often the users of a computer come that several work on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserPlan {
    minutes: u32,
    in_background: u32,
    at_logon: u32,
}

/// Why a plan can't be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserPlanRefused {
    /// The interval.
    #[error("users must come at least once a year, and at most once an hour")]
    Interval,
    /// How many at once.
    #[error("a computer without users at once would never have a session of a user")]
    Nobody,
}

/// Sets how often users come. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UserPolls {
    plan: UserPlan,
    nodes: Nodes<4>,
}

impl UserPlan {
    /// Each user comes once in so many minutes. Of those whose time it is so many do so at the same moment, and so many
    /// of those who sign in: 1 for one after the other.
    pub const fn new(minutes: u32, in_background: u32, at_logon: u32) -> Result<Self, UserPlanRefused> {
        if minutes < SHORTEST || minutes > LONGEST {
            return Err(UserPlanRefused::Interval);
        }
        if in_background == 0 || at_logon == 0 {
            return Err(UserPlanRefused::Nobody);
        }
        Ok(Self { minutes, in_background, at_logon })
    }

    const fn numbers(self) -> UserNumbers {
        UserNumbers([Some(0), Some(self.minutes), Some(self.in_background), Some(self.at_logon)])
    }

    /// The numbers that a computer lacks.
    fn missing(self, has: UserNumbers) -> Option<[Option<u32>; 4]> {
        let UserNumbers(wanted) = self.numbers();
        let mut missing = wanted;
        for (slot, has) in missing.iter_mut().zip(has.0) {
            if *slot == has {
                *slot = None;
            }
        }
        missing.iter().any(Option::is_some).then_some(missing)
    }
}

impl UserNumbers {
    /// Those of a computer, as far as they are known.
    fn of(contact: &Contact) -> Option<Self> {
        match contact.user_schedule.as_deref() {
            Some(text) => serde_json::from_str(text).ok(),
            None => contact.needs_certificate.then_some(OF_WINDOWS),
        }
    }
}

impl UserPolls {
    /// With this plan, for devices that know this server as `provider_id`.
    pub fn new(plan: UserPlan, provider_id: &str) -> Result<Self, SetupError> {
        Ok(Self { plan, nodes: Nodes::of(provider_id, FOLDER, NODES)? })
    }

    /// What a computer is to be sent with its next message: nothing most of the time.
    pub fn before_message(&self, tx: &mut Tx<'_>, contact: &Contact, now: Timestamp) -> Result<Vec<NewCommand>, Error> {
        if contact.user_schedule_due_at.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        // Of the schedule of an imported computer nothing is known but that somebody chose it.
        let Some(has) = UserNumbers::of(contact) else { return Ok(Vec::new()) };
        let Some(missing) = self.plan.missing(has) else { return Ok(Vec::new()) };
        tx.change_user_schedule_at(&contact.enrollment, now.plus_millis(DWELL))?;
        Ok(self.nodes.set(missing))
    }

    /// What a message has told: that users have sessions of their own, and how often they come.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        let is_of_user = decision.session.sync_type == SyncType::User;
        if decision.is_new && is_of_user && contact.user_schedule_due_at.is_none() {
            tx.change_user_schedule_at(&contact.enrollment, now)?;
        }
        if self.nodes.were_refused(decision) {
            tx.change_user_schedule_at(&contact.enrollment, now.plus_millis(REFUSED))?;
        }
        let heard = self.nodes.heard(decision);
        if heard.is_empty() {
            return Ok(());
        }
        let UserNumbers(mut numbers) = UserNumbers::of(contact).unwrap_or_default();
        for heard in heard {
            if let Some(slot) = numbers.get_mut(heard.place) {
                *slot = Some(heard.number);
            }
        }
        let text = serde_json::to_string(&UserNumbers(numbers)).unwrap_or_default();
        tx.save_user_schedule(&contact.enrollment, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(minutes: u32, in_background: u32, at_logon: u32) -> UserPlan {
        UserPlan::new(minutes, in_background, at_logon).unwrap()
    }

    #[test]
    fn only_what_differs_is_set() {
        assert_eq!(plan(1440, 25, 25).missing(OF_WINDOWS), None, "Windows does so by itself");
        assert_eq!(plan(480, 25, 25).missing(OF_WINDOWS), Some([None, Some(480), None, None]));
        assert_eq!(plan(480, 4, 25).missing(OF_WINDOWS), Some([None, Some(480), Some(4), None]));
        let partly = UserNumbers([Some(5), None, Some(25), Some(1)]);
        assert_eq!(plan(1440, 25, 2).missing(partly), Some([Some(0), Some(1440), None, Some(2)]));
        assert_eq!(plan(480, 4, 1).missing(plan(480, 4, 1).numbers()), None);
    }

    #[test]
    fn plans_that_nobody_could_bear_are_refused() {
        assert_eq!(UserPlan::new(59, 25, 25), Err(UserPlanRefused::Interval));
        assert_eq!(UserPlan::new(0, 25, 25), Err(UserPlanRefused::Interval), "0 would turn it off");
        assert_eq!(UserPlan::new(367 * 24 * 60, 25, 25), Err(UserPlanRefused::Interval));
        assert_eq!(UserPlan::new(60, 0, 25), Err(UserPlanRefused::Nobody));
        assert_eq!(UserPlan::new(60, 1, 0), Err(UserPlanRefused::Nobody));
        assert!(UserPlan::new(60, 1, 1).is_ok());
    }
}
