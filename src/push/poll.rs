//! When devices come by themselves: their schedules, as far as they are known, and when they are changed
//! (CSP `DMClient`, `Poll`).
//!
//! A device follows three sets, one after the other, from the moment at which it was given them. So an eager schedule
//! calms down by itself; it is given again when something waits for longer than a session, and a calm one when nothing
//! does. Every change begins the sets anew, so that there is none without need.

use serde::{Deserialize, Serialize};
use transom_protocol::enrollment::{Poll, PollRefused, PollSchedule};
use transom_protocol::session::{Decision, Timestamp};

use super::SetupError;
use super::numbers::Nodes;
use crate::model::NewCommand;
use crate::store::{Contact, Error, Tx};

/// The nodes of a schedule below `Poll`, in the order in which the sets run.
const NODES: [&str; 6] = [
    "NumberOfFirstRetries",
    "IntervalForFirstSetOfRetries",
    "NumberOfSecondRetries",
    "IntervalForSecondSetOfRetries",
    "NumberOfRemainingScheduledRetries",
    "IntervalForRemainingScheduledRetries",
];

const MINUTE: i64 = 60_000;

/// A schedule is changed at most so often.
pub(super) const DWELL: i64 = 60 * MINUTE;

/// A device that took no schedule is not asked again for so long.
pub(super) const REFUSED: i64 = 7 * DAILY;

/// Windows makes a schedule of its own behind one that has ended: once a day.
const DAILY: i64 = 24 * 60 * MINUTE;

/// The six numbers of a schedule, as a device has them; what is not known is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Numbers([Option<u32>; 6]);

/// The schedules that devices are given.
#[derive(Debug, Clone)]
pub struct Plans {
    /// With the provisioning document, when a device enrolls.
    pub initial: PollSchedule,
    /// While something waits.
    pub eager: PollSchedule,
    /// While nothing does.
    pub calm: PollSchedule,
}

/// Changes schedules. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Polls {
    plans: Plans,
    nodes: Nodes<6>,
}

