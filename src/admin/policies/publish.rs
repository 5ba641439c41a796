//! Publishing what devices are to have.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::compare::{Change, between};
use super::{PolicyStagesJson, set_of};
use crate::admin::{Admin, Error, Fault, Repetition};
use crate::model::{Actor, AuditRecord, PUBLISHED_MEANWHILE, PolicyDraftHead, PolicyRevision, StagePlan, Timestamp};
use crate::policy::declaration::{Concern, Level, Read, Remark, each_once, read_json};
use crate::policy::rollout::{Proposal, PublishError, Published};
use crate::store::{self, Tx};

/// Most declarations of one set.
pub(super) const MOST_DECLARATIONS: usize = 5_000;

/// How often a set is held against what there is, where others are published in between.
const MOST_TRIES: u32 = 5;

/// Longest message.
const LONGEST_MESSAGE: usize = 500;

/// Most remarks that an answer has.
pub(super) const MOST_REMARKS: usize = 500;

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
    #[serde(deserialize_with = "each_once")]
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

/// Who publishes, and when.
#[derive(Clone)]
pub(super) struct Asked<'a> {
    /// Who.
    pub(super) by: &'a Actor,
    /// The last revision of the set that they have seen: where there is another, nothing is published.
    pub(super) seen: Option<String>,
    /// What keeps a request that is sent twice from being done twice.
    pub(super) repetition: Option<Repetition>,
    /// When.
    pub(super) now: Timestamp,
}

/// Declarations as somebody sent them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    /// What could be read of them, and what is to be said of the rest.
    pub(super) read: Read,
    /// How each calls itself, in the order in which they were sent: that is its place in the request.
    pub(super) names: Vec<Option<String>>,
}

/// Why there is no answer from before.
enum Unanswered {
    /// The request is new.
    New,
    /// It can't be said.
    Failed(Error),
}

