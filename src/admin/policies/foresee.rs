//! Before anything is published: what is to be said of it, what one device would be sent, whom it concerns; and what people
//! have already, made into declarations.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::compare::{between, by_name};
use super::publish::{MOST_REMARKS, Sent, read, read_all, wrong};
use super::reach::users;
use super::{PlannedDeclarationJson, PolicyRemarkJson, WorkingSet, set_of};
use crate::admin::devices::named_device;
use crate::admin::facts::condition;
use crate::admin::{Admin, DeviceQuery, Error};
use crate::model::{Instruction, PublishedPolicy, percent_text};
use crate::policy::declaration::{
    Declaration, Document, Identifier, Kind, Level, Payload, Read, Remark, each_once, each_once_if_any,
};
use crate::policy::import::{ImportError, Outcome, Told, import_beside};
use crate::policy::rollout::{Foreseen, NeedsSecret, Proposal, PublishError, SecretsShown, preview, redact_value};
use crate::store::Tx;

/// Devices that are counted for a condition; beyond that there are more.
const COUNTED: usize = 100;

/// Activations that are looked at for whom a change concerns.
const MOST_ACTIVATIONS: usize = 20;

/// Longest profile that is imported over the wire, in bytes.
pub const MAX_PROFILE: usize = 4 * 1024 * 1024;

/// Declarations to be checked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckPolicies {
    /// The set that they are to be; `default` when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// All declarations of the set.
    #[schema(value_type = Vec<Object>)]
    #[serde(deserialize_with = "each_once")]
    pub declarations: Vec<Value>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckedPolicies {
    /// How many errors there are: with one it can't be published.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// How many notes.
    pub notes: usize,
    /// The first 500 of them.
    pub remarks: Vec<PolicyRemarkJson>,
}

/// For which device something is to be planned.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanPolicies {
    /// The device; nothing to learn only on how many devices something would be another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The set that the declarations are to be; `default` when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// All declarations of the set; what is published of it when nothing is said.
    #[serde(default, deserialize_with = "each_once_if_any", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub declarations: Option<Vec<Value>>,
}

/// What a device would be sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedPolicies {
    /// The commands, in this order; secrets are left out.
    #[schema(value_type = Vec<crate::admin::schema::Instruction>)]
    pub commands: Vec<Instruction>,
    /// The same as they would be written in a message.
    pub syncml: String,
    /// Settings that the device is to have, those that it has already as well.
    pub wanted: usize,
    /// Settings that are not sent.
    pub left_out: Vec<UnplannedSetting>,
    /// The activations that hold for the device.
    pub activations: Vec<String>,
    /// Settings of these that need the value of a secret.
    pub secrets: Vec<SecretSetting>,
    /// The smallest share of all devices among which this one is: published in stages, it gets it with the first that is
    /// not smaller, or with one whose condition holds for it.
    pub stage_share: String,
    /// Declarations that would be others than those that are published, with how many devices that concerns.
    #[serde(default)]
    pub declarations: Vec<PlannedDeclarationJson>,
}

/// A setting that needs the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretSetting {
    /// Its address, as its author wrote it.
    pub target: String,
    /// The secrets that have a value.
    pub set: Vec<String>,
    /// Those that have none: the setting is not sent before they have.
    pub missing: Vec<String>,
}

/// A setting that is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnplannedSetting {
    /// Its address.
    pub target: String,
    /// Where it would stand: `not_applicable`, `conflict`, `unresolved`, `kept` and the like.
    pub state: String,
    /// Why.
    pub why: String,
}

/// A profile of another server.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportPolicies {
    /// What its configuration is called where the profile has no name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The profile: `SyncML`, or an export of Intune as JSON.
    pub text: String,
}

/// What a profile became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedPolicies {
    /// Settings that were taken.
    pub taken: usize,
    /// That a person has to look at.
    pub doubtful: usize,
    /// That were left out.
    pub left_out: usize,
    /// The declarations, as they stand in files.
    #[schema(value_type = Vec<Object>)]
    pub declarations: Vec<Value>,
    /// What became of each setting.
    pub settings: Vec<ImportedSetting>,
}

