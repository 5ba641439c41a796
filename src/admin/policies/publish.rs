//! Publishing what devices are to have.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{PolicyStagesJson, set_of};
use crate::admin::{Admin, Error, Fault, Repetition};
use crate::model::{Actor, AuditRecord, PolicyDraftHead, PolicyRevision, StagePlan, Timestamp};
use crate::policy::declaration::{Concern, Document, Level, Remark, read_json};
use crate::policy::rollout::{Proposal, PublishError, Published};
use crate::store::Tx;

/// Most declarations of one set.
const MOST: usize = 5_000;

/// Longest message.
const LONGEST_MESSAGE: usize = 500;

/// Most remarks that an answer has.
const MOST_REMARKS: usize = 500;

/// All declarations of a set, to be published in place of those that it has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPolicies {
    /// The set; `default` when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// Why, for those who look at the history.
    pub message: String,
    /// The declarations, as they stand in files. What the set has and is not among them is removed.
    #[schema(value_type = Vec<Object>)]
    pub declarations: Vec<Value>,
    /// How it goes to devices; to all at once when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<PolicyStagesJson>,
    /// Only check.
    #[serde(default)]
    pub dry_run: bool,
}

/// What of the history is to be published again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBackPolicies {
    /// The revision as which the set is to be again.
    pub revision: i64,
    /// Why.
    pub message: String,
    /// Only check.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppliedPolicies {
    /// The set.
    pub set: String,
    /// The new revision; nothing where nothing is another than before, and when it was only checked.
    pub revision: Option<i64>,
    /// Declarations that are new.
    pub added: Vec<String>,
    /// That say something else now.
    pub changed: Vec<String>,
    /// That were removed.
    pub removed: Vec<String>,
    /// Declarations that are as they were.
    pub unchanged: usize,
    /// What is to be said of them.
    pub remarks: Vec<PolicyRemarkJson>,
    /// It was only checked.
    #[serde(default)]
    pub dry_run: bool,
}

/// Something that is to be said of a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRemarkJson {
    /// `error`, `warning` or `note`.
    #[schema(value_type = String)]
    pub level: Level,
    /// The declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// The setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// What, and what to do.
    pub what: String,
}

/// How something is published.
pub(super) struct How {
    /// Why.
    pub(super) message: String,
    /// To which devices first.
    pub(super) stages: Option<StagePlan>,
    /// Only check.
    pub(super) dry_run: bool,
    /// Where it was written here, and not in files: its author, and the draft that it was.
    pub(super) written: Option<Written>,
}

/// What was written here.
#[derive(Debug, Clone)]
pub(super) struct Written {
    /// Whose draft.
    pub(super) author: String,
    /// It, where it was one.
    pub(super) draft: Option<PolicyDraftHead>,
}

