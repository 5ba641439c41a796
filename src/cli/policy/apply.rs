//! `transom policy apply` and `rollback`: publishing what devices are to have.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{
    about::{placed, sound},
    files,
    staged::Stages,
};
use crate::admin::{AppliedPolicies, ApplyPolicies, PolicyRevisionQuery, RollBackPolicies};
use crate::cli::{
    Global, Output,
    client::{Client, ClientError, connected},
    hinted,
    progress::note,
    shown::line,
};
use crate::policy::declaration::Level;

/// Publish files of declarations: devices are brought to what they say
///
/// The files are all that the set has: what it had and is not in them is removed, and taken back from devices. Other sets
/// are left alone. Nothing is published where something is wrong. The same files again change nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy apply policies/ --message 'Longer passwords, ticket 4711'
  transom policy apply policies/ --message check --dry-run
  transom policy apply policies/ --message 'Longer passwords' --stage 10% --stage 50% --stop-at-failures 2%
  transom policy apply kiosks/ --set kiosks --message 'First kiosks'")]
pub(super) struct Apply {
    /// Files, or folders with all .yaml, .yml and .json in and below them; - is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Why, for those who look at the history
    #[arg(long, short, value_name = "TEXT")]
    message: String,
    /// The set that owns these declarations [default: default]
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Only while this is the last revision of the set: nothing is published when somebody else was faster
    #[arg(long, value_name = "REVISION")]
    after: Option<i64>,
    #[command(flatten)]
    stages: Stages,
    /// Say what would change, and publish nothing
    #[arg(long)]
    dry_run: bool,
    /// Makes it the same request when it is sent again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Publish a set again as it was with a revision
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy history
  transom policy rollback 12 --message 'The new lock screen was no good'")]
pub(super) struct Rollback {
    /// The revision as which its set is to be again
    #[arg(value_name = "REVISION")]
    revision: i64,
    /// Why
    #[arg(long, short, value_name = "TEXT")]
    message: String,
    /// Only while this is the last revision of the set: nothing is published when somebody else was faster
    #[arg(long, value_name = "REVISION")]
    after: Option<i64>,
    /// Say what would change, and publish nothing
    #[arg(long)]
    dry_run: bool,
}

impl Apply {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let read = files::read(&self.paths)?;
        sound(&read.remarks)?;
        let documents = read.documents;
        let declarations: Vec<Value> = documents.iter().map(|document| document.declaration.to_json()).collect();
        let stages = self.stages.plan();
        let count = stages.as_ref().map(|plan| plan.stages.len());
        let apply = ApplyPolicies { set: self.set, message: self.message, declarations, stages, dry_run: self.dry_run };
        let key = self.idempotency_key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        connected(global, async |client| {
            let applied = match client.apply_policies(&apply, self.after, &key).await {
                Err(error) => return Err(behind(&client, apply.set.as_deref(), placed(error, &documents)).await),
                Ok(applied) => applied,
            };
            if count.is_some() && applied.revision.is_some() {
                note("it goes to the devices of its first stage: transom policy stages");
            }
            show(&applied, output)
        })
    }
}

impl Rollback {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let back = RollBackPolicies { revision: self.revision, message: self.message, dry_run: self.dry_run };
        let key = uuid::Uuid::now_v7().to_string();
        connected(global, async |client| {
            let applied = match client.roll_back_policies(&back, self.after, &key).await {
                Err(error) => {
                    let own = client.policy_revision(self.revision).await.ok().map(|revision| revision.set);
                    return Err(behind(&client, own.as_deref(), error).await);
                }
                Ok(applied) => applied,
            };
            show(&applied, output)
        })
    }
}

/// Where somebody else was faster: with the number of the last revision.
async fn behind(client: &Client, set: Option<&str>, error: ClientError) -> anyhow::Error {
    if !matches!(&error, ClientError::Refused(refusal) if refusal.status == 412) {
        return error.into();
    }
    let set = set.unwrap_or("default");
    let query = PolicyRevisionQuery { set: Some(set.to_owned()), limit: Some(1), cursor: None };
    let last = client.policy_revisions(&query).await.ok().and_then(|page| page.items.into_iter().next());
    let Some(last) = last else { return hinted(error.to_string(), format!("the set {set} has no revision yet")) };
    hinted(
        error.to_string(),
        format!(
            "the last revision of the set {set} is {}, by {}: {}; transom policy diff {}",
            last.number,
            line(&last.author),
            line(&last.message),
            last.number
        ),
    )
}

fn show(applied: &AppliedPolicies, output: &mut Output) -> anyhow::Result<()> {
    for remark in applied.remarks.iter().filter(|remark| remark.level == Level::Warning) {
        let who: String = remark.identifier.iter().chain(&remark.setting).map(|part| format!("{part}: ")).collect();
        note(&line(&format!("warning: {who}{}", remark.what)));
    }
    if output.is_json() {
        return output.document(applied);
    }
    for (sign, names) in [("+", &applied.added), ("~", &applied.changed), ("-", &applied.removed)] {
        for name in names {
            output.text(format!("{sign} {}", line(name)))?;
        }
    }
    let set = line(&applied.set);
    let what = match applied.revision {
        Some(revision) => format!("revision {revision} of the set {set}"),
        None if applied.dry_run => format!("nothing was published; the set {set}"),
        None => format!("nothing changes; the set {set}"),
    };
    output.text(format!(
        "{what}: {} added, {} changed, {} removed, {} as before",
        applied.added.len(),
        applied.changed.len(),
        applied.removed.len(),
        applied.unchanged
    ))
}
