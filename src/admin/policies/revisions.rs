//! What was published when, and what differs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::compare::between;
use super::set_asked;
use crate::admin::{Admin, Error, PageJson, Part};
use crate::model::{AuditFilter, PolicyRevision, RevisedPolicy, Timestamp, from_rfc3339, rfc3339};
use crate::store::{self, Tx};

/// Secrets of which it is looked whether somebody set them.
const MOST_SECRETS: usize = 100;

/// Sets of which it is looked what was published of them last.
const MOST_SETS: usize = 500;

/// Something that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRevisionJson {
    /// Counts them, those of all sets.
    pub number: i64,
    /// The set.
    pub set: String,
    /// Who published it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Declarations that were new.
    pub added: u32,
    /// That were changed.
    pub changed: u32,
    /// That were removed.
    pub removed: u32,
}

/// Which revisions; newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PolicyRevisionQuery {
    /// Only those of this set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// Entries at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Of which set.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PolicySetQuery {
    /// Only this set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
}

/// With what a revision is compared.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PolicyDiffQuery {
    /// An earlier revision; the one before, of the same set, when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
}

/// What differs between two revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDiffJson {
    /// The earlier revision; nothing where there is none.
    pub from: Option<i64>,
    /// The later one.
    pub to: i64,
    /// Declarations that differ, by identifier.
    pub changes: Vec<ChangedPolicyJson>,
    /// Secrets of the later revision whose value was set or taken away in between, as far as the audit log goes back.
    #[serde(default)]
    pub secrets: Vec<ChangedSecretJson>,
}

/// A secret whose value was set or taken away: never the value, and not whether it is another than before, since nobody keeps
/// that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedSecretJson {
    /// The asset.
    pub name: String,
    /// `set` or `removed`, the last time in between.
    pub what: String,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// A declaration that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedPolicyJson {
    /// Which.
    pub identifier: String,
    /// Its type.
    pub r#type: String,
    /// As it was; nothing where it was not there.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// As it is; nothing where it was removed.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}

/// Declarations as they stand in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportedPolicies {
    /// Of which set; nothing for all.
    pub set: Option<String>,
    /// Each of them, by identifier.
    #[schema(value_type = Vec<Object>)]
    pub declarations: Vec<Value>,
}

impl From<PolicyRevision> for PolicyRevisionJson {
    fn from(revision: PolicyRevision) -> Self {
        let PolicyRevision { number, set, author, message, at, added, changed, removed } = revision;
        Self { number, set, author, message, at, added, changed, removed }
    }
}

impl Admin {
    /// What was published, newest first.
    pub async fn policy_revisions(&self, query: PolicyRevisionQuery) -> Result<PageJson<PolicyRevisionJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let before = cursor.map(|cursor| cursor.sort_key().parse::<i64>()).transpose();
        let before = before.map_err(|_| Error::parameter("cursor", "write the next_cursor of the page before"))?;
        let set = set_asked(query.set)?;
        let look = move |tx: &mut Tx<'_>| tx.policy_revisions(set.as_deref(), before, limit + 1);
        let found: Vec<PolicyRevision> = self.store.read(look).await?;
        let page = crate::model::Page::of(found, limit, |last| last.number.to_string());
        Ok(PageJson::of(page, PolicyRevisionJson::from))
    }

    /// Every set of which something was published, by name, with its last revision.
    pub async fn policy_sets(&self) -> Result<Vec<(String, i64)>, Error> {
        Ok(self.store.read(|tx: &mut Tx<'_>| tx.policy_sets(MOST_SETS)).await?)
    }

    /// One revision.
    pub async fn policy_revision(&self, number: &str) -> Result<PolicyRevisionJson, Error> {
        let number = number_of(number)?;
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.policy_revision(number)).await?;
        found.map(PolicyRevisionJson::from).ok_or(Error::NotFound("revision"))
    }

    /// What differs between a revision and an earlier one.
    pub async fn policy_diff(&self, number: &str, query: PolicyDiffQuery) -> Result<PolicyDiffJson, Error> {
        let number = number_of(number)?;
        let job = move |tx: &mut Tx<'_>| {
            let revision = tx.policy_revision(number)?.ok_or(Error::NotFound("revision"))?;
            let earlier = match query.from {
                Some(from) => Some(earlier(tx, from, &revision)?),
                None => tx.policy_revisions(Some(&revision.set), Some(number), 1)?.into_iter().next(),
            };
            let from = earlier.as_ref().map(|earlier| earlier.number);
            let after = by_name(tx, Some(number))?;
            let before = by_name(tx, from)?;
            let names = between(tokens(&before), tokens(&after)).into_keys();
            let changes = names.filter_map(|name| changed(before.get(name), after.get(name))).collect();
            let secrets = match earlier {
                Some(earlier) => secrets_set(tx, &after, earlier.at, revision.at)?,
                None => Vec::new(),
            };
            Ok::<_, Error>(PolicyDiffJson { from, to: number, changes, secrets })
        };
        self.store.read(job).await
    }

    /// What is published, as it stands in files. A set of which nothing is published is none.
    pub async fn export_policies(&self, query: PolicySetQuery) -> Result<ExportedPolicies, Error> {
        let set = set_asked(query.set)?;
        let job = move |tx: &mut Tx<'_>| {
            let policies = tx.policies(set.as_deref())?;
            if set.is_some() && policies.is_empty() {
                return Err(Error::NotFound("set"));
            }
            let tokens: Vec<String> = policies.iter().map(|policy| policy.token.clone()).collect();
            let declarations = contents(tx, &tokens)?;
            Ok(ExportedPolicies { set, declarations })
        };
        self.store.read(job).await
    }
}

