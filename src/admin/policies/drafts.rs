//! Drafts: sets that somebody is writing. A draft belongs to its author, lies in the database, and takes the place of
//! what is published when it is published itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::publish::{Asked, How, MOST_DECLARATIONS, Sent, Written, last_of_set, read};
use super::revisions::{contents, of};
use super::{AppliedPolicies, PolicyRevisionJson, PolicyStagesJson, names_a_set};
use crate::admin::{Admin, Error, Fault, PageJson};
use crate::model::{Actor, ActorKind, AuditRecord, PolicyDraftHead, Timestamp, from_rfc3339, rfc3339};
use crate::policy::declaration::{Declaration, Level, Read, Remark, each_once, read_json, read_text};
use crate::policy::merge::{Merged, merge};
use crate::store::{self, Tx};

/// Largest draft, in bytes of JSON.
const LARGEST: usize = 4 * 1024 * 1024;

/// How often a change is tried again that another one of the same author came before.
const TRIES: usize = 4;

/// A draft without what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDraftJson {
    /// The set that it is to become.
    pub set: String,
    /// Counts its changes.
    pub version: i64,
    /// The revision of the set that it began with; 0 for none.
    pub base: i64,
    /// When it was changed last.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDraftDetailJson {
    /// What is kept beside it.
    #[serde(flatten)]
    pub draft: PolicyDraftJson,
    /// All declarations of the set as they are to be.
    #[schema(value_type = Vec<Object>)]
    pub declarations: Vec<Value>,
}

/// What a draft is to say from now on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WritePolicyDraft {
    /// All declarations of the set as they are to be.
    #[schema(value_type = Vec<Object>)]
    #[serde(deserialize_with = "each_once")]
    pub declarations: Vec<Value>,
    /// The revision of the set that it begins with; the last one when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<i64>,
}

/// Why a draft is published, and how.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishPolicyDraft {
    /// For those who look at the history.
    pub message: String,
    /// How it goes to devices; to all at once when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<PolicyStagesJson>,
}

/// A set as its author sees it: the draft, or what is published where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkingSet {
    /// What it is called.
    pub set: String,
    /// The draft, where there is one.
    pub draft: Option<PolicyDraftHead>,
    /// The declarations.
    pub declarations: Vec<Declaration>,
    /// The last revision of the set; 0 for none.
    pub last: i64,
    /// What is published of it, as [`Self::declarations`].
    pub published: Vec<Declaration>,
    /// The last revision that did not come from a draft.
    pub from_files: Option<PolicyRevisionJson>,
}

impl From<PolicyDraftHead> for PolicyDraftJson {
    fn from(head: PolicyDraftHead) -> Self {
        let PolicyDraftHead { set, version, base, changed_at } = head;
        Self { set, version, base, changed_at }
    }
}

impl WorkingSet {
    /// Whether somebody published after the draft was begun.
    pub fn is_behind(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.base != self.last)
    }

    /// What counts its changes; 0 where there is no draft.
    pub fn version(&self) -> i64 {
        self.draft.as_ref().map_or(0, |draft| draft.version)
    }

    /// A declaration.
    pub fn find(&self, identifier: &str) -> Option<&Declaration> {
        self.declarations.iter().find(|each| each.identifier.as_str() == identifier)
    }
}

