//! Publishing in stages: which devices get what was published, and when it goes on or stops. And what is sent again that
//! failed. What decides is pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use transom_protocol::session::Timestamp;

use super::decide::Decided;
use super::work::Round;
use super::{Ready, Rollout, RolloutError};
use crate::model::{
    DevicePolicy, DeviceStage, FeedKind, Given, GivenOutcome, PolicyState, SettingRecord, StageMove, Staged,
    StagedState, Told, share_of,
};
use crate::policy::reconcile::{Policy, Wanted, WantedSetting};
use crate::store::{Error, PolicySubject, Tx};

/// Stands for the configurations of what is taken back anew.
pub(super) const AGAIN: &str = "(again)";

/// A revision that goes to devices in stages, and what the others have.
#[derive(Debug)]
pub(super) struct Stages {
    pub(super) staged: Staged,
    pub(super) base: Policy,
}

/// What one device is to have of what is published.
pub(super) enum Share<'a> {
    /// All of it.
    All(&'a Policy),
    /// All of it, and this is what it would have otherwise.
    Early(&'a Policy, &'a Stages),
    /// What was there before.
    Late(&'a Policy),
}

impl Share<'_> {
    pub(super) const fn policy(&self) -> &Policy {
        match self {
            Self::All(policy) | Self::Early(policy, _) | Self::Late(policy) => policy,
        }
    }
}

impl Ready {
    /// What of it a device is to have.
    pub(super) fn share(&self, subject: &PolicySubject) -> Share<'_> {
        let Some(stages) = &self.stages else { return Share::All(&self.policy) };
        if takes(&stages.staged, subject) { Share::Early(&self.policy, stages) } else { Share::Late(&stages.base) }
    }
}

/// Whether a device is to have a revision that goes to devices in stages.
pub(super) fn takes(staged: &Staged, subject: &PolicySubject) -> bool {
    let has_it = subject.policy.stage.as_ref().is_some_and(|stage| stage.revision == staged.revision);
    staged.takes(has_it, share_of(&subject.device_id), &subject.facts)
}

impl Decided {
    /// Notes what the revision in stages changed on this device, so that it is known what becomes of that.
    pub(super) fn of_stage(
        &mut self,
        share: &Share<'_>,
        before: &DevicePolicy,
        without: impl FnOnce(&Policy) -> Wanted,
    ) {
        let Share::Early(_, stages) = share else { return };
        let revision = stages.staged.revision;
        let before = before.stage.as_ref().filter(|stage| stage.revision == revision);
        let without = without(&stages.base);
        let without = without.iter().map(|(key, setting)| (key.as_str(), setting)).collect();
        let changed = self.policy.settings.iter().filter(|(key, setting)| changes(key, setting, &without));
        let settings: BTreeSet<String> = changed.map(|(key, _)| key.clone()).collect();
        let touched = !settings.is_empty() || before.is_some_and(|stage| stage.touched);
        self.policy.stage = Some(DeviceStage { revision, touched, settings });
        self.policy.judge();
    }
}

/// Whether a setting is another than it would be without the revision.
fn changes(key: &str, setting: &SettingRecord, without: &BTreeMap<&str, &WantedSetting>) -> bool {
    match without.get(key) {
        // It is taken back, and would not be.
        Some(_) if setting.by.is_empty() => true,
        Some(other) => other.value().map(|value| value.token.as_str()) != setting.wanted.as_deref(),
        None => !setting.by.is_empty(),
    }
}

/// Forgets what became of settings that are to be sent again: what failed until then, of a declaration or all, and what the
/// device said that it does not have.
pub(super) fn again(policy: &mut DevicePolicy, asked: &BTreeMap<String, Timestamp>) {
    let own = policy.again.take();
    let of_activation = policy.active.clone();
    for setting in policy.settings.values_mut() {
        let is_not_here = |given: &Given| given.outcome == GivenOutcome::NotHere;
        // By the device's own word, which may say something else by now.
        let is_refused = setting.state == PolicyState::NotApplicable && setting.given.as_ref().is_some_and(is_not_here);
        let may_help = matches!(setting.state, PolicyState::Failed | PolicyState::Kept | PolicyState::Drifted);
        if !may_help && !is_refused {
            continue;
        }
        let concerns = |identifier: &str| {
            let configurations = of_activation.get(identifier);
            let named = |by: &String| by == identifier || configurations.is_some_and(|names| names.contains(by));
            identifier.is_empty() || setting.by.iter().chain(&setting.was_by).any(named)
        };
        let asked = asked.iter().chain(own.iter().map(|(identifier, at)| (identifier, at)));
        if !asked.into_iter().any(|(identifier, at)| setting.since <= *at && concerns(identifier)) {
            continue;
        }
        setting.lost = 0;
        setting.send_again();
    }
}

