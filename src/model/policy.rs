//! Policies as they are kept: what was published, what each device is to have and what became of it.
//!
//! Nothing here knows how a setting travels: what carries one has a name and no more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};

use super::EnrollmentId;

/// The set of whoever names none.
pub const DEFAULT_POLICY_SET: &str = "default";

/// A declaration that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPolicy {
    /// What it is called.
    pub identifier: String,
    /// The set that owns it.
    pub set: String,
    /// Its type, as a word.
    pub kind: String,
    /// Of its content.
    pub token: String,
    /// The revision that brought it as it is.
    pub revision: i64,
    /// When that was.
    pub changed_at: Timestamp,
}

/// A declaration of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisedPolicy {
    /// What it is called.
    pub identifier: String,
    /// Its type, as a word.
    pub kind: String,
    /// Of its content.
    pub token: String,
}

/// What is published of one set: it takes the place of all that the set had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPolicyRevision {
    /// The set.
    pub set: String,
    /// Who publishes it.
    pub author: String,
    /// Why.
    pub message: String,
    /// All of its declarations, each with its content as JSON.
    pub declarations: Vec<(RevisedPolicy, String)>,
}

/// Something that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRevision {
    /// Counts them, those of all sets.
    pub number: i64,
    /// The set.
    pub set: String,
    /// Who published it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When.
    pub at: Timestamp,
    /// Declarations that were new.
    pub added: u32,
    /// That were changed.
    pub changed: u32,
    /// That were removed.
    pub removed: u32,
}

/// Where a setting, or a declaration with all of its settings, stands on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyState {
    /// The device's build or edition does not have it, or the device says so.
    NotApplicable,
    /// The device has it.
    Applied,
    /// It stays although it is no longer wanted: there is no way back.
    Kept,
    /// It is no longer wanted, and the device has not said yet that it is gone.
    Retracting,
    /// The device has not answered yet.
    Pending,
    /// The device has something else by now.
    Drifted,
    /// Something that it needs is not known.
    Unresolved,
    /// Several configurations want different values, and nothing says which holds.
    Conflict,
    /// The device has refused it, or it could not be delivered.
    Failed,
}

/// What one life of a device is to have, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DevicePolicy {
    /// The settings, by their folded address.
    #[serde(default)]
    pub settings: BTreeMap<String, SettingRecord>,
    /// Where each declaration that concerns the device stands.
    #[serde(default)]
    pub standings: BTreeMap<String, PolicyState>,
    /// The configurations of each activation that is active.
    #[serde(default)]
    pub active: BTreeMap<String, Vec<String>>,
    /// Build and edition as they were when this was last decided.
    #[serde(default)]
    pub windows: Option<String>,
}

/// One setting of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRecord {
    /// Its address.
    pub uri: String,
    /// The configurations that want it; none: it is being taken back.
    #[serde(default)]
    pub by: Vec<String>,
    /// Where it stands.
    pub state: PolicyState,
    /// Since when.
    pub since: Timestamp,
    /// Why, where its state alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Of what is wanted, where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What the device was last given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// What carries it to the device, or carried it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The code that the device answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error behind the code, as the device wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_error: Option<String>,
}

/// What a device was given of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Of what was sent.
    pub token: String,
    /// What became of it.
    pub outcome: GivenOutcome,
}

/// What became of something that a device was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenOutcome {
    /// The device has not answered.
    Pending,
    /// The device has taken it.
    Applied,
    /// The device has refused it.
    Failed,
    /// The device does not have such a setting.
    NotHere,
    /// The device has something else by now.
    Drifted,
}

/// Where a declaration stands on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStanding {
    /// The device.
    pub device: DeviceId,
    /// Its life.
    pub enrollment: EnrollmentId,
    /// Where it stands.
    pub state: PolicyState,
    /// Since when.
    pub since: Timestamp,
}

/// A device to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLook {
    /// Which.
    pub enrollment: EnrollmentId,
    /// Taken with it, and handed in when it is done: what was asked for meanwhile stays.
    pub ticket: i64,
}

/// What was published last, and how far it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWork {
    /// Grows with each change of what is wanted.
    pub generation: i64,
    /// When that was.
    pub changed_at: Timestamp,
    /// How far it went through the devices.
    pub walk: PolicyWalk,
}

/// A walk through all devices. It goes round: what changes meanwhile is carried on from where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyWalk {
    /// For which generation.
    pub generation: i64,
    /// With which catalogue.
    pub catalogue: i64,
    /// The last device that was looked at.
    pub position: String,
    /// Where it began.
    pub began_behind: String,
    /// It came to the end and goes on from the beginning.
    pub wrapped: bool,
    /// It is done.
    pub done: bool,
    /// Devices that were looked at.
    pub looked: u64,
    /// Of these, devices for which something changed.
    pub changed: u64,
    /// Devices that there were when it began.
    pub total: u64,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When it was done.
    pub done_at: Option<Timestamp>,
}

impl PolicyWalk {
    /// Begins anew, from where it stands, for another generation.
    #[must_use]
    pub fn begin(&self, generation: i64, catalogue: i64, total: u64, now: Timestamp) -> Self {
        let (position, began_behind) = (self.position.clone(), self.position.clone());
        let wrapped = began_behind.is_empty();
        Self { generation, catalogue, position, began_behind, wrapped, total, began_at: Some(now), ..Self::default() }
    }

