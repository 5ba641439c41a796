//! What became of policies: on all devices, and on one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::messages::show_messages;
use super::revisions::contents;
use super::set_asked;
use crate::admin::devices::named_device;
use crate::admin::{Admin, Error, ErrorJson, PageJson, Part, PolicySetQuery};
use crate::model::{
    ByState, Cursor, DevicePolicy, PolicyState, PublishedPolicy, SettingRecord, Staged, StatusCode, Timestamp,
    from_rfc3339, from_rfc3339_option, rfc3339, rfc3339_option,
};
use crate::policy::declaration::{Identifier, read_json, to_yaml};
use crate::store::Tx;

/// Settings of one device that are named because of which something stands where it does.
const MOST_SETTINGS: usize = 50;

/// Declarations that were removed which a list has.
const MOST_REMOVED: usize = 100;

/// A declaration, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyJson {
    /// What it is called.
    pub identifier: String,
    /// Its type.
    pub r#type: String,
    /// The set that owns it.
    pub set: String,
    /// Of its content.
    pub token: String,
    /// It was removed, and could not be taken back everywhere, or not yet: it stands on some devices all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// The revision that brought it as it is; of one that was removed, the last that had it.
    pub revision: i64,
    /// When that was.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// On how many devices it stands where, by the state of the worst of its settings.
    pub devices: BTreeMap<String, i64>,
}

/// A declaration with what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDetailJson {
    /// What is kept of it.
    #[serde(flatten)]
    pub policy: PolicyJson,
    /// As it stands in a file.
    #[schema(value_type = Object)]
    pub declaration: Value,
}

/// Which devices of a declaration.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DevicePolicyQuery {
    /// Only those on which it stands there, such as `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Entries at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A device on which a declaration stands somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDeviceJson {
    /// The device.
    pub device_id: String,
    /// What the computer calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub state: String,
    /// Since when.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The settings because of which it stands there, where it is not applied.
    pub because: Vec<DeviceSettingJson>,
}

/// A setting of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceSettingJson {
    /// Its address.
    pub target: String,
    /// Where it stands.
    pub state: String,
    /// Since when.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The configurations that want it; none where it is being taken back.
    pub configurations: Vec<String>,
    /// Why it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The Status code of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What that means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorJson>,
    /// The command that carries it, or carried it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// The session of the message that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The message that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_in: Option<String>,
    /// The address of the setting of the same Atomic because of which it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because_of: Option<String>,
    /// What reading it back came to the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<SettingCheckJson>,
}

/// What reading a setting back came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingCheckJson {
    /// When the device said it.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `same`, `drifted` or `not_verifiable`.
    pub verdict: String,
    /// The beginning of what is wanted, where the device has something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// The beginning of what the device has, where that is something else; absent where it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// Why it can't be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The command whose answer shows something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// The session of the message that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The message that showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_in: Option<String>,
    /// How often it was mended within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mended: Option<u32>,
}

/// What a device is to have, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DevicePoliciesJson {
    /// The device.
    pub device_id: String,
    /// Where each declaration that concerns it stands.
    pub declarations: BTreeMap<String, String>,
    /// Its settings, by address.
    pub settings: Vec<DeviceSettingJson>,
}

/// How far what was published went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyProgressJson {
    /// Whether all devices were looked at since the last change.
    pub done: bool,
    /// Devices that were looked at since.
    pub looked: u64,
    /// Of these, devices for which something changed.
    pub changed: u64,
    /// Devices that there are.
    pub total: u64,
    /// When it began.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub began_at: Option<Timestamp>,
    /// When it was done.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Timestamp>,
}