impl Numbers {
    /// Those of a schedule.
    pub fn of(schedule: &PollSchedule) -> Self {
        let [first, second, remaining] = schedule.sets();
        Self([first.count, first.minutes, second.count, second.minutes, remaining.count, remaining.minutes].map(Some))
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As it is stored.
    pub fn to_text(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// The three sets, when all is known.
    pub fn sets(self) -> Option<[Poll; 3]> {
        let [first, first_minutes, second, second_minutes, last, last_minutes] = self.0;
        Some([Poll::new(first?, first_minutes?), Poll::new(second?, second_minutes?), Poll::new(last?, last_minutes?)])
    }
}

/// When a device that was given three sets at `since` comes next after `now`. Its clock and the sleep of its owner
/// decide the rest.
pub fn next_poll(sets: [Poll; 3], since: Timestamp, now: Timestamp) -> Timestamp {
    let mut start = since;
    let after = |start: Timestamp, interval: i64| {
        let passed = now.millis_since(start).max(0);
        start.plus_millis((passed / interval).saturating_add(1).saturating_mul(interval))
    };
    for set in sets.into_iter().filter(|set| set.minutes > 0) {
        let interval = i64::from(set.minutes) * MINUTE;
        let next = after(start, interval);
        let end = start.plus_millis(interval.saturating_mul(i64::from(set.count)));
        if set.count == 0 || next <= end {
            return next;
        }
        start = end;
    }
    after(start, DAILY)
}

/// When the sets that end have ended.
fn calms_at(sets: [Poll; 3], since: Timestamp) -> Timestamp {
    sets.into_iter()
        .take_while(|set| set.count > 0)
        .fold(since, |at, set| at.plus_millis(i64::from(set.count) * i64::from(set.minutes) * MINUTE))
}

/// What a schedule becomes in the end: minutes between two sessions.
fn settles_at(sets: [Poll; 3]) -> u32 {
    sets.into_iter().find(|set| set.count == 0 && set.minutes > 0).map_or(24 * 60, |set| set.minutes)
}

/// The schedule that a device is to be given now, if another than it has.
fn change(
    plans: &Plans,
    has: Option<([Poll; 3], Timestamp)>,
    waits: bool,
    asked_at: Option<Timestamp>,
    now: Timestamp,
) -> Option<&PollSchedule> {
    // Of an unknown schedule nothing is known but that somebody chose it.
    let (sets, since) = has?;
    if asked_at.is_some_and(|asked| now.millis_since(asked) < DWELL) {
        return None;
    }
    let is_calm_now = calms_at(sets, since) <= now;
    let wanted = if waits { &plans.eager } else { &plans.calm };
    let comes_rightly = if waits {
        // It comes often already, or more often than the eager plan ends with.
        !is_calm_now
    } else {
        // What it has ends as the calm plan does; an eager phase is not cut short.
        !is_calm_now || settles_at(sets) == settles_at(wanted.sets())
    };
    (!comes_rightly).then_some(wanted)
}

impl Plans {
    /// Plans that devices can follow and a server can bear: the limits are Microsoft's.
    pub fn new(initial: PollSchedule, eager: [Poll; 3], calm: [Poll; 3]) -> Result<Self, PollRefused> {
        let on_login = initial.on_login();
        let schedule = |[first, second, remaining]: [Poll; 3]| PollSchedule::new(first, second, remaining, on_login);
        Ok(Self { eager: schedule(eager)?, calm: schedule(calm)?, initial })
    }
}

impl Polls {
    /// With these plans, for devices that know this server as `provider_id`.
    pub fn new(plans: Plans, provider_id: &str) -> Result<Self, SetupError> {
        Ok(Self { plans, nodes: Nodes::of(provider_id, "Poll", NODES)? })
    }

    /// The schedule of an enrollment and since when it has it, as far as that is known: what it was given last, or what
    /// it enrolled with.
    pub fn schedule_of(&self, contact: &Contact) -> Option<([Poll; 3], Timestamp)> {
        match contact.poll_schedule.as_deref() {
            Some(text) => Numbers::parse(text)?.sets().zip(contact.poll_since),
            // Imported enrollments have the schedule of another server.
            None if contact.needs_certificate => Some((self.plans.initial.sets(), contact.created_at)),
            None => None,
        }
    }

    /// What a device is to be sent with its next message: nothing most of the time.
    pub fn before_message(&self, tx: &mut Tx<'_>, contact: &Contact, now: Timestamp) -> Result<Vec<NewCommand>, Error> {
        // What waits at the first message of a session was there before it, perhaps since a moment ago.
        let last = contact.session.as_ref().map(|(_, session)| session.last_at);
        let begins = last.is_none_or(|last| now.millis_since(last) >= 2 * MINUTE);
        if !begins {
            return Ok(Vec::new());
        }
        let has = self.schedule_of(contact);
        let maybe_waits = contact.open_commands > 0;
        let change_now = |waits| change(&self.plans, has, waits, contact.poll_asked_at, now);
        if change_now(maybe_waits).is_none() {
            return Ok(Vec::new());
        }
        // Only what was there in the session before has waited through one.
        let waits = match last.filter(|_| maybe_waits) {
            Some(last) => tx.waits_since(&contact.enrollment, last)?,
            None => false,
        };
        let Some(schedule) = change_now(waits) else { return Ok(Vec::new()) };
        tx.note_poll_asked(&contact.enrollment, now)?;
        let Numbers(numbers) = Numbers::of(schedule);
        Ok(self.nodes.set(numbers))
    }

    /// What a message has told of the schedule.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        let heard = self.nodes.heard(decision);
        if self.nodes.were_refused(decision) {
            // It is not asked again for a while.
            tx.note_poll_asked(&contact.enrollment, now.plus_millis(REFUSED))?;
        }
        if heard.is_empty() {
            return Ok(());
        }
        let known = contact.poll_schedule.as_deref().and_then(Numbers::parse).unwrap_or_default();
        let Numbers(mut numbers) = known;
        let mut is_set = false;
        for heard in heard {
            is_set |= heard.is_set;
            if let Some(slot) = numbers.get_mut(heard.place) {
                *slot = Some(heard.number);
            }
        }
        // A schedule that was only read began some time before.
        let since = if is_set { Some(now) } else { contact.poll_since };
        tx.save_poll_schedule(&contact.enrollment, &Numbers(numbers).to_text(), since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Timestamp = Timestamp(1_800_000_000_000);

    fn sets(first: (u32, u32), second: (u32, u32), remaining: (u32, u32)) -> [Poll; 3] {
        [first, second, remaining].map(|(count, minutes)| Poll::new(count, minutes))
    }

    fn plans() -> Plans {
        let eager = sets((8, 15), (10, 60), (0, 1440));
        Plans::new(PollSchedule::default(), eager, sets((0, 480), (0, 0), (0, 0))).unwrap()
    }

    #[test]
    fn the_next_poll_is_the_next_of_the_set_that_runs() {
        let usual = sets((5, 15), (10, 60), (0, 1440));
        for (minutes, next) in [
            (0, 15),
            (14, 15),
            (15, 30),
            (74, 75),
            (75, 135),
            (600, 615),
            (674, 675),
            (675, 675 + 1440),
            (675 + 1440, 675 + 2880),
        ] {
            let at = next_poll(usual, SINCE, SINCE.plus_millis(minutes * MINUTE));
            assert_eq!(at.millis_since(SINCE) / MINUTE, next, "after {minutes} minutes");
        }
        let ends = next_poll(sets((2, 10), (0, 0), (0, 0)), SINCE, SINCE.plus_millis(30 * MINUTE));
        assert_eq!(ends.millis_since(SINCE) / MINUTE, 20 + 1440, "Windows goes on once a day");
    }

    #[test]
    fn a_schedule_is_changed_only_when_it_must_be() {
        let plans = plans();
        let at = |hours: i64| SINCE.plus_millis(hours * 60 * MINUTE);
        let initial = Some((plans.initial.sets(), SINCE));
        let change = |has, waits, asked, now| change(&plans, has, waits, asked, now).cloned();
        assert_eq!(change(None, true, None, at(99)), None, "an unknown schedule is somebody's choice");
        assert_eq!(change(initial, true, None, at(1)), None, "it comes often already");
        assert_eq!(change(initial, false, None, at(1)), None, "an eager phase is not cut short");
        assert_eq!(change(initial, true, None, at(12)), Some(plans.eager.clone()));
        assert_eq!(change(initial, false, None, at(12)), Some(plans.calm.clone()));
        let calm = Some((plans.calm.sets(), at(12)));
        assert_eq!(change(calm, false, Some(at(12)), at(400)), None);
        assert_eq!(change(calm, true, Some(at(12)), at(12)), None, "not twice in an hour");
        assert_eq!(change(calm, true, Some(at(12)), at(20)), Some(plans.eager.clone()));
        let daily = Plans::new(PollSchedule::default(), plans.eager.sets(), sets((0, 1440), (0, 0), (0, 0))).unwrap();
        assert!(super::change(&daily, initial, false, None, at(12)).is_none(), "it calmed down by itself");
    }

    #[test]
    fn plans_below_the_limits_of_microsoft_are_refused() {
        let calm = sets((0, 480), (0, 0), (0, 0));
        assert_eq!(
            Plans::new(PollSchedule::default(), sets((0, 1), (0, 0), (0, 0)), calm).unwrap_err(),
            PollRefused::Endless("first")
        );
        assert!(Plans::new(PollSchedule::default(), sets((0, 0), (0, 0), (0, 0)), calm).is_err());
    }

    #[test]
    fn numbers_are_kept_as_far_as_they_are_known() {
        let numbers = Numbers::of(&PollSchedule::default());
        assert_eq!(Numbers::parse(&numbers.to_text()), Some(numbers));
        assert_eq!(numbers.sets().unwrap()[0], Poll::new(5, 15));
        assert_eq!(Numbers::default().sets(), None);
        assert_eq!(Numbers::parse("x"), None);
    }
}