    /// Goes on to the devices that were found behind its position when it asked for so many; gives those that it comes
    /// to.
    pub fn advance(&mut self, found: Vec<EnrollmentId>, asked: usize, now: Timestamp) -> Vec<EnrollmentId> {
        let is_end = found.len() < asked;
        let until = (self.wrapped && !self.began_behind.is_empty()).then(|| self.began_behind.clone());
        let next: Vec<EnrollmentId> =
            found.into_iter().take_while(|id| until.as_deref().is_none_or(|until| id.as_str() <= until)).collect();
        self.looked += u64::try_from(next.len()).unwrap_or(0);
        let came_round = until.is_some() && (is_end || next.len() < asked);
        if let Some(last) = next.last() {
            last.as_str().clone_into(&mut self.position);
        }
        if self.wrapped && (is_end || came_round) {
            self.done = true;
            self.done_at = Some(now);
            self.position.clear();
        } else if is_end {
            self.wrapped = true;
            self.position.clear();
        }
        next
    }
}

impl PolicyState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::NotApplicable,
        Self::Applied,
        Self::Kept,
        Self::Retracting,
        Self::Pending,
        Self::Drifted,
        Self::Unresolved,
        Self::Conflict,
        Self::Failed,
    ];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::Applied => "applied",
            Self::Kept => "kept",
            Self::Retracting => "retracting",
            Self::Pending => "pending",
            Self::Drifted => "drifted",
            Self::Unresolved => "unresolved",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }

    /// The state that a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl std::fmt::Display for PolicyState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SettingRecord {
    /// Whether its outcome is waited for.
    pub fn waits(&self) -> bool {
        let is_given = || self.given.as_ref().is_some_and(|given| given.outcome == GivenOutcome::Pending);
        self.carrier.is_some() && (matches!(self.state, PolicyState::Pending | PolicyState::Retracting) || is_given())
    }
}

impl DevicePolicy {
    /// Settings whose outcome is waited for.
    pub fn waiting(&self) -> usize {
        self.settings.values().filter(|setting| setting.waits()).count()
    }

    /// Works out where each declaration stands: where the worst of its settings does. An activation stands where its
    /// configurations do.
    pub fn judge(&mut self) {
        let mut standings: BTreeMap<String, PolicyState> = BTreeMap::new();
        let known = self.active.values().flatten().map(|name| (name.clone(), PolicyState::Applied));
        let mut of_settings: BTreeMap<&str, PolicyState> = BTreeMap::new();
        for setting in self.settings.values() {
            for by in &setting.by {
                let state = of_settings.entry(by).or_insert(setting.state);
                *state = setting.state.max(*state);
            }
        }
        standings.extend(known);
        for (name, state) in &of_settings {
            standings.insert((*name).to_owned(), *state);
        }
        for (activation, configurations) in &self.active {
            let worst = configurations.iter().filter_map(|name| standings.get(name)).max().copied();
            standings.insert(activation.clone(), worst.unwrap_or(PolicyState::Applied));
        }
        self.standings = standings;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(by: &[&str], state: PolicyState) -> SettingRecord {
        SettingRecord {
            uri: "./X".to_owned(),
            by: by.iter().map(|name| (*name).to_owned()).collect(),
            state,
            since: Timestamp(0),
            why: None,
            wanted: None,
            given: None,
            carrier: None,
            status: None,
            original_error: None,
        }
    }

    #[test]
    fn a_declaration_stands_where_the_worst_of_its_settings_does() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut policy = DevicePolicy {
            settings: BTreeMap::from([
                ("./a".to_owned(), setting(&["one"], PolicyState::Applied)),
                ("./b".to_owned(), setting(&["one", "two"], PolicyState::Failed)),
                ("./c".to_owned(), setting(&["three"], PolicyState::NotApplicable)),
                ("./d".to_owned(), setting(&[], PolicyState::Retracting)),
            ]),
            active: BTreeMap::from([
                ("all".to_owned(), names(&["one", "two"])),
                ("some".to_owned(), names(&["three", "empty"])),
            ]),
            ..DevicePolicy::default()
        };
        policy.judge();
        let of = |name: &str| policy.standings.get(name).copied();
        assert_eq!(
            (of("one"), of("two"), of("all")),
            (Some(PolicyState::Failed), Some(PolicyState::Failed), of("one"))
        );
        assert_eq!((of("three"), of("empty")), (Some(PolicyState::NotApplicable), Some(PolicyState::Applied)));
        assert_eq!(of("some"), Some(PolicyState::Applied));
        assert_eq!(policy.standings.len(), 6);
    }

    #[test]
    fn a_walk_that_is_overtaken_goes_on_from_where_it_stands_and_comes_to_all() {
        let now = Timestamp(1_800_000_000_000);
        let mut all: Vec<EnrollmentId> = (0..10).map(|step| EnrollmentId::new(now.plus_millis(step))).collect();
        all.sort();
        let behind = |position: &str, limit: usize| -> Vec<EnrollmentId> {
            all.iter().filter(|id| id.as_str() > position).take(limit).cloned().collect()
        };
        for (limit, before) in [(3, 2), (3, 0), (4, 1), (1, 7), (5, 1), (20, 1), (2, 4)] {
            let mut walk = PolicyWalk::default().begin(1, 0, 10, now);
            for _ in 0..before {
                walk.advance(behind(&walk.position.clone(), limit), limit, now);
            }
            let mut walk = walk.begin(2, 0, 10, now);
            let mut seen = Vec::new();
            for _ in 0..100 {
                if walk.done {
                    break;
                }
                seen.extend(walk.advance(behind(&walk.position.clone(), limit), limit, now));
            }
            assert!(walk.done, "{limit} {before}: {walk:?}");
            seen.sort();
            assert_eq!(seen, all, "{limit} {before}: each once");
            assert_eq!((walk.looked, walk.done_at), (10, Some(now)));
        }
    }

    #[test]
    fn states_have_one_word_each() {
        for state in PolicyState::ALL {
            assert_eq!(PolicyState::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