impl Admin {
    /// What is published, and what was removed and still stands somewhere, with where it stands; by identifier.
    pub async fn policies(&self, query: PolicySetQuery) -> Result<Vec<PolicyJson>, Error> {
        let set = set_asked(query.set)?;
        let job = move |tx: &mut Tx<'_>| {
            let mut counts = tx.policy_counts(None)?;
            let mut known = Vec::new();
            for policy in tx.policies(set.as_deref())? {
                let counts = counts.remove(&policy.identifier).unwrap_or_default();
                known.push(shown(policy, &counts));
            }
            if set.is_some() {
                // Those of other sets are not removed.
                for policy in tx.policies(None)? {
                    counts.remove(&policy.identifier);
                }
            }
            // What a revision in stages came to is counted beside them.
            let left = counts.into_iter().filter(|(name, counts)| !name.contains(':') && stands(counts));
            let mut removed = Vec::new();
            for (name, counts) in left {
                if removed.len() == MOST_REMOVED {
                    break;
                }
                let policy = tx.removed_policy(&name)?;
                let policy = policy.filter(|policy| set.as_ref().is_none_or(|set| policy.set == *set));
                removed.extend(policy.map(|policy| PolicyJson { removed: true, ..shown(policy, &counts) }));
            }
            known.extend(removed);
            known.sort_by(|one, other| one.identifier.cmp(&other.identifier));
            Ok::<_, Error>(known)
        };
        self.store.read(job).await
    }

    /// One declaration.
    pub async fn policy(&self, identifier: &str) -> Result<PolicyDetailJson, Error> {
        let name = named_declaration(identifier)?;
        let job = move |tx: &mut Tx<'_>| {
            let policy = known(tx, &name)?;
            let declaration = contents(tx, std::slice::from_ref(&policy.token))?.pop().unwrap_or_default();
            Ok::<_, Error>(PolicyDetailJson { policy, declaration })
        };
        self.store.read(job).await
    }

    /// What a declaration says, as it stands in a YAML file.
    pub fn policy_text(&self, policy: &PolicyDetailJson) -> String {
        let read = read_json(&policy.declaration).documents.into_iter();
        to_yaml(&read.map(|document| document.declaration).collect::<Vec<_>>())
    }

    /// The devices on which a declaration stands somewhere.
    pub async fn policy_devices(
        &self,
        identifier: &str,
        query: DevicePolicyQuery,
    ) -> Result<PageJson<PolicyDeviceJson>, Error> {
        let asked = Asked::of(query)?;
        let name = named_declaration(identifier)?;
        let job = move |tx: &mut Tx<'_>| {
            let policy = known(tx, &name)?;
            asked.standings(tx, &policy.identifier, |known| own_settings(known, &policy.identifier))
        };
        self.store.read(job).await
    }

    /// The devices that have a revision in stages, or are to have it.
    pub async fn policy_stage_devices(
        &self,
        revision: &str,
        query: DevicePolicyQuery,
    ) -> Result<PageJson<PolicyDeviceJson>, Error> {
        let revision: i64 = revision.parse().map_err(|_| Error::NotFound("revision in stages"))?;
        let asked = Asked::of(query)?;
        let job = move |tx: &mut Tx<'_>| {
            tx.policy_stage_of(revision)?.ok_or(Error::NotFound("revision in stages"))?;
            asked.standings(tx, &Staged::standing(revision), |known| {
                let own = known.stage.iter().filter(|stage| stage.revision == revision);
                own.flat_map(|stage| &stage.settings).filter_map(|key| known.settings.get(key)).collect()
            })
        };
        self.store.read(job).await
    }

    /// What a device is to have, and what became of it.
    pub async fn device_policies(&self, id: &str) -> Result<DevicePoliciesJson, Error> {
        let device = named_device(id)?;
        let job = move |tx: &mut Tx<'_>| {
            let known = tx.device(&device)?.ok_or(Error::NotFound("device"))?;
            let life = known.enrollment.filter(|life| life.ended_at.is_none());
            let policy = match life {
                Some(life) => tx.device_policy(&life.id)?.1,
                None => DevicePolicy::default(),
            };
            let mut settings: Vec<DeviceSettingJson> = policy.settings.values().map(setting_json).collect();
            show_messages(tx, settings.iter_mut().collect())?;
            // What it has of a revision in stages is no declaration.
            let of_declarations = policy.standings.iter().filter(|(name, _)| !name.contains(':'));
            let declarations = of_declarations.map(|(name, state)| (name.clone(), state.to_string())).collect();
            Ok::<_, Error>(DevicePoliciesJson { device_id: known.device_id.to_string(), declarations, settings })
        };
        self.store.read(job).await
    }

    /// How far what was published last went.
    pub async fn policy_progress(&self) -> Result<PolicyProgressJson, Error> {
        let work = self.store.read(|tx: &mut Tx<'_>| tx.policy_work()).await?;
        let is_current = work.walk.generation == work.generation;
        let walk = work.walk;
        let count = |number: u64| if is_current { number } else { 0 };
        Ok(PolicyProgressJson {
            done: is_current && walk.done || work.generation == 0,
            looked: count(walk.looked),
            changed: count(walk.changed),
            total: walk.total,
            began_at: walk.began_at.filter(|_| is_current),
            done_at: walk.done_at.filter(|_| is_current),
        })
    }
}

/// Which devices are asked for.
struct Asked {
    state: Option<PolicyState>,
    limit: usize,
    cursor: Option<Cursor>,
}

