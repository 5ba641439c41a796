//! Publishing in stages: which devices have a revision already, and when it goes on, waits or stops. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use transom_protocol::session::{DeviceId, Timestamp};

use super::{ByState, FactName, Facts, PolicyState, Predicate};

/// Everybody, in parts of a share.
pub const EVERYBODY: u32 = 10_000;

/// Most stages.
const MOST: usize = 20;

/// Which devices get a revision with a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A share of all, in hundredths of a percent.
    Share(u32),
    /// Those for which a condition on their facts holds.
    When(String),
}

/// How a revision goes to devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePlan {
    /// One after the other; each has also the devices of those before. The last is everybody.
    pub stages: Vec<Stage>,
    /// It stops when so many of the devices that said what became of it have failed, in hundredths of a percent.
    pub stop_at: u32,
    /// Devices that have to have said so before that counts.
    pub minimum: u32,
    /// It goes on by itself after so long in a stage, in milliseconds; otherwise somebody has to say so.
    pub advance_after: Option<i64>,
}

/// Where publishing in stages stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StagedState {
    /// Devices of its stage get it.
    Running,
    /// Somebody has said that no more devices get it for now.
    Paused,
    /// Too many devices have failed: no more get it.
    Stopped,
    /// Everybody has it.
    Done,
    /// Something else of the set was published.
    Replaced,
}

/// A revision that goes to devices in stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// The revision.
    pub revision: i64,
    /// The set.
    pub set: String,
    /// The revision that the other devices have; 0 where the set had nothing.
    pub base: i64,
    /// Where it stands.
    pub state: StagedState,
    /// Which stage it is in, from 0.
    pub stage: usize,
    /// Since when.
    pub stage_since: Timestamp,
    /// How it goes.
    pub plan: StagePlan,
    /// What somebody has seen and does not count any more.
    #[serde(default)]
    pub forgiven: Outcomes,
    /// Why it stopped.
    #[serde(default)]
    pub why: Option<String>,
    /// When it changed last.
    pub changed_at: Timestamp,
}

/// What became of a revision on the devices that have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcomes {
    /// Devices that failed because of it.
    pub failed: u64,
    /// Devices that said what became of it, with these.
    pub judged: u64,
    /// Devices that have not said so yet.
    pub waiting: u64,
}

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageMove {
    /// Nothing.
    Stay,
    /// Too many devices have failed.
    Stop(Outcomes),
    /// It goes on to the next stage.
    Advance,
    /// Everybody has it.
    Finish,
}

/// What a device has of a revision that goes to devices in stages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeviceStage {
    /// The revision.
    pub revision: i64,
    /// Whether it changed anything on this device.
    pub touched: bool,
    /// The settings that it changed, by their folded address.
    #[serde(default)]
    pub settings: BTreeSet<String>,
}

impl Stage {
    /// Reads `10%`, or a condition on facts.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.ends_with('%') {
            let condition = Predicate::parse(text).map(|_| Self::When(text.to_owned()));
            return condition.map_err(|error| format!("{error}; a stage is a share such as 10%, or a condition"));
        }
        match parse_percent(text) {
            Some(share) if share > 0 => Ok(Self::Share(share)),
            _ => Err(format!("{text:?} is no share: write one such as 10% or 2.5%")),
        }
    }

    /// Whether a device is of it.
    fn has(&self, share: u32, facts: &Facts) -> bool {
        match self {
            Self::Share(most) => share < *most,
            Self::When(condition) => Predicate::parse(condition).is_ok_and(|condition| condition.holds(facts)),
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Share(share) => f.write_str(&percent_text(*share)),
            Self::When(condition) => f.write_str(condition),
        }
    }
}

/// A percentage with up to two digits behind the point, in hundredths of a percent; at most everybody.
pub fn parse_percent(text: &str) -> Option<u32> {
    let text = text.trim();
    let text = text.strip_suffix('%').unwrap_or(text).trim_end();
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || rest.len() > 2 || !is_number(whole) || !is_number(rest) {
        return None;
    }
    let number: u32 = format!("{whole}{rest:0<2}").parse().ok()?;
    (number <= EVERYBODY).then_some(number)
}

/// The same as text.
pub fn percent_text(share: u32) -> String {
    let (whole, rest) = (share / 100, share % 100);
    if rest == 0 { format!("{whole}%") } else { format!("{whole}.{rest:02}%").replace("0%", "%") }
}