impl From<store::Error> for Unanswered {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
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
        if let Some(before) = self.answered(repetition.clone(), now).await? {
            return Ok(before);
        }
        let set = set_of(apply.set.as_deref())?;
        let sent = read(apply.declarations).await?;
        let stages = apply.stages.as_ref().map(PolicyStagesJson::read).transpose()?;
        let how = How { message: apply.message, stages, dry_run: apply.dry_run, written: None };
        self.publish(set, sent, how, Asked { by, seen, repetition, now }).await
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
        self.roll_back(back, None, Asked { by, seen, repetition, now }).await
    }

    /// The same, by somebody who writes here: the set is not said to come from files.
    pub async fn roll_back_policies_here(
        &self,
        back: RollBackPolicies,
        by: &Actor,
        now: Timestamp,
    ) -> Result<AppliedPolicies, Error> {
        let written = Written { author: super::drafts::author(by), draft: None };
        self.roll_back(back, Some(written), Asked { by, seen: None, repetition: None, now }).await
    }

    async fn roll_back(
        &self,
        back: RollBackPolicies,
        written: Option<Written>,
        asked: Asked<'_>,
    ) -> Result<AppliedPolicies, Error> {
        if let Some(before) = self.answered(asked.repetition.clone(), asked.now).await? {
            return Ok(before);
        }
        let number = back.revision;
        let (revision, contents) = self.store.read(move |tx: &mut Tx<'_>| super::revisions::of(tx, number)).await?;
        let sent = read(contents).await?;
        // What is no good goes from all devices at once.
        let how = How { message: back.message, stages: None, dry_run: back.dry_run, written };
        self.publish(revision.set, sent, how, asked).await
    }

    /// What the same request was answered before. It is looked for first: what was right then may be wrong by now.
    async fn answered(&self, repetition: Option<Repetition>, now: Timestamp) -> Result<Option<AppliedPolicies>, Error> {
        let Some(repetition) = repetition else { return Ok(None) };
        let job = move |tx: &mut Tx<'_>| {
            let before = repetition.begin(tx, now).map_err(Unanswered::Failed)?;
            // The error undoes the claim: whoever does the work claims the request.
            before.ok_or(Unanswered::New)
        };
        match self.store.write(job).await {
            Ok(before) => Ok(Some(before)),
            Err(Unanswered::New) => Ok(None),
            Err(Unanswered::Failed(error)) => Err(error),
        }
    }

    pub(super) async fn publish(
        &self,
        set: String,
        sent: Sent,
        how: How,
        asked: Asked<'_>,
    ) -> Result<AppliedPolicies, Error> {
        let How { message, stages, dry_run, written } = how;
        let message = message.trim().to_owned();
        if message.is_empty() || message.chars().count() > LONGEST_MESSAGE {
            return Err(Error::invalid("/message", format!("say why, in 1 to {LONGEST_MESSAGE} characters")));
        }
        let Sent { read: Read { documents, broken, remarks }, names } = sent;
        let proposal = Proposal { set, author: asked.by.name.clone(), message, documents, broken, remarks, stages };
        let last = self.last_of_set(&proposal.set).await?;
        let mut tries = 1;
        loop {
            let checked = match self.rollout()?.check(proposal.clone()).await {
                Ok(checked) => checked,
                Err(PublishError::Wrong(remarks)) => return Err(wrong(&remarks, &names, "nothing was published")),
                Err(error) => return Err(error.into()),
            };
            let kept = self.keep_checked(checked, dry_run, written.clone(), asked.clone()).await;
            // Where that was another set, it is held against what there is now.
            let meanwhile = matches!(&kept, Err(Error::Conflict(why)) if why == PUBLISHED_MEANWHILE);
            if !meanwhile || tries == MOST_TRIES || self.last_of_set(&proposal.set).await? != last {
                return kept;
            }
            tries += 1;
        }
    }

    async fn last_of_set(&self, set: &str) -> Result<i64, Error> {
        let set = set.to_owned();
        self.store.read(move |tx: &mut Tx<'_>| last_of_set(tx, &set)).await
    }

    async fn keep_checked(
        &self,
        checked: Published,
        dry_run: bool,
        written: Option<Written>,
        asked: Asked<'_>,
    ) -> Result<AppliedPolicies, Error> {
        let Asked { by, seen, repetition, now } = asked;
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let set = &checked.revision.set;
            if let Some(seen) = &seen {
                let last = last_of_set(tx, set)?;
                if *seen != last.to_string() {
                    return Err(Error::Changed);
                }
            }
            let mut applied = differences(tx, &checked)?;
            applied.dry_run = dry_run;
            if dry_run {
                if applied.is_another() {
                    checked.foresee(tx)?;
                }
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

/// The number of the last revision of a set; 0 where there is none.
pub(super) fn last_of_set(tx: &mut Tx<'_>, set: &str) -> Result<i64, Error> {
    Ok(tx.policy_revisions(Some(set), None, 1)?.first().map_or(0, |last| last.number))
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
pub(super) async fn read(declarations: Vec<Value>) -> Result<Sent, Error> {
    if declarations.len() > MOST_DECLARATIONS {
        return Err(Error::invalid("/declarations", format!("a set has at most {MOST_DECLARATIONS} declarations")));
    }
    tokio::task::spawn_blocking(move || read_all(&declarations)).await.map_err(|_| Error::Busy)
}

/// The same where blocking is allowed.
pub(super) fn read_all(declarations: &[Value]) -> Sent {
    let mut sent = Sent::default();
    for (place, json) in declarations.iter().enumerate() {
        let Read { documents, broken, remarks } = read_json(json);
        sent.names.push(json["identifier"].as_str().map(str::to_owned));
        sent.read.documents.extend(documents);
        sent.read.broken.extend(broken);
        sent.read.remarks.extend(remarks.into_iter().map(|remark| match &remark.identifier {
            Some(_) => remark,
            None => Remark::new(remark.level, remark.rule, format!("declaration {place}: {}", remark.what)),
        }));
    }
    sent
}

/// What is wrong with declarations of these names, and that nothing came of it therefore.
pub(super) fn wrong(remarks: &[Remark], names: &[Option<String>], nothing: &str) -> Error {
    let errors: Vec<&Remark> = remarks.iter().filter(|remark| remark.level == Level::Error).collect();
    let is_syntax = errors.iter().all(|remark| remark.rule == Concern::Shape);
    let what = if is_syntax { "can't be read" } else { "can't work" };
    let summary = format!("the declarations {what}: {} to be mended; {nothing}", errors.len());
    Error::Invalid { summary, faults: faults(&errors, names) }
}

/// The first errors, each with the place of the declaration among these names.
fn faults(errors: &[&Remark], names: &[Option<String>]) -> Vec<Fault> {
    let faults = errors.iter().take(MOST_REMARKS).map(|remark| {
        let named = remark.identifier.is_some();
        let place = names.iter().position(|other| named && *other == remark.identifier);
        let at = place.map_or_else(|| "/declarations".to_owned(), |place| format!("/declarations/{place}"));
        let who = remark.identifier.iter().chain(&remark.setting).map(|part| format!("{part}: "));
        Fault { at, what: who.collect::<String>() + &remark.what }
    });
    faults.collect()
}

fn differences(tx: &mut Tx<'_>, checked: &Published) -> Result<AppliedPolicies, Error> {
    let revision = &checked.revision;
    let before = tx.policies(Some(&revision.set))?;
    let was = before.iter().map(|known| (&known.identifier, &known.token));
    let is = revision.declarations.iter().map(|(declaration, _)| (&declaration.identifier, &declaration.token));
    let (mut added, mut changed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for (name, change) in between(was, is) {
        let those = match change {
            Change::Added(_) => &mut added,
            Change::Changed(_) => &mut changed,
            Change::Removed(_) => &mut removed,
        };
        those.push(name.clone());
    }
    let unchanged = revision.declarations.len() - added.len() - changed.len();
    let remarks = checked.remarks.iter().take(MOST_REMARKS).map(PolicyRemarkJson::of).collect();
    let set = revision.set.clone();
    Ok(AppliedPolicies { set, revision: None, added, changed, removed, unchanged, remarks, dry_run: false })
}

impl AppliedPolicies {
    /// Whether anything is another than before.
    const fn is_another(&self) -> bool {
        !(self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty())
    }
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