/// What became of one thing that stood in a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedSetting {
    /// The configuration that it was to be in.
    pub configuration: String,
    /// Its address, or what it is called where it comes from.
    pub setting: String,
    /// `taken`, `doubtful` or `left_out`.
    pub outcome: String,
    /// What is to be said of it.
    pub what: String,
}

/// Devices for which a condition holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fitting {
    /// How many, up to a hundred.
    pub count: usize,
    /// There are more, or there may be: nobody looked further.
    pub has_more: bool,
    /// The first ones: id and name.
    pub first: Vec<(String, String)>,
}

/// An activation that a change concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// Which.
    pub identifier: String,
    /// On how many devices it stands now.
    pub now: i64,
    /// For which devices it is to hold; nothing where it goes.
    pub then: Option<Fitting>,
}

impl CheckedPolicies {
    fn of(remarks: &[Remark]) -> Self {
        let count = |level| remarks.iter().filter(|remark| remark.level == level).count();
        let mut sorted: Vec<&Remark> = remarks.iter().collect();
        sorted.sort_by_key(|remark| remark.level);
        Self {
            errors: count(Level::Error),
            warnings: count(Level::Warning),
            notes: count(Level::Note),
            remarks: sorted.into_iter().take(MOST_REMARKS).map(PolicyRemarkJson::of).collect(),
        }
    }
}

impl Admin {
    /// What is to be said of declarations. Nothing is kept.
    pub async fn check_policies(&self, check: CheckPolicies) -> Result<CheckedPolicies, Error> {
        let set = set_of(check.set.as_deref())?;
        let sent = read(check.declarations).await?;
        Ok(CheckedPolicies::of(&self.said(set, sent.read).await?))
    }

    /// What is to be said of a set as its author has it.
    pub async fn check_working_set(&self, working: &WorkingSet) -> Result<CheckedPolicies, Error> {
        let documents = working.declarations.iter().cloned().map(Document::new).collect();
        let read = Read { documents, ..Read::default() };
        Ok(CheckedPolicies::of(&self.said(working.set.clone(), read).await?))
    }

    async fn said(&self, set: String, read: Read) -> Result<Vec<Remark>, Error> {
        let Read { documents, broken, remarks } = read;
        let (author, message) = (String::new(), String::new());
        let proposal = Proposal { set, author, message, documents, broken, remarks, stages: None };
        match self.rollout()?.check(proposal).await {
            Ok(published) => Ok(published.remarks),
            Err(PublishError::Wrong(remarks)) => Ok(remarks),
            Err(PublishError::Failed(error)) => Err(error.into()),
        }
    }

    /// What one device would be sent, and on how many devices something would be another.
    pub async fn plan_policies(&self, plan: PlanPolicies) -> Result<PlannedPolicies, Error> {
        let set = set_of(plan.set.as_deref())?;
        let (published, others) = self.published_beside(&set).await?;
        let declarations = match plan.declarations {
            Some(sent) => {
                let Sent { read, names } = read(sent).await?;
                let remarks = self.said(set.clone(), read.clone()).await?;
                if remarks.iter().any(|remark| remark.level == Level::Error) {
                    return Err(wrong(&remarks, &names, "nothing was planned"));
                }
                read.documents.into_iter().map(|document| document.declaration).collect()
            }
            None => published.clone(),
        };
        let reach = self.reach(&published, &declarations, &others).await?;
        let planned = match &plan.device_id {
            // Somebody may send these commands.
            Some(device) => self.plan_for(device, &set, declarations, SecretsShown::LeftOut).await?,
            None => PlannedPolicies::default(),
        };
        Ok(PlannedPolicies { declarations: reach, ..planned })
    }

    /// What one device would be sent if a set were so.
    pub async fn plan_for(
        &self,
        device: &str,
        set: &str,
        declarations: Vec<Declaration>,
        shown: SecretsShown,
    ) -> Result<PlannedPolicies, Error> {
        let device = named_device(device)?;
        let foreseen = self.rollout()?.foresee(&device, set, declarations, shown).await?;
        foreseen.map(PlannedPolicies::of).ok_or(Error::NotFound("device under management"))
    }

