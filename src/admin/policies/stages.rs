//! Publishing in stages: how far a revision is, and going on, pausing and resuming by hand. And sending again what failed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::status::{counted, known, named_declaration};
use crate::admin::devices::named_device;
use crate::admin::{Admin, Error, Fault};
use crate::model::{
    Actor, AuditRecord, ByState, Outcomes, StagePlan, Staged, StagedState, Timestamp, from_rfc3339, parse_percent,
    percent_text, rfc3339,
};
use crate::store::Tx;

/// Revisions that are listed.
const LISTED: i64 = 50;

/// Most devices that have to have said something: nobody has as many, and it would never stop.
const MOST_MINIMUM: u32 = 1_000_000;

/// Longest time in a stage, in seconds: 30 days.
const LONGEST: u64 = 30 * 24 * 60 * 60;

/// How a revision is to go to devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyStagesJson {
    /// One after the other: a share of all devices such as `10%`, or a condition on facts such as `'pilot' in device.tags`.
    /// Each has also the devices of those before; everybody comes last, whether `100%` is written or not.
    pub stages: Vec<String>,
    /// It stops when this share of the devices that said what became of it has failed; `5%` when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_at_failures: Option<String>,
    /// Devices that have to have said so before that counts; 5 when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub minimum_devices: Option<u32>,
    /// It goes on by itself after so many seconds in a stage, while fewer have failed; otherwise somebody has to say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance_after_seconds: Option<u64>,
}

/// A revision that goes, or went, to devices in stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyStageJson {
    /// The revision.
    pub revision: i64,
    /// The set.
    pub set: String,
    /// The revision that the other devices have; nothing where the set had nothing.
    pub base: Option<i64>,
    /// `running`, `paused`, `stopped`, `done` or `replaced`.
    pub state: String,
    /// Why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Which stage it is in, from 1.
    pub stage: usize,
    /// Since when.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub stage_since: Timestamp,
    /// All stages.
    pub stages: Vec<String>,
    /// Devices that failed because of it.
    pub failed: u64,
    /// Devices that said what became of it, with these.
    pub judged: u64,
    /// Devices that have it and have not said so yet.
    pub waiting: u64,
    /// On how many devices it stands where, as long as it goes on.
    pub devices: BTreeMap<String, i64>,
    /// It stops when this share has failed.
    pub stop_at_failures: String,
    /// Devices that have to have said something before that counts.
    pub minimum_devices: u32,
    /// It goes on by itself after so many seconds in a stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advance_after_seconds: Option<i64>,
    /// When it changed last.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// What is to be sent again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryPolicies {
    /// Only what is of this declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Only on this device; on all when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

/// What is to be sent again to a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryDevicePolicies {
    /// Only what is of this declaration; all that failed when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
}

/// What is done to a revision that goes to devices in stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageDeed {
    /// It goes on to the next stage.
    Advance,
    /// No more devices get it for now.
    Pause,
    /// It goes on in its stage; what has failed until now does not count any more.
    Resume,
}

impl StageDeed {
    /// Every deed.
    pub const ALL: [Self; 3] = [Self::Advance, Self::Pause, Self::Resume];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Advance => "advance",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    /// The deed that a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.as_str() == word)
    }
}

impl PolicyStagesJson {
    /// Devices that have to have said something before failures count, where nobody says another number.
    pub const MINIMUM: u32 = 5;

    /// The share of failures at which it stops, where nobody says another.
    pub const STOP_AT: &str = "5%";

    /// What is wrong with it, each with the name of its member.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        self.plan().err().unwrap_or_default()
    }

    /// As a value.
    pub(super) fn read(&self) -> Result<StagePlan, Error> {
        let placed = |(member, what): (&str, String)| Fault { at: format!("/stages/{member}"), what };
        self.plan().map_err(|faults| {
            let faults: Vec<Fault> = faults.into_iter().map(placed).collect();
            let summary = faults.iter().map(|fault| fault.what.as_str()).collect::<Vec<_>>().join("; ");
            Error::Invalid { summary, faults }
        })
    }

    fn plan(&self) -> Result<StagePlan, Vec<(&'static str, String)>> {
        let mut faults = Vec::new();
        let text = self.stop_at_failures.as_deref().unwrap_or(Self::STOP_AT);
        let stop_at = parse_percent(text);
        if stop_at.is_none() {
            faults.push(("stop_at_failures", format!("{text:?} is no share: write one such as 5%")));
        }
        let minimum = self.minimum_devices.unwrap_or(Self::MINIMUM);
        if !(1..=MOST_MINIMUM).contains(&minimum) {
            faults.push(("minimum_devices", format!("write a number from 1 to {MOST_MINIMUM}")));
        }
        if self.advance_after_seconds.is_some_and(|seconds| seconds > LONGEST) {
            faults.push(("advance_after_seconds", "a stage lasts at most 30 days".to_owned()));
        }
        let after = self.advance_after_seconds.and_then(|seconds| i64::try_from(seconds).ok());
        let after = after.map(|seconds| seconds.saturating_mul(1000));
        match StagePlan::new(&self.stages, stop_at.unwrap_or_default(), minimum, after) {
            Ok(plan) if faults.is_empty() => return Ok(plan),
            Ok(_) => {}
            Err(what) => faults.insert(0, ("stages", what)),
        }
        Err(faults)
    }
}