/// The revision that another one is held against.
fn earlier(tx: &mut Tx<'_>, number: i64, than: &PolicyRevision) -> Result<PolicyRevision, Error> {
    let earlier = tx.policy_revision(number)?.ok_or(Error::NotFound("revision"))?;
    if earlier.set != than.set {
        let (set, own) = (&earlier.set, &than.set);
        let what = format!("revision {number} is of the set {set}, and revision {} of the set {own}", than.number);
        return Err(Error::parameter("from", what));
    }
    if number > than.number {
        return Err(Error::parameter("from", format!("revision {number} is later than revision {}", than.number)));
    }
    Ok(earlier)
}

/// A revision with all declarations that its set had then.
pub(super) fn of(tx: &mut Tx<'_>, number: i64) -> Result<(PolicyRevision, Vec<Value>), Error> {
    let revision = tx.policy_revision(number)?.ok_or(Error::NotFound("revision"))?;
    let tokens: Vec<String> = tx.policies_of_revision(number)?.into_iter().map(|policy| policy.token).collect();
    Ok((revision, contents(tx, &tokens)?))
}

/// What declarations say, in the order of their tokens here.
pub(super) fn contents(tx: &mut Tx<'_>, tokens: &[String]) -> Result<Vec<Value>, Error> {
    let mut known: BTreeMap<String, String> = tx.policy_contents(tokens)?;
    let corrupt = || Error::Store(store::Error::Corrupt("policy_contents.body".to_owned()));
    let read = |token: &String| {
        let text = known.remove(token).ok_or_else(corrupt)?;
        serde_json::from_str(&text).map_err(|_| corrupt())
    };
    tokens.iter().map(read).collect()
}

/// Declarations with what they say.
type ByName = BTreeMap<String, (RevisedPolicy, Value)>;

fn by_name(tx: &mut Tx<'_>, number: Option<i64>) -> Result<ByName, Error> {
    let Some(number) = number else { return Ok(BTreeMap::new()) };
    let policies = tx.policies_of_revision(number)?;
    let tokens: Vec<String> = policies.iter().map(|policy| policy.token.clone()).collect();
    let contents = contents(tx, &tokens)?;
    let both = policies.into_iter().zip(contents);
    Ok(both.map(|both| (both.0.identifier.clone(), both)).collect())
}

/// What changes when, and only when, a declaration does.
fn tokens(all: &ByName) -> impl Iterator<Item = (&String, &String)> {
    all.iter().map(|(name, (policy, _))| (name, &policy.token))
}

/// What was done to the values of the secrets among these declarations, after one time and until another.
fn secrets_set(
    tx: &mut Tx<'_>,
    declarations: &ByName,
    after: Timestamp,
    until: Timestamp,
) -> Result<Vec<ChangedSecretJson>, Error> {
    let is_secret = |content: &Value| content.pointer("/payload/secret") == Some(&Value::Bool(true));
    let secrets = declarations.iter().filter(|(_, (_, content))| is_secret(content));
    let mut found = Vec::new();
    for (name, _) in secrets.take(MOST_SECRETS) {
        let filter = AuditFilter {
            action: Some("policy_secret.".to_owned()),
            subject: Some(name.clone()),
            since: Some(after.plus_millis(1)),
            until: Some(until.plus_millis(1)),
            ..AuditFilter::default()
        };
        let last = tx.audit_entries(&filter, None, 1)?.items.into_iter().next();
        found.extend(last.map(|last| ChangedSecretJson {
            name: name.clone(),
            what: if last.action == "policy_secret.set" { "set" } else { "removed" }.to_owned(),
            at: last.at,
            by: last.actor.name,
        }));
    }
    Ok(found)
}

/// A declaration that was so and is so.
fn changed(was: Option<&(RevisedPolicy, Value)>, is: Option<&(RevisedPolicy, Value)>) -> Option<ChangedPolicyJson> {
    let (policy, _) = is.or(was)?;
    let content = |of: Option<&(RevisedPolicy, Value)>| of.map(|(_, content)| content.clone());
    let (identifier, r#type) = (policy.identifier.clone(), policy.kind.clone());
    Some(ChangedPolicyJson { identifier, r#type, before: content(was), after: content(is) })
}

fn number_of(text: &str) -> Result<i64, Error> {
    text.parse().map_err(|_| Error::NotFound("revision"))
}