/// The share that a device is in: the same for all revisions, so that those that come first always do.
pub fn share_of(device: &DeviceId) -> u32 {
    let hash = Sha256::digest(format!("stage of {}", device.key()).as_bytes());
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u32::try_from(number % u64::from(EVERYBODY)).unwrap_or(0)
}

impl StagePlan {
    /// Of stages as their author writes them. Everybody comes last, whether it is written or not.
    pub fn new(stages: &[String], stop_at: u32, minimum: u32, advance_after: Option<i64>) -> Result<Self, String> {
        let mut read = Vec::with_capacity(stages.len() + 1);
        let mut before = 0;
        for text in stages {
            let stage = Stage::parse(text)?;
            if let Stage::Share(share) = stage {
                if share <= before {
                    return Err(format!("{text} is not more than the {} before", percent_text(before)));
                }
                before = share;
            }
            read.push(stage);
        }
        match read.iter().position(|stage| *stage == Stage::Share(EVERYBODY)) {
            Some(place) if place + 1 < read.len() => return Err("nobody is left after 100%".to_owned()),
            Some(_) => {}
            None => read.push(Stage::Share(EVERYBODY)),
        }
        if stages.is_empty() || read.len() > MOST {
            return Err(format!("a revision goes to devices in 1 to {} stages", MOST - 1));
        }
        Ok(Self { stages: read, stop_at, minimum, advance_after })
    }
}

impl StagedState {
    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Done => "done",
            Self::Replaced => "replaced",
        }
    }

    /// Whether it is still of concern.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Stopped)
    }
}

impl Outcomes {
    /// Of how many devices stand where.
    pub fn of(counts: &ByState) -> Self {
        let mut outcomes = Self::default();
        for (state, count) in counts {
            let count = u64::try_from(*count).unwrap_or(0);
            match state {
                PolicyState::Failed | PolicyState::Conflict => {
                    outcomes.failed += count;
                    outcomes.judged += count;
                }
                PolicyState::Applied | PolicyState::Kept | PolicyState::Drifted => outcomes.judged += count,
                PolicyState::Pending | PolicyState::Retracting => outcomes.waiting += count,
                // It concerns them not, or not yet.
                PolicyState::NotApplicable | PolicyState::Unresolved => {}
            }
        }
        outcomes
    }

    /// Without what does not count any more.
    fn without(self, forgiven: Self) -> Self {
        let failed = self.failed.saturating_sub(forgiven.failed);
        let judged = self.judged.saturating_sub(forgiven.judged).max(failed);
        Self { failed, judged, waiting: self.waiting }
    }
}

impl Staged {
    /// What its devices stand under in the counts: no declaration can be called so.
    pub fn standing(revision: i64) -> String {
        format!("revision:{revision}")
    }

    /// Whether a device gets it, or keeps it. What a device has is not taken from it because the others have to wait.
    pub fn takes(&self, has_it: bool, share: u32, facts: &Facts) -> bool {
        match self.state {
            StagedState::Running => {
                self.plan.stages.iter().take(self.stage.saturating_add(1)).any(|stage| stage.has(share, facts))
            }
            StagedState::Paused | StagedState::Stopped => has_it,
            StagedState::Done | StagedState::Replaced => true,
        }
    }

    /// The facts that its stages ask for.
    pub fn facts(&self) -> BTreeSet<FactName> {
        let conditions = self.plan.stages.iter().filter_map(|stage| match stage {
            Stage::When(condition) => Predicate::parse(condition).ok(),
            Stage::Share(_) => None,
        });
        conditions.flat_map(|condition| condition.facts()).collect()
    }

    /// What is to happen now. `walked`: all devices were looked at in this stage.
    pub fn judge(&self, outcomes: Outcomes, walked: bool, now: Timestamp) -> StageMove {
        if self.state != StagedState::Running {
            return StageMove::Stay;
        }
        let counted = outcomes.without(self.forgiven);
        let is_enough = counted.judged >= u64::from(self.plan.minimum.max(1));
        let is_much =
            counted.failed * u64::from(EVERYBODY) >= u64::from(self.plan.stop_at).saturating_mul(counted.judged);
        if counted.failed > 0 && is_enough && is_much {
            return StageMove::Stop(counted);
        }
        let is_last = self.stage.saturating_add(1) >= self.plan.stages.len();
        let is_time = self.plan.advance_after.is_some_and(|after| now.millis_since(self.stage_since) >= after);
        match (walked, is_last) {
            (true, true) => StageMove::Finish,
            // Where nobody has said anything yet, nothing is known.
            (true, false) if is_time && (is_enough || counted.waiting == 0) => StageMove::Advance,
            _ => StageMove::Stay,
        }
    }

