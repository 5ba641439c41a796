//! Policies as they are kept: what was published, what each device is to have and what became of it.
//!
//! Nothing here knows how a setting travels: what carries one has a name and no more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};

use super::{DeviceStage, EnrollmentId, PolicySearch, Secret, SettingRecord, StagePlan, Staged, WatchedNodes};

/// What is said where something was published between that a set was looked at and that it was kept.
pub const PUBLISHED_MEANWHILE: &str = "somebody else published at the same moment: try again";

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
    /// The nodes that secrets go to, once it is published.
    pub secret_nodes: Vec<String>,
    /// How it goes to devices; to all at once where nothing is said.
    pub stages: Option<StagePlan>,
}

/// A secret asset that has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySecret {
    /// The asset.
    pub name: String,
    /// Counts its values. It never comes back, so that it can stand for the value where the value itself may not.
    pub version: i64,
    /// When it got this value.
    pub set_at: Timestamp,
    /// Of whom.
    pub set_by: String,
}

/// The value of a secret asset.
#[derive(Debug, Clone)]
pub struct PolicySecretValue {
    /// Which one it is.
    pub version: i64,
    /// It.
    pub value: Secret<String>,
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

/// On how many devices something stands in each state.
pub type ByState = BTreeMap<PolicyState, i64>;

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
    /// What it has of a revision that goes to devices in stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<DeviceStage>,
    /// What failed of a declaration until then, or of all under the empty name, is to be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<(String, Timestamp)>,
    /// From then on all of it is read back again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_at: Option<Timestamp>,
    /// Searches for settings because of which an Atomic failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<PolicySearch>,
    /// The nodes that the device watches by itself.
    #[serde(default, skip_serializing_if = "WatchedNodes::is_nothing")]
    pub watched: WatchedNodes,
}

/// Where a declaration stands on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStanding {
    /// The device.
    pub device: DeviceId,
    /// Its own name for the computer.
    pub name: Option<String>,
    /// Its life.
    pub enrollment: EnrollmentId,
    /// Where it stands.
    pub state: PolicyState,
    /// Since when.
    pub since: Timestamp,
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

impl DevicePolicy {
    /// Settings of which the device is to say something: what became of them, or what it has.
    pub fn waiting(&self) -> usize {
        let searches = self.searches.iter().filter(|search| search.carrier.is_some()).count();
        let others = searches + self.watched.carriers().count();
        self.settings.values().filter(|setting| setting.waits() || setting.check.reads()).count() + others
    }

    /// From then on somebody is to look at what the device has: at once where it was told, is to be asked for or is to be sent
    /// something again.
    pub fn look_at(&self) -> Option<Timestamp> {
        let is_now =
            |setting: &SettingRecord| setting.check.was_told() || setting.is_unread() || setting.is_to_be_sent();
        let carries = |carrier: &String| {
            let is_its = |setting: &SettingRecord| setting.carrier.as_ref() == Some(carrier) && setting.waits();
            self.settings.values().any(is_its)
        };
        let mut holding: Vec<&String> = self.settings.values().filter_map(|setting| setting.held_by.as_ref()).collect();
        holding.sort();
        holding.dedup();
        let is_free = holding.into_iter().any(|carrier| !carries(carrier));
        let at_once = is_free || self.settings.values().any(is_now);
        let searches = self.searches.iter().any(PolicySearch::waits_for_nothing);
        if at_once || searches || self.watched.said.is_some() { Some(Timestamp(0)) } else { self.sweep_at }
    }

    /// Works out where each declaration stands: where the worst of its settings does, those included that could not be taken
    /// back. An activation stands where its configurations do.
    pub fn judge(&mut self) {
        let mut standings: BTreeMap<String, PolicyState> = BTreeMap::new();
        let known = self.active.values().flatten().map(|name| (name.clone(), PolicyState::Applied));
        let mut of_settings: BTreeMap<&str, PolicyState> = BTreeMap::new();
        for setting in self.settings.values() {
            for by in setting.counts_for() {
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
        if let Some(stage) = &self.stage {
            let own = stage.settings.iter().filter_map(|key| self.settings.get(key)).map(|setting| setting.state);
            let least = if stage.touched { PolicyState::Applied } else { PolicyState::NotApplicable };
            standings.insert(Staged::standing(stage.revision), own.max().map_or(least, |worst| worst.max(least)));
        }
        self.standings = standings;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Given, GivenOutcome, MOST_LOST, SettingCheck};

    fn setting(by: &[&str], state: PolicyState) -> SettingRecord {
        SettingRecord {
            uri: "./X".to_owned(),
            by: by.iter().map(|name| (*name).to_owned()).collect(),
            was_by: Vec::new(),
            state,
            since: Timestamp(0),
            why: None,
            wanted: None,
            given: None,
            before: None,
            made: None,
            held_by: None,
            carrier: None,
            first: None,
            status: None,
            original_error: None,
            because_of: None,
            with_others: false,
            lost: 0,
            check: SettingCheck::default(),
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
    fn what_could_not_be_taken_back_counts_for_those_that_wanted_it() {
        let left = |state| SettingRecord { was_by: vec!["one".to_owned()], ..setting(&[], state) };
        let mut policy = DevicePolicy {
            settings: BTreeMap::from([
                ("./a".to_owned(), left(PolicyState::Retracting)),
                ("./b".to_owned(), setting(&["one"], PolicyState::Applied)),
            ]),
            ..DevicePolicy::default()
        };
        policy.judge();
        assert_eq!(policy.standings["one"], PolicyState::Applied);
        policy.settings.insert("./a".to_owned(), left(PolicyState::Failed));
        policy.judge();
        assert_eq!(policy.standings["one"], PolicyState::Failed);
        assert_eq!(policy.look_at(), None, "it is not tried for ever");
        policy.settings.get_mut("./a").unwrap().send_again();
        assert_eq!(policy.look_at(), Some(Timestamp(0)));
    }

    #[test]
    fn what_is_lost_is_sent_again_a_few_times() {
        let mut one = SettingRecord { wanted: Some("t".to_owned()), ..setting(&["one"], PolicyState::Pending) };
        for _ in 0..MOST_LOST {
            one.given = Some(Given { token: "t".to_owned(), outcome: GivenOutcome::Pending });
            assert!(one.lose(false) && one.is_to_be_sent());
        }
        one.given = Some(Given { token: "t".to_owned(), outcome: GivenOutcome::Pending });
        assert!(!one.lose(false) && !one.is_to_be_sent());
    }

    #[test]
    fn states_have_one_word_each() {
        for state in PolicyState::ALL {
            assert_eq!(PolicyState::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