    /// What is published of a set, and of the others.
    async fn published_beside(&self, set: &str) -> Result<(Vec<Declaration>, Vec<Declaration>), Error> {
        let set = set.to_owned();
        let job = move |tx: &mut Tx<'_>| {
            let (own, others): (Vec<_>, Vec<_>) = tx.policies(None)?.into_iter().partition(|policy| policy.set == set);
            let mut contents = |policies: Vec<PublishedPolicy>| {
                let tokens: Vec<String> = policies.into_iter().map(|policy| policy.token).collect();
                super::drafts::kept(&super::revisions::contents(tx, &tokens)?)
            };
            Ok::<_, Error>((contents(own)?, contents(others)?))
        };
        self.store.read(job).await
    }

    /// Makes declarations of a profile. Nothing is kept.
    pub async fn import_policies(&self, profile: ImportPolicies) -> Result<ImportedPolicies, Error> {
        Ok(self.import_beside(profile, BTreeSet::new()).await?.1)
    }

    /// The same beside what has these names, and the declarations themselves.
    pub async fn import_beside(
        &self,
        profile: ImportPolicies,
        taken: BTreeSet<Identifier>,
    ) -> Result<(Vec<Declaration>, ImportedPolicies), Error> {
        if profile.text.len() > MAX_PROFILE {
            return Err(Error::invalid("/text", format!("a profile has at most {MAX_PROFILE} bytes")));
        }
        let in_use = self.library.in_use().await?;
        let job = move || {
            let name = profile.name.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or("imported");
            let made = import_beside(name, &profile.text, &in_use.catalogue, taken)?;
            let json: Vec<Value> = made.declarations.iter().map(Declaration::to_json).collect();
            let unread = read_all(&json).read.remarks.into_iter().find(|remark| remark.level == Level::Error);
            Ok((made, json, unread))
        };
        let made = tokio::task::spawn_blocking(job).await.map_err(|_| Error::Busy)?;
        let (made, json, unread) = made.map_err(|error: ImportError| Error::invalid("/text", error.to_string()))?;
        if let Some(remark) = unread {
            return Err(Error::invalid("/text", format!("what it makes can't be read again: {remark}")));
        }
        let of = |outcome| made.told.iter().filter(|told| told.outcome == outcome).count();
        let told = ImportedPolicies {
            taken: of(Outcome::Taken),
            doubtful: of(Outcome::Doubtful),
            left_out: of(Outcome::LeftOut),
            declarations: json,
            settings: made.told.into_iter().map(ImportedSetting::from).collect(),
        };
        Ok((made.declarations, told))
    }

    /// For which devices a condition holds: counted up to a hundred, and no further looked for than one page of a list.
    pub async fn fitting(&self, when: Option<&str>) -> Result<Fitting, Error> {
        condition(when)?;
        let query = DeviceQuery { condition: when.map(str::to_owned), limit: Some(COUNTED), ..DeviceQuery::default() };
        let page = self.devices(query).await?;
        let first = page.items.iter().take(10);
        let first = first.map(|device| (device.id.clone(), device.info.name.clone().unwrap_or_default())).collect();
        Ok(Fitting { count: page.items.len(), has_more: page.next_cursor.is_some(), first })
    }

    /// The activations that a change of a set concerns, with their devices.
    pub async fn affected(&self, working: &WorkingSet) -> Result<Vec<Affected>, Error> {
        let set = working.set.clone();
        let job = move |tx: &mut Tx<'_>| {
            // An asset may be used in another set, and a configuration applied there.
            let needed = [Kind::Activation, Kind::Configuration].map(Kind::as_str);
            let is_needed = |policy: &PublishedPolicy| policy.set != set && needed.contains(&policy.kind.as_str());
            let others = tx.policies(None)?.into_iter().filter(is_needed);
            let tokens: Vec<String> = others.map(|policy| policy.token).collect();
            let others = super::drafts::kept(&super::revisions::contents(tx, &tokens)?)?;
            Ok::<_, Error>((others, tx.policy_counts(None)?))
        };
        let (others, counts) = self.store.read(job).await?;
        let mut affected = Vec::new();
        for (identifier, when) in concerned(working, &others).into_iter().take(MOST_ACTIVATIONS) {
            let then = match &when {
                // What is wrong with a condition is said where the draft is checked.
                Then::When(when) => Some(self.fitting(when.as_deref()).await.unwrap_or_default()),
                Then::Gone => None,
            };
            let now = counts.get(&identifier).map_or(0, |states| states.values().sum());
            affected.push(Affected { identifier, now, then });
        }
        Ok(affected)
    }
}