    /// Goes on to the next stage.
    pub fn advance(&mut self, now: Timestamp) -> Result<(), String> {
        if !matches!(self.state, StagedState::Running | StagedState::Paused) {
            return Err(format!("it is {}: only what is running or paused goes on", self.state.as_str()));
        }
        if self.stage.saturating_add(1) >= self.plan.stages.len() {
            return Err("it is in its last stage".to_owned());
        }
        self.stage += 1;
        (self.state, self.stage_since, self.changed_at, self.why) = (StagedState::Running, now, now, None);
        Ok(())
    }

    /// No more devices get it for now.
    pub fn pause(&mut self, now: Timestamp) -> Result<(), String> {
        if self.state != StagedState::Running {
            return Err(format!("it is {}: only what is running can be paused", self.state.as_str()));
        }
        (self.state, self.changed_at) = (StagedState::Paused, now);
        Ok(())
    }

    /// It goes on in its stage. What has failed until now does not count any more.
    pub fn resume(&mut self, outcomes: Outcomes, now: Timestamp) -> Result<(), String> {
        match self.state {
            StagedState::Paused => {}
            StagedState::Stopped => self.forgiven = outcomes,
            other => return Err(format!("it is {}: only what is paused or stopped can go on", other.as_str())),
        }
        (self.state, self.stage_since, self.changed_at, self.why) = (StagedState::Running, now, now, None);
        Ok(())
    }