impl Admin {
    /// Revisions that go, or went, to devices in stages; newest first.
    pub async fn policy_stages(&self) -> Result<Vec<PolicyStageJson>, Error> {
        let job = move |tx: &mut Tx<'_>| {
            let mut shown = Vec::new();
            for staged in tx.policy_stages(LISTED)? {
                shown.push(stage_json(&staged, &tx.stage_counts(staged.revision)?));
            }
            Ok::<_, Error>(shown)
        };
        self.store.read(job).await
    }

    /// The revision that goes to devices in stages just now, or was held.
    pub async fn open_policy_stage(&self) -> Result<Option<PolicyStageJson>, Error> {
        let job = move |tx: &mut Tx<'_>| {
            let Some(staged) = tx.policy_stage()? else { return Ok(None) };
            Ok::<_, Error>(Some(stage_json(&staged, &tx.stage_counts(staged.revision)?)))
        };
        self.store.read(job).await
    }

    /// A revision that goes, or went, to devices in stages.
    pub async fn policy_stage(&self, revision: &str) -> Result<PolicyStageJson, Error> {
        let revision: i64 = revision.parse().map_err(|_| Error::NotFound("revision in stages"))?;
        let job = move |tx: &mut Tx<'_>| {
            let staged = tx.policy_stage_of(revision)?.ok_or(Error::NotFound("revision in stages"))?;
            Ok::<_, Error>(stage_json(&staged, &tx.stage_counts(revision)?))
        };
        self.store.read(job).await
    }

    /// Lets a revision go on, pauses or resumes it.
    pub async fn change_policy_stage(
        &self,
        revision: &str,
        deed: StageDeed,
        by: &Actor,
        now: Timestamp,
    ) -> Result<PolicyStageJson, Error> {
        let revision: i64 = revision.parse().map_err(|_| Error::NotFound("revision in stages"))?;
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_policy_stages()?;
            let mut staged = tx.policy_stage_of(revision)?.ok_or(Error::NotFound("revision in stages"))?;
            let counts = tx.stage_counts(revision)?;
            let before = json!({"state": staged.state, "stage": staged.stage + 1});
            let done = match deed {
                StageDeed::Advance => staged.advance(now),
                StageDeed::Pause => staged.pause(now),
                StageDeed::Resume => staged.resume(Outcomes::of(&counts), now),
            };
            done.map_err(Error::Conflict)?;
            tx.save_policy_stage(&staged)?;
            tx.touch_policies(now)?;
            let action = match deed {
                StageDeed::Advance => "policy.advance",
                StageDeed::Pause => "policy.pause",
                StageDeed::Resume => "policy.resume",
            };
            let record = AuditRecord::new(action, "policy", revision.to_string()).before(before);
            tx.audit(&by, record.after(json!({"state": staged.state, "stage": staged.stage + 1})), now);
            Ok(stage_json(&staged, &counts))
        };
        self.store.write(job).await
    }

    /// Sends again what failed, was kept or drifted.
    pub async fn retry_policies(
        &self,
        retry: RetryPolicies,
        by: &Actor,
        now: Timestamp,
    ) -> Result<RetryPolicies, Error> {
        let device = retry.device_id.as_deref().map(named_device).transpose()?;
        let by = by.clone();
        let identifier = retry.identifier.as_deref().map(named_declaration).transpose()?;
        let job = move |tx: &mut Tx<'_>| {
            if let Some(identifier) = &identifier {
                known(tx, identifier)?;
            }
            let subject = if let Some(device) = &device {
                tx.device(device)?.ok_or(Error::NotFound("device"))?;
                let lives = tx.live_enrollments(device)?;
                if lives.is_empty() {
                    return Err(Error::NotFound("enrollment"));
                }
                // Where it enrolls anew, the life that it still is in counts as well.
                for life in lives {
                    let (version, before) = tx.device_policy(&life.enrollment)?;
                    if version > 0 {
                        let mut after = before.clone();
                        after.again = Some((retry.identifier.clone().unwrap_or_default(), now));
                        tx.save_device_policy(&life.enrollment, version, &before, &after, now)?;
                    }
                    tx.look_at_policies(&life.enrollment, now)?;
                }
                device.as_str().to_owned()
            } else {
                tx.retry_policies(retry.identifier.as_deref(), now)?;
                tx.touch_policies(now)?;
                retry.identifier.clone().unwrap_or_default()
            };
            tx.audit(&by, AuditRecord::new("policy.retry", "policy", subject).after(json!(retry)), now);
            Ok(retry)
        };
        self.store.write(job).await
    }
}

/// The revision that goes to no more devices because too many have failed.
pub(in crate::admin) fn stopped(tx: &mut Tx<'_>) -> Result<Option<PolicyStageJson>, Error> {
    let staged = tx.policy_stage()?.filter(|staged| staged.state == StagedState::Stopped);
    let Some(staged) = staged else { return Ok(None) };
    Ok(Some(stage_json(&staged, &tx.stage_counts(staged.revision)?)))
}

fn stage_json(staged: &Staged, counts: &ByState) -> PolicyStageJson {
    let outcomes = Outcomes::of(counts);
    PolicyStageJson {
        revision: staged.revision,
        set: staged.set.clone(),
        base: (staged.base > 0).then_some(staged.base),
        state: staged.state.as_str().to_owned(),
        why: staged.why.clone(),
        stage: staged.stage + 1,
        stage_since: staged.stage_since,
        stages: staged.plan.stages.iter().map(ToString::to_string).collect(),
        failed: outcomes.failed,
        judged: outcomes.judged,
        waiting: outcomes.waiting,
        devices: counted(counts),
        stop_at_failures: percent_text(staged.plan.stop_at),
        minimum_devices: staged.plan.minimum,
        advance_after_seconds: staged.plan.advance_after.map(|after| after / 1000),
        changed_at: staged.changed_at,
    }
}