/// What becomes of an activation.
enum Then {
    /// It holds under a condition, or for all.
    When(Option<String>),
    /// It goes.
    Gone,
}

/// Activations that a change concerns.
fn concerned(working: &WorkingSet, others: &[Declaration]) -> BTreeMap<String, Then> {
    let changes = between(by_name(&working.published), by_name(&working.declarations));
    let changed: BTreeSet<&Identifier> = changes.into_keys().collect();
    let users = users(working.declarations.iter().chain(others));
    let of_assets = changed.iter().filter_map(|name| users.get(*name)).flatten().copied();
    let configurations: BTreeSet<&Identifier> = of_assets.chain(changed.iter().copied()).collect();
    let mut concerned = BTreeMap::new();
    for declaration in working.declarations.iter().chain(others) {
        let Payload::Activation(activation) = &declaration.payload else { continue };
        let applies = activation.configurations.iter().any(|name| configurations.contains(name));
        if applies || changed.contains(&declaration.identifier) {
            concerned.insert(declaration.identifier.to_string(), Then::When(activation.when.clone()));
        }
    }
    for declaration in &working.published {
        let is_activation = matches!(declaration.payload, Payload::Activation(_));
        if is_activation && working.find(declaration.identifier.as_str()).is_none() {
            concerned.insert(declaration.identifier.to_string(), Then::Gone);
        }
    }
    concerned
}

impl PlannedPolicies {
    fn of(foreseen: Foreseen) -> Self {
        let syncml = preview(&foreseen.commands);
        let left_out = foreseen.left_out.into_iter().map(|left_out| UnplannedSetting {
            target: left_out.uri,
            state: left_out.state.to_string(),
            why: left_out.why,
        });
        Self {
            syncml,
            wanted: foreseen.wanted,
            left_out: left_out.collect(),
            activations: foreseen.activations,
            declarations: Vec::new(),
            secrets: foreseen.secrets.into_iter().map(SecretSetting::from).collect(),
            stage_share: percent_text(foreseen.share),
            commands: foreseen.commands.into_iter().map(without_secrets).collect(),
        }
    }
}

impl From<NeedsSecret> for SecretSetting {
    fn from(needs: NeedsSecret) -> Self {
        let (set, missing): (Vec<_>, Vec<_>) = needs.secrets.into_iter().partition(|(_, has_value)| *has_value);
        let names = |all: Vec<(String, bool)>| all.into_iter().map(|(name, _)| name).collect();
        Self { target: needs.uri, set: names(set), missing: names(missing) }
    }
}

fn without_secrets(mut instruction: Instruction) -> Instruction {
    let operations = match &mut instruction {
        Instruction::Single(operation) => std::slice::from_mut(operation),
        Instruction::Group { operations, .. } => operations.as_mut_slice(),
    };
    for item in operations.iter_mut().flat_map(|operation| &mut operation.items) {
        item.data = item.data.take().map(|data| redact_value(item.target.as_str(), &data).into_owned());
    }
    instruction
}

impl From<Told> for ImportedSetting {
    fn from(told: Told) -> Self {
        let outcome = match told.outcome {
            Outcome::Taken => "taken",
            Outcome::Doubtful => "doubtful",
            Outcome::LeftOut => "left_out",
        };
        Self { configuration: told.configuration, setting: told.setting, outcome: outcome.to_owned(), what: told.what }
    }
}