    /// Too many devices have failed.
    pub fn stop(&mut self, outcomes: Outcomes, now: Timestamp) {
        let Outcomes { failed, judged, .. } = outcomes;
        let limit = percent_text(self.plan.stop_at);
        self.why = Some(format!("{failed} of {judged} devices failed; the limit is {limit}"));
        (self.state, self.changed_at) = (StagedState::Stopped, now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn staged(stages: &[&str]) -> Staged {
        let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
        Staged {
            revision: 7,
            set: "default".to_owned(),
            base: 6,
            state: StagedState::Running,
            stage: 0,
            stage_since: NOW,
            plan: StagePlan::new(&stages, 500, 10, Some(60_000)).unwrap(),
            forgiven: Outcomes::default(),
            why: None,
            changed_at: NOW,
        }
    }

    const fn outcomes(failed: u64, judged: u64, waiting: u64) -> Outcomes {
        Outcomes { failed, judged, waiting }
    }

    #[test]
    fn stages_are_shares_that_grow_and_conditions_and_end_with_everybody() {
        let texts = |plan: &StagePlan| plan.stages.iter().map(ToString::to_string).collect::<Vec<_>>();
        let of = |stages: &[&str]| {
            let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
            StagePlan::new(&stages, 500, 10, None).map(|plan| texts(&plan))
        };
        let pilots = "'pilot' in device.tags";
        assert_eq!(of(&[pilots, "2.5%", " 10 % "]).unwrap(), [pilots, "2.5%", "10%", "100%"]);
        assert_eq!(of(&["100%"]).unwrap(), ["100%"]);
        for wrong in [
            &[][..],
            &["0%"],
            &["50%", "10%"],
            &["101%"],
            &["1.234%"],
            &["x%"],
            &["50%%"],
            &["pilots"],
            &["100%", pilots],
        ] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(
            (percent_text(500), percent_text(1025), percent_text(1020)),
            ("5%".into(), "10.25%".into(), "10.2%".into())
        );
        assert_eq!((parse_percent("5"), parse_percent("5.5%"), parse_percent("5%%")), (Some(500), Some(550), None));
    }

    #[test]
    fn it_stops_when_too_many_fail_and_not_before_enough_have_said_so() {
        let staged = staged(&["10%"]);
        let judge = |failed, judged| staged.judge(outcomes(failed, judged, 5), false, NOW);
        assert_eq!(judge(0, 100), StageMove::Stay);
        assert_eq!(judge(9, 9), StageMove::Stay, "too few have said anything");
        assert_eq!(judge(4, 100), StageMove::Stay);
        assert!(matches!(judge(5, 100), StageMove::Stop(_)));
        assert!(matches!(judge(10, 10), StageMove::Stop(_)));
        let mut never = staged.clone();
        never.plan.stop_at = 0;
        assert_eq!(never.judge(outcomes(0, 100, 0), false, NOW), StageMove::Stay, "none is no failure");
        assert!(matches!(never.judge(outcomes(1, 1000, 0), false, NOW), StageMove::Stop(_)));
    }

    #[test]
    fn it_goes_on_by_itself_when_its_time_has_passed_and_enough_is_known() {
        let mut staged = staged(&["10%", "50%"]);
        let later = NOW.plus_millis(60_000);
        assert_eq!(staged.judge(outcomes(0, 10, 0), true, later.plus_millis(-1)), StageMove::Stay);
        assert_eq!(staged.judge(outcomes(0, 10, 0), false, later), StageMove::Stay, "not all were looked at");
        assert_eq!(staged.judge(outcomes(0, 9, 1), true, later), StageMove::Stay, "too little is known");
        assert_eq!(staged.judge(outcomes(0, 9, 0), true, later), StageMove::Advance, "there is nobody else");
        assert_eq!(staged.judge(outcomes(0, 10, 90), true, later), StageMove::Advance);
        staged.plan.advance_after = None;
        assert_eq!(staged.judge(outcomes(0, 10, 0), true, later), StageMove::Stay, "somebody has to say so");
        staged.advance(later).unwrap();
        staged.advance(later).unwrap();
        assert_eq!(staged.judge(outcomes(0, 0, 0), false, later), StageMove::Stay);
        assert_eq!(staged.judge(outcomes(0, 0, 9), true, later), StageMove::Finish);
        assert!(staged.advance(later).is_err());
    }

    #[test]
    fn whoever_goes_on_after_a_stop_has_seen_what_failed() {
        let mut staged = staged(&["10%"]);
        let StageMove::Stop(seen) = staged.judge(outcomes(6, 20, 0), true, NOW) else { panic!() };
        staged.stop(seen, NOW);
        assert_eq!(staged.why.as_deref(), Some("6 of 20 devices failed; the limit is 5%"));
        assert!(staged.advance(NOW).is_err() && staged.pause(NOW).is_err());
        staged.resume(outcomes(6, 20, 0), NOW).unwrap();
        assert_eq!(staged.judge(outcomes(6, 40, 0), false, NOW), StageMove::Stay);
        assert!(matches!(staged.judge(outcomes(8, 40, 0), false, NOW), StageMove::Stop(_)));
        staged.pause(NOW).unwrap();
        assert_eq!(staged.judge(outcomes(40, 40, 0), true, NOW), StageMove::Stay);
        staged.resume(Outcomes::default(), NOW).unwrap();
        assert_eq!(staged.state, StagedState::Running);
    }

    proptest! {
        #[test]
        fn a_device_of_a_stage_is_in_all_that_follow(name in "[A-Za-z0-9-]{1,20}", one in 1..10_000_u32, other in 1..10_000_u32) {
            let device = DeviceId::parse(&name).unwrap();
            let share = share_of(&device);
            prop_assert_eq!(share, share_of(&DeviceId::parse(&name.to_lowercase()).unwrap()), "spelling does not count");
            prop_assert!(share < EVERYBODY);
            let (less, more) = (one.min(other), one.max(other) + 1);
            let facts = Facts::default();
            let stages = [percent_text(less), percent_text(more)];
            let mut staged = staged(&[&stages[0], &stages[1]]);
            let mut had = false;
            for stage in 0..staged.plan.stages.len() {
                staged.stage = stage;
                let takes = staged.takes(had, share, &facts);
                prop_assert!(takes || !had, "what a device has is not taken from it");
                prop_assert_eq!(takes, share < [less, more, EVERYBODY][stage]);
                had = takes;
                for state in [StagedState::Paused, StagedState::Stopped] {
                    let held = Staged { state, ..staged.clone() };
                    prop_assert!(held.takes(true, share, &facts) && !held.takes(false, share, &facts));
                }
            }
            prop_assert!(had, "everybody has it in the end");
        }

        #[test]
        fn more_failures_never_start_what_fewer_have_stopped(failed in 0..100_u64, good in 0..100_u64, stop in 0..10_000_u32) {
            let mut staged = staged(&["10%"]);
            staged.plan.stop_at = stop;
            let judge = |failed| staged.judge(outcomes(failed, failed + good, 0), false, NOW);
            if matches!(judge(failed), StageMove::Stop(_)) {
                prop_assert!(matches!(judge(failed + 1), StageMove::Stop(_)));
            }
        }
    }

    #[test]
    fn shares_are_spread_evenly() {
        let devices = (0..10_000).map(|number| DeviceId::parse(&format!("DEVICE-{number}")).unwrap());
        let first = devices.filter(|device| share_of(device) < 1_000).count();
        assert!((900..1_100).contains(&first), "{first}");
    }
}