impl Admin {
    /// Publishes all declarations of a set, or says what that would change.
    pub async fn apply_policies(
        &self,
        apply: ApplyPolicies,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<AppliedPolicies, Error> {
        let set = set_of(apply.set.as_deref())?;
        if apply.declarations.len() > MOST {
            return Err(Error::invalid("/declarations", format!("a set has at most {MOST} declarations")));
        }
        let (documents, remarks) = read(apply.declarations).await?;
        let stages = apply.stages.as_ref().map(PolicyStagesJson::read).transpose()?;
        let how = How { message: apply.message, stages, dry_run: apply.dry_run, written: None };
        self.publish(set, documents, remarks, how, seen, by, repetition, now).await
    }

    /// Publishes a set again as it was with a revision.
    pub async fn roll_back_policies(
        &self,
        back: RollBackPolicies,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<AppliedPolicies, Error> {
        self.roll_back(back, None, seen, by, repetition, now).await
    }

    /// The same, by somebody who writes here: the set is not said to come from files.
    pub async fn roll_back_policies_here(
        &self,
        back: RollBackPolicies,
        by: &Actor,
        now: Timestamp,
    ) -> Result<AppliedPolicies, Error> {
        let written = Written { author: super::drafts::author(by), draft: None };
        self.roll_back(back, Some(written), None, by, None, now).await
    }

    async fn roll_back(
        &self,
        back: RollBackPolicies,
        written: Option<Written>,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<AppliedPolicies, Error> {
        let number = back.revision;
        let (revision, contents) = self.store.read(move |tx: &mut Tx<'_>| super::revisions::of(tx, number)).await?;
        let (documents, remarks) = read(contents).await?;
        // What is no good goes from all devices at once.
        let how = How { message: back.message, stages: None, dry_run: back.dry_run, written };
        self.publish(revision.set, documents, remarks, how, seen, by, repetition, now).await
    }

    #[expect(clippy::too_many_arguments, reason = "what is published, by whom, and how")]
    pub(super) async fn publish(
        &self,
        set: String,
        documents: Vec<Document>,
        remarks: Vec<Remark>,
        how: How,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<AppliedPolicies, Error> {
        let How { message, stages, dry_run, written } = how;
        let message = message.trim().to_owned();
        if message.is_empty() || message.chars().count() > LONGEST_MESSAGE {
            return Err(Error::invalid("/message", format!("say why, in 1 to {LONGEST_MESSAGE} characters")));
        }
        let names: Vec<String> = documents.iter().map(|document| document.declaration.identifier.to_string()).collect();
        let proposal = Proposal { set, author: by.name.clone(), message, documents, remarks, stages };
        let checked = match self.rollout()?.check(proposal).await {
            Ok(checked) => checked,
            Err(PublishError::Wrong(remarks)) => return Err(wrong(&remarks, &names)),
            Err(error) => return Err(error.into()),
        };
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let set = &checked.revision.set;
            if let Some(seen) = &seen {
                let last = tx.policy_revisions(Some(set), None, 1)?.first().map_or(0, |last| last.number);
                if *seen != last.to_string() {
                    return Err(Error::Changed);
                }
            }
            let mut applied = differences(tx, &checked)?;
            applied.dry_run = dry_run;
            if dry_run {
                return Ok(applied);
            }
            if let Some(revision) = checked.keep(tx, now)? {
                tx.audit(&by, record(&revision, &applied), now);
                applied.revision = Some(revision.number);
            }
            if let Some(written) = &written {
                written.note(tx, applied.revision)?;
            }
            Ok(applied)
        };
        self.once(repetition, now, job).await
    }
}

impl Written {
    /// Notes that a revision was not published from files, and forgets the draft that it was.
    fn note(&self, tx: &mut Tx<'_>, revision: Option<i64>) -> Result<(), Error> {
        if let Some(number) = revision {
            tx.note_web_revision(number)?;
        }
        // What was written meanwhile stays.
        if let Some(draft) = &self.draft {
            tx.end_policy_draft(&self.author, &draft.set, draft.version)?;
        }
        Ok(())
    }
}

/// Reads declarations where it may take its time; each fault names its place among them.
pub(super) async fn read(declarations: Vec<Value>) -> Result<(Vec<Document>, Vec<Remark>), Error> {
    tokio::task::spawn_blocking(move || read_all(&declarations)).await.map_err(|_| Error::Busy)
}

/// The same where blocking is allowed.
pub(super) fn read_all(declarations: &[Value]) -> (Vec<Document>, Vec<Remark>) {
    let (mut documents, mut remarks) = (Vec::new(), Vec::new());
    for (place, json) in declarations.iter().enumerate() {
        let read = read_json(json);
        documents.extend(read.documents);
        remarks.extend(read.remarks.into_iter().map(|remark| match &remark.identifier {
            Some(_) => remark,
            None => Remark::new(remark.level, remark.rule, format!("declaration {place}: {}", remark.what)),
        }));
    }
    (documents, remarks)
}

fn wrong(remarks: &[Remark], names: &[String]) -> Error {
    let errors: Vec<&Remark> = remarks.iter().filter(|remark| remark.level == Level::Error).collect();
    let faults = errors.iter().take(MOST_REMARKS).map(|remark| {
        let place = remark.identifier.as_ref().and_then(|name| names.iter().position(|other| other == name));
        let at = place.map_or_else(|| "/declarations".to_owned(), |place| format!("/declarations/{place}"));
        let who = remark.identifier.iter().chain(&remark.setting).map(|part| format!("{part}: "));
        Fault { at, what: who.collect::<String>() + &remark.what }
    });
    let is_syntax = errors.iter().all(|remark| remark.rule == Concern::Shape);
    let what = if is_syntax { "can't be read" } else { "can't work" };
    let summary = format!("the declarations {what}: {} to be mended; nothing was published", errors.len());
    Error::Invalid { summary, faults: faults.collect() }
}

fn differences(tx: &mut Tx<'_>, checked: &Published) -> Result<AppliedPolicies, Error> {
    let revision = &checked.revision;
    let before = tx.policies(Some(&revision.set))?;
    let (mut added, mut changed, mut unchanged) = (Vec::new(), Vec::new(), 0);
    for (declaration, _) in &revision.declarations {
        match before.iter().find(|known| known.identifier == declaration.identifier) {
            None => added.push(declaration.identifier.clone()),
            Some(known) if known.token != declaration.token => changed.push(declaration.identifier.clone()),
            Some(_) => unchanged += 1,
        }
    }
    let stays = |name: &str| revision.declarations.iter().any(|(declaration, _)| declaration.identifier == name);
    let removed = before.into_iter().map(|known| known.identifier).filter(|name| !stays(name)).collect();
    let remarks = checked.remarks.iter().take(MOST_REMARKS).map(PolicyRemarkJson::of).collect();
    let set = revision.set.clone();
    Ok(AppliedPolicies { set, revision: None, added, changed, removed, unchanged, remarks, dry_run: false })
}

impl PolicyRemarkJson {
    pub(super) fn of(remark: &Remark) -> Self {
        Self {
            level: remark.level,
            identifier: remark.identifier.clone(),
            setting: remark.setting.clone(),
            what: remark.what.clone(),
        }
    }
}

fn record(revision: &PolicyRevision, applied: &AppliedPolicies) -> AuditRecord {
    let told = json!({
        "revision": revision.number, "message": revision.message,
        "added": applied.added, "changed": applied.changed, "removed": applied.removed,
    });
    AuditRecord::new("policy.apply", "policy", revision.set.clone()).after(told)
}