impl Asked {
    fn of(query: DevicePolicyQuery) -> Result<Self, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let parse = |word: &String| {
            let words: Vec<&str> = PolicyState::ALL.iter().map(|state| state.as_str()).collect();
            PolicyState::parse(word)
                .ok_or_else(|| Error::parameter("state", format!("write one of {}", words.join(", "))))
        };
        Ok(Self { state: query.state.as_ref().map(parse).transpose()?, limit, cursor })
    }

    /// Devices on which something stands, each with those of its settings because of which it stands there.
    fn standings(
        &self,
        tx: &mut Tx<'_>,
        name: &str,
        own: impl Fn(&DevicePolicy) -> Vec<&SettingRecord>,
    ) -> Result<PageJson<PolicyDeviceJson>, Error> {
        let page = tx.policy_standings(name, self.state, self.cursor.as_ref(), self.limit)?;
        let mut items = Vec::with_capacity(page.items.len());
        for standing in page.items {
            let mut because = Vec::new();
            if !matches!(standing.state, PolicyState::Applied | PolicyState::Pending) {
                let (_, known) = tx.device_policy(&standing.enrollment)?;
                let same = own(&known).into_iter().filter(|setting| setting.state == standing.state);
                because.extend(same.take(MOST_SETTINGS).map(setting_json));
            }
            items.push(PolicyDeviceJson {
                device_id: standing.device.to_string(),
                name: standing.name,
                state: standing.state.to_string(),
                since: standing.since,
                because,
            });
        }
        let because = items.iter_mut().flat_map(|item: &mut PolicyDeviceJson| &mut item.because);
        show_messages(tx, because.collect())?;
        Ok(PageJson { items, next_cursor: page.next.map(|next| next.to_string()) })
    }
}

/// A declaration that is published, or that was removed and still stands somewhere.
pub(super) fn known(tx: &mut Tx<'_>, name: &str) -> Result<PolicyJson, Error> {
    let counts = tx.policy_counts(Some(name))?.remove(name).unwrap_or_default();
    if let Some(policy) = tx.policy(name)? {
        return Ok(shown(policy, &counts));
    }
    let removed = if stands(&counts) { tx.removed_policy(name)? } else { None };
    removed.map(|policy| PolicyJson { removed: true, ..shown(policy, &counts) }).ok_or(Error::NotFound("declaration"))
}

fn stands(counts: &ByState) -> bool {
    counts.values().any(|count| *count > 0)
}

fn shown(policy: PublishedPolicy, counts: &ByState) -> PolicyJson {
    PolicyJson {
        identifier: policy.identifier,
        r#type: policy.kind,
        set: policy.set,
        token: policy.token,
        removed: false,
        revision: policy.revision,
        changed_at: policy.changed_at,
        devices: counted(counts),
    }
}

/// On how many devices something stands where, by words.
pub(super) fn counted(counts: &ByState) -> BTreeMap<String, i64> {
    let any = counts.iter().filter(|(_, count)| **count > 0);
    any.map(|(state, count)| (state.to_string(), *count)).collect()
}

/// The settings of a declaration on a device: of a configuration, or of all configurations of an activation.
fn own_settings<'a>(policy: &'a DevicePolicy, identifier: &str) -> Vec<&'a SettingRecord> {
    let of_activation = policy.active.get(identifier);
    let is_own = |setting: &&SettingRecord| {
        setting.counts_for().iter().any(|by| by == identifier || of_activation.is_some_and(|names| names.contains(by)))
    };
    policy.settings.values().filter(is_own).collect()
}

fn setting_json(setting: &SettingRecord) -> DeviceSettingJson {
    let status = setting.status.map(StatusCode);
    DeviceSettingJson {
        target: setting.uri.clone(),
        state: setting.state.to_string(),
        since: setting.since,
        configurations: setting.by.clone(),
        why: setting.why.clone(),
        status: setting.status,
        error: status.and_then(|status| ErrorJson::of(status, setting.original_error.as_deref())),
        command_id: setting.carrier.clone(),
        session_id: None,
        shown_in: None,
        because_of: setting.because_of.clone(),
        checked: setting.check.last.as_ref().map(|checked| SettingCheckJson {
            at: checked.at,
            verdict: checked.verdict.as_str().to_owned(),
            wanted: checked.wanted.clone(),
            observed: checked.observed.clone(),
            why: checked.why.clone(),
            command_id: checked.carrier.clone(),
            session_id: None,
            shown_in: None,
            mended: setting.check.mending.as_ref().map(|mending| mending.count),
        }),
    }
}

/// The declaration that somebody names; what can't be an identifier names none.
pub(super) fn named_declaration(identifier: &str) -> Result<String, Error> {
    let named = Identifier::parse(identifier).map_err(|_| Error::NotFound("declaration"))?;
    Ok(named.as_str().to_owned())
}
