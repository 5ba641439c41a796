//! Before anything is published: what would be said of it, and what one device would be sent.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::Instruction;
use transom_protocol::session::DeviceId;

use super::decide::decide;
use super::overtaken::Carriers;
use super::staged::takes;
use super::{Rollout, RolloutError, base, drift, published};
use crate::model::{DevicePolicy, PolicyState, share_of};
use crate::policy::declaration::{Declaration, Document, Identifier, Payload, Remark, check, with_ingested};
use crate::policy::reconcile::Policy;
use crate::store::{Error, PolicySubject, Tx};

/// What one device would be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreseen {
    /// The commands, in this order.
    pub commands: Vec<Instruction>,
    /// Settings that it would have, those that it has already as well.
    pub wanted: usize,
    /// Settings that it would not be sent, by address: where they would stand, and why.
    pub left_out: Vec<LeftOut>,
    /// The activations that would hold for it.
    pub activations: Vec<String>,
    /// Settings of these that need the value of a secret.
    pub secrets: Vec<NeedsSecret>,
    /// The smallest share of all devices among which it is, in hundredths of a percent.
    pub share: u32,
}

/// A setting that needs the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedsSecret {
    /// Its address, as its author wrote it.
    pub uri: String,
    /// Which secrets, each with whether it has a value.
    pub secrets: Vec<(String, bool)>,
}

/// What is shown of settings that need a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretsShown {
    /// They are among the commands, with something else in place of the secret: to be looked at.
    Redacted,
    /// They are left out of the commands, which somebody may send.
    LeftOut,
}

/// Secrets that are looked up.
const MOST_SECRETS: i64 = 10_000;

/// A setting that is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its address.
    pub uri: String,
    /// Where it would stand.
    pub state: PolicyState,
    /// Why.
    pub why: String,
}

impl Rollout {
    /// What one device would be sent if a set were so; nothing where it is not under management.
    pub async fn foresee(
        &self,
        device: &DeviceId,
        set: &str,
        declarations: Vec<Declaration>,
        shown: SecretsShown,
    ) -> Result<Option<Foreseen>, RolloutError> {
        let in_use = self.library.in_use().await?;
        let (device, share) = (device.clone(), share_of(device) + 1);
        let question = move |tx: &mut Tx<'_>| {
            let life = tx.device(&device)?.and_then(|device| device.enrollment).filter(|life| life.ended_at.is_none());
            let Some(life) = life else { return Ok(None) };
            let subject = tx.policy_subject(&life.id)?;
            let Some(subject) = subject else { return Ok(None) };
            let (_, published) = published(tx)?;
            let base = base(tx, &published)?;
            Ok::<_, Error>(Some((published, base, subject, tx.policy_secrets(MOST_SECRETS)?)))
        };
        let Some((mut published, base, subject, secrets)) = self.store.read(question).await? else { return Ok(None) };
        // Of another set it has what its stage says.
        if let Some((staged, base)) = base
            && !takes(&staged, &subject)
        {
            published = base;
        }
        let (set, now) = (set.to_owned(), self.now());
        let look = move || {
            let others = published.into_iter().filter(|(policy, _)| policy.set != set);
            let all: Vec<Declaration> = others.map(|(_, declaration)| declaration).chain(declarations).collect();
            let catalogue = &*with_ingested(&in_use.catalogue, &all);
            let versions = secrets.into_iter().map(|secret| (secret.name, secret.version)).collect();
            let policy = Policy::build(&all, catalogue);
            let policy = match shown {
                SecretsShown::Redacted => policy.with_stand_ins(&versions),
                SecretsShown::LeftOut => policy,
            };
            // It is asked for nothing, and sent no value of a secret.
            let checks = drift::Plan { watch: None, after_applying: false, every: None, spread: 0 };
            let PolicySubject { facts, policy: had, carriers: states, unsent, .. } = &subject;
            let decided = decide(&policy, catalogue, facts, had, &Carriers { states, unsent }, checks, now);
            let commands = decided.parcels.into_iter().map(|parcel| parcel.instruction).collect();
            let DevicePolicy { settings, active, .. } = decided.policy;
            let wanted = settings.values().filter(|setting| !setting.by.is_empty()).count();
            let goes = [PolicyState::Pending, PolicyState::Applied, PolicyState::Retracting];
            let left_out = settings.into_values().filter(|setting| !goes.contains(&setting.state));
            let left_out = left_out
                .map(|setting| LeftOut { uri: setting.uri, state: setting.state, why: setting.why.unwrap_or_default() })
                .collect();
            let secrets = needing(&all, &active, &versions);
            Foreseen { commands, wanted, left_out, activations: active.into_keys().collect(), secrets, share }
        };
        tokio::task::spawn_blocking(look).await.map(Some).map_err(|_| RolloutError::Stopped)
    }

    /// What is to be said of some declarations of a set, beside others of it that are not looked at themselves.
    pub async fn remarks(
        &self,
        set: &str,
        documents: Vec<Document>,
        beside: Vec<Declaration>,
    ) -> Result<Vec<Remark>, RolloutError> {
        let in_use = self.library.in_use().await?;
        let (_, published) = self.store.read(published).await?;
        let set = set.to_owned();
        let look = move || {
            let others = published.into_iter().filter(|(policy, _)| policy.set != set);
            let known: Vec<Declaration> = others.map(|(_, declaration)| declaration).chain(beside).collect();
            check(&documents, &known, &in_use.catalogue)
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| RolloutError::Stopped)
    }
}

/// The settings of active configurations that need the value of a secret.
fn needing(
    all: &[Declaration],
    active: &BTreeMap<String, Vec<String>>,
    versions: &BTreeMap<String, i64>,
) -> Vec<NeedsSecret> {
    let is_secret = |each: &&Declaration| matches!(&each.payload, Payload::Asset(asset) if asset.content.is_secret());
    let secrets: BTreeSet<&Identifier> = all.iter().filter(is_secret).map(|each| &each.identifier).collect();
    let applied: BTreeSet<&str> = active.values().flatten().map(String::as_str).collect();
    let mut needing = Vec::new();
    for declaration in all.iter().filter(|each| applied.contains(each.identifier.as_str())) {
        let Payload::Configuration(configuration) = &declaration.payload else { continue };
        for (uri, value) in &configuration.settings {
            let mut own: Vec<Identifier> = value.assets();
            own.retain(|asset| secrets.contains(asset));
            own.sort();
            own.dedup();
            if !own.is_empty() {
                let with_value = |name: Identifier| (name.to_string(), versions.contains_key(name.as_str()));
                let secrets = own.into_iter().map(with_value).collect();
                needing.push(NeedsSecret { uri: uri.to_string(), secrets });
            }
        }
    }
    needing
}