impl Admin {
    /// The drafts of whoever asks.
    pub async fn policy_drafts(&self, by: &Actor) -> Result<PageJson<PolicyDraftJson>, Error> {
        let author = author(by);
        let drafts = self.store.read(move |tx: &mut Tx<'_>| tx.policy_drafts(&author)).await?;
        Ok(PageJson { items: drafts.into_iter().map(PolicyDraftJson::from).collect(), next_cursor: None })
    }

    /// One's own draft of a set.
    pub async fn policy_draft(&self, set: &str, by: &Actor) -> Result<PolicyDraftDetailJson, Error> {
        let working = self.working_set(set, by).await?;
        let draft = working.draft.ok_or(Error::NotFound("draft"))?;
        let declarations = working.declarations.iter().map(Declaration::to_json).collect();
        Ok(PolicyDraftDetailJson { draft: draft.into(), declarations })
    }

    /// Writes a draft in place of the one that there was.
    pub async fn write_policy_draft(
        &self,
        set: &str,
        write: WritePolicyDraft,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<PolicyDraftDetailJson, Error> {
        let set = named(set)?;
        let declarations = readable(write.declarations).await?;
        let working = self.working_set(&set, by).await?;
        let version = working.version();
        if seen.is_some_and(|seen| seen != version.to_string()) {
            return Err(Error::Changed);
        }
        let base = match write.base {
            Some(base) => self.began_with(&set, base).await?,
            None => working.last,
        };
        self.keep(&set, declarations, base, version, by, now).await?;
        self.policy_draft(&set, by).await
    }

    /// Forgets one's own draft of a set.
    pub async fn discard_policy_draft(&self, set: &str, by: &Actor, now: Timestamp) -> Result<(), Error> {
        let (set, author, by) = (named(set)?, author(by), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            if !tx.forget_policy_draft(&author, &set)? {
                return Err(Error::NotFound("draft"));
            }
            tx.audit(&by, AuditRecord::new("policy.draft.discard", "policy", set), now);
            Ok(())
        };
        self.store.write(job).await
    }

    /// Publishes one's own draft of a set, unless somebody published meanwhile.
    pub async fn publish_policy_draft(
        &self,
        set: &str,
        publish: PublishPolicyDraft,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<AppliedPolicies, Error> {
        let working = self.working_set(set, by).await?;
        let draft = working.draft.ok_or(Error::NotFound("draft"))?;
        if seen.is_some_and(|seen| seen != draft.version.to_string()) {
            return Err(Error::Changed);
        }
        let stages = publish.stages.as_ref().map(PolicyStagesJson::read).transpose()?;
        let declarations: Vec<Value> = working.declarations.iter().map(Declaration::to_json).collect();
        let sent = read(declarations).await?;
        let base = Some(draft.base.to_string());
        let written = Some(Written { author: author(by), draft: Some(draft) });
        let how = How { message: publish.message, stages, dry_run: false, written };
        self.publish(working.set, sent, how, Asked { by, seen: base, repetition: None, now }).await
    }

    /// A set as its author sees it.
    pub async fn working_set(&self, set: &str, by: &Actor) -> Result<WorkingSet, Error> {
        let (set, author) = (named(set)?, author(by));
        let job = move |tx: &mut Tx<'_>| {
            let draft = tx.policy_draft(&author, &set)?;
            let last = last_of_set(tx, &set)?;
            let from_files = match tx.last_revision_of_files(&set)? {
                Some(number) => tx.policy_revision(number)?.map(PolicyRevisionJson::from),
                None => None,
            };
            let policies = tx.policies(Some(&set))?;
            let tokens: Vec<String> = policies.into_iter().map(|policy| policy.token).collect();
            let published = kept(&contents(tx, &tokens)?)?;
            let (draft, declarations) = match draft {
                Some(draft) => {
                    let corrupt = |_| corrupt();
                    let body: Vec<Value> = serde_json::from_str(&draft.body).map_err(corrupt)?;
                    (Some(draft.head), kept(&body)?)
                }
                None => (None, published.clone()),
            };
            Ok::<_, Error>(WorkingSet { set, draft, declarations, last, published, from_files })
        };
        self.store.read(job).await
    }

    /// Declarations of a text, as it stands in a file: YAML, or JSON.
    pub async fn read_declarations(&self, text: String) -> Result<Vec<Declaration>, Error> {
        let job = move || {
            let is_json = text.trim_start().starts_with(['{', '[']);
            read_text(if is_json { "pasted.json" } else { "pasted.yaml" }, &text)
        };
        let read = tokio::task::spawn_blocking(job).await.map_err(|_| Error::Busy)?;
        sound(read)
    }

    /// Changes a draft, which begins with what is published where there is none.
    pub async fn change_draft(
        &self,
        set: &str,
        by: &Actor,
        now: Timestamp,
        change: impl Fn(&mut Vec<Declaration>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            let working = self.working_set(set, by).await?;
            let version = working.version();
            let base = working.draft.as_ref().map_or(working.last, |draft| draft.base);
            let mut declarations = working.declarations;
            change(&mut declarations)?;
            match self.keep(set, declarations, base, version, by, now).await {
                Err(Error::Changed) => {}
                done => return done,
            }
        }
        Err(Error::Busy)
    }

    /// Takes what others published since a draft was begun into the draft.
    pub async fn renew_draft(&self, set: &str, by: &Actor, now: Timestamp) -> Result<Merged, Error> {
        let working = self.working_set(set, by).await?;
        let draft = working.draft.clone().ok_or(Error::NotFound("draft"))?;
        let base = match draft.base {
            0 => Vec::new(),
            number => self.store.read(move |tx: &mut Tx<'_>| kept(&of(tx, number)?.1)).await?,
        };
        let merged = merge(&base, &working.declarations, &working.published);
        self.keep(set, merged.declarations.clone(), working.last, draft.version, by, now).await?;
        Ok(merged)
    }

    /// The revision of a set that somebody says their draft began with; 0 is before the first.
    async fn began_with(&self, set: &str, base: i64) -> Result<i64, Error> {
        let revision = self.store.read(move |tx: &mut Tx<'_>| tx.policy_revision(base)).await?;
        if base == 0 || revision.is_some_and(|revision| revision.set == set) {
            return Ok(base);
        }
        let what = format!("{base} is no revision of the set {set}: write the number of one, or 0 for none");
        Err(Error::invalid("/base", what))
    }

    async fn keep(
        &self,
        set: &str,
        mut declarations: Vec<Declaration>,
        base: i64,
        version: i64,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        if declarations.len() > MOST_DECLARATIONS {
            return Err(Error::Conflict(format!("a set has at most {MOST_DECLARATIONS} declarations")));
        }
        declarations.sort_by(|one, other| one.identifier.cmp(&other.identifier));
        let all: Vec<Value> = declarations.iter().map(Declaration::to_json).collect();
        let body = Value::from(all).to_string();
        if body.len() > LARGEST {
            return Err(Error::Conflict(format!(
                "a draft has at most {LARGEST} bytes: publish larger sets from files"
            )));
        }
        let (set, author) = (set.to_owned(), author(by));
        let job = move |tx: &mut Tx<'_>| {
            let kept = tx.save_policy_draft(&author, &set, version, base, &body, now)?;
            kept.map(drop).ok_or(Error::Changed)
        };
        self.store.write(job).await
    }
}

/// The set that a path names.
fn named(set: &str) -> Result<String, Error> {
    if names_a_set(set) { Ok(set.to_owned()) } else { Err(Error::NotFound("set")) }
}

/// Whose a draft is. A person and a token of the same name are two.
pub(super) fn author(by: &Actor) -> String {
    let kind = match by.kind {
        ActorKind::Operator => "operator",
        ActorKind::Token => "token",
        ActorKind::Server => "server",
        ActorKind::Device => "device",
    };
    format!("{kind}:{}", by.name)
}

/// Declarations that are kept.
pub(super) fn kept(all: &[Value]) -> Result<Vec<Declaration>, Error> {
    let one = |json: &Value| {
        let document = read_json(json).documents.into_iter().next();
        document.map(|document| document.declaration).ok_or_else(corrupt)
    };
    all.iter().map(one).collect()
}

/// Declarations that somebody sent: readable, and each of a name of its own.
async fn readable(all: Vec<Value>) -> Result<Vec<Declaration>, Error> {
    let Sent { read, .. } = read(all).await?;
    sound(read)
}

fn sound(read: Read) -> Result<Vec<Declaration>, Error> {
    let Read { documents, remarks, .. } = read;
    let mut faults: Vec<Fault> = remarks
        .iter()
        .filter(|remark| remark.level == Level::Error)
        .map(|remark| Fault { at: "/declarations".to_owned(), what: placed(remark) })
        .collect();
    let declarations: Vec<Declaration> = documents.into_iter().map(|document| document.declaration).collect();
    let mut seen = std::collections::BTreeSet::new();
    for declaration in &declarations {
        if !seen.insert(&declaration.identifier) {
            let what = format!("{} stands there twice", declaration.identifier);
            faults.push(Fault { at: "/declarations".to_owned(), what });
        }
    }
    if faults.is_empty() {
        return Ok(declarations);
    }
    let summary = format!("the declarations can't be read: {} to be mended", faults.len());
    Err(Error::Invalid { summary, faults })
}

/// What is wrong, with the line where there is one.
fn placed(remark: &Remark) -> String {
    remark.line.map_or_else(|| remark.what.clone(), |line| format!("line {line}: {}", remark.what))
}

fn corrupt() -> Error {
    Error::Store(store::Error::Corrupt("policy_drafts.body".to_owned()))
}