impl Rollout {
    /// Goes on, stops or ends what goes to devices in stages, where that is to happen.
    pub(super) async fn turn(&self, now: Timestamp) -> Result<Round, RolloutError> {
        let claim = self.claim.clone();
        let job = move |tx: &mut Tx<'_>| {
            if !tx.claim_policy_work(&claim, now.plus_millis(super::work::LEASE), now)? {
                return Ok(false);
            }
            tx.lock_policy_stages()?;
            let Some(mut staged) = tx.policy_stage()? else { return Ok(false) };
            let move_ = next_move(tx, &staged, now)?;
            let kind = match move_ {
                StageMove::Stay => return Ok(false),
                StageMove::Stop(outcomes) => {
                    staged.stop(outcomes, now);
                    FeedKind::PolicyStopped
                }
                StageMove::Advance => {
                    if staged.advance(now).is_err() {
                        return Ok(false);
                    }
                    FeedKind::PolicyAdvanced
                }
                StageMove::Finish => {
                    (staged.state, staged.changed_at) = (StagedState::Done, now);
                    FeedKind::PolicyFinished
                }
            };
            tx.save_policy_stage(&staged)?;
            // Everybody has it already.
            if move_ != StageMove::Finish {
                tx.touch_policies(now)?;
            }
            tx.tell(told(kind, &staged, now));
            if kind == FeedKind::PolicyStopped {
                let why = staged.why.as_deref().unwrap_or_default();
                tracing::warn!(revision = staged.revision, why, "a revision of policies goes to no more devices");
            }
            Ok::<_, Error>(true)
        };
        let any = self.store.write(job).await?;
        Ok(Round { looked: usize::from(any), changed: 0 })
    }
}

/// What is to happen to the revision that goes to devices in stages.
pub(super) fn next_move(tx: &mut Tx<'_>, staged: &Staged, now: Timestamp) -> Result<StageMove, Error> {
    let work = tx.policy_work()?;
    let walked = work.walk.generation == work.generation && work.walk.done;
    Ok(staged.judge(tx.stage_outcomes(staged.revision)?, walked, now))
}

fn told(kind: FeedKind, staged: &Staged, now: Timestamp) -> Told {
    let mut data = json!({
        "revision": staged.revision,
        "set": staged.set,
        "stage": staged.stage + 1,
        "stages": staged.plan.stages.len(),
    });
    if let (Some(why), Some(fields)) = (&staged.why, data.as_object_mut()) {
        fields.insert("detail".to_owned(), json!(why));
    }
    Told::new(kind, now, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn kept() -> DevicePolicy {
        let given = |outcome: &str| json!({"token": "t", "outcome": outcome});
        let setting = |by: &[&str], state: &str, given: Option<serde_json::Value>| json!({"uri": "./X", "by": by, "state": state, "since": NOW, "given": given});
        let policy = json!({
            "settings": {
                "refused": setting(&["one"], "failed", Some(given("failed"))),
                "drifted": setting(&["two"], "drifted", Some(given("drifted"))),
                "taken": setting(&["one", "two"], "applied", Some(given("applied"))),
                "stays": setting(&[], "kept", None),
                "left": {"uri": "./X", "was_by": ["one"], "state": "failed", "since": NOW},
                "absent": setting(&["three"], "not_applicable", Some(given("not_here"))),
                "elsewhere": setting(&["three"], "not_applicable", None),
            },
            "active": {"both": ["one", "two"]},
        });
        serde_json::from_value(policy).unwrap()
    }

    /// The settings that are sent again.
    fn sent_again(own: Option<(&str, Timestamp)>, all: &[(&str, Timestamp)]) -> Vec<String> {
        let mut policy = kept();
        policy.again = own.map(|(identifier, at)| (identifier.to_owned(), at));
        again(&mut policy, &all.iter().map(|(identifier, at)| ((*identifier).to_owned(), *at)).collect());
        assert_eq!(policy.again, None, "it is asked for once");
        let before = kept();
        let differs = policy.settings.iter().filter(|(key, setting)| before.settings.get(*key) != Some(*setting));
        differs.map(|(key, _)| key.clone()).collect()
    }

    #[test]
    fn what_failed_is_sent_again_when_somebody_says_so_and_once() {
        assert_eq!(sent_again(None, &[]), Vec::<String>::new());
        assert_eq!(sent_again(None, &[("", NOW)]), ["absent", "drifted", "left", "refused", "stays"]);
        assert_eq!(sent_again(None, &[("", NOW.plus_millis(-1))]), Vec::<String>::new(), "it failed again since");
        assert_eq!(sent_again(None, &[("one", NOW)]), ["left", "refused"]);
        assert_eq!(sent_again(None, &[("three", NOW)]), ["absent"]);
        assert_eq!(
            sent_again(None, &[("both", NOW)]),
            ["drifted", "left", "refused"],
            "an activation has configurations"
        );
        assert_eq!(sent_again(Some(("two", NOW)), &[]), ["drifted"]);
        assert_eq!(sent_again(Some(("", NOW)), &[("none", NOW)]), ["absent", "drifted", "left", "refused", "stays"]);
    }
}
