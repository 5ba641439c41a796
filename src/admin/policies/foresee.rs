//! Before anything is published: what is to be said of it, what one device would be sent, whom it concerns; and what people
//! have already, made into declarations.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::publish::{read, read_all};
use super::{PlannedDeclarationJson, PolicyRemarkJson, WorkingSet, set_of};
use crate::admin::devices::named_device;
use crate::admin::facts::condition;
use crate::admin::{Admin, DeviceQuery, Error, Fault};
use crate::model::{Instruction, PublishedPolicy, percent_text};
use crate::policy::declaration::{
    Configuration, Declaration, Document, Identifier, Level, LocUri, Payload, Remark, Value as Wanted, with_ingested,
};
use crate::policy::form::Form;
use crate::policy::import::{ImportError, Outcome, Told, import_beside};
use crate::policy::rollout::{Foreseen, NeedsSecret, Proposal, PublishError, SecretsShown, preview, redact_value};
use crate::store::Tx;

/// Most remarks that an answer has.
const MOST_REMARKS: usize = 500;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
        let (documents, remarks) = read(check.declarations).await?;
        Ok(CheckedPolicies::of(&self.said(set, documents, remarks).await?))
    }

    /// What is to be said of a set as its author has it.
    pub async fn check_working_set(&self, working: &WorkingSet) -> Result<CheckedPolicies, Error> {
        let documents = working.declarations.iter().cloned().map(Document::new).collect();
        Ok(CheckedPolicies::of(&self.said(working.set.clone(), documents, Vec::new()).await?))
    }

    async fn said(&self, set: String, documents: Vec<Document>, remarks: Vec<Remark>) -> Result<Vec<Remark>, Error> {
        let proposal =
            Proposal { set, author: String::new(), message: String::new(), documents, remarks, stages: None };
        match self.rollout()?.check(proposal).await {
            Ok(published) => Ok(published.remarks),
            Err(PublishError::Wrong(remarks)) => Ok(remarks),
            Err(PublishError::Failed(error)) => Err(error.into()),
        }
    }

    /// What is to be said of one setting, beside all others of its set.
    pub async fn check_setting(
        &self,
        working: &WorkingSet,
        identifier: &Identifier,
        (uri, value, reason): (LocUri, Wanted, Option<String>),
    ) -> Result<Vec<PolicyRemarkJson>, Error> {
        let overrides = reason.map(|reason| (uri.clone(), reason)).into_iter().collect();
        let settings = BTreeMap::from([(uri.clone(), value)]);
        let payload = Payload::Configuration(Configuration { settings, overrides, ..Configuration::default() });
        let document = Document::new(Declaration { identifier: identifier.clone(), payload });
        let beside = working.declarations.iter().filter(|each| each.identifier != *identifier).cloned().collect();
        let mut remarks = self.rollout()?.remarks(&working.set, vec![document], beside).await?;
        remarks.retain(|remark| remark.setting.as_deref() == Some(uri.as_str()));
        remarks.sort_by_key(|remark| remark.level);
        Ok(remarks.iter().take(MOST_REMARKS).map(PolicyRemarkJson::of).collect())
    }

    /// What is to be said of one declaration, beside all others of its set.
    pub async fn check_declaration(
        &self,
        working: &WorkingSet,
        declaration: Declaration,
    ) -> Result<Vec<PolicyRemarkJson>, Error> {
        let own = |each: &&Declaration| each.identifier != declaration.identifier;
        let beside = working.declarations.iter().filter(own).cloned().collect();
        let mut remarks = self.rollout()?.remarks(&working.set, vec![Document::new(declaration)], beside).await?;
        remarks.sort_by_key(|remark| remark.level);
        Ok(remarks.iter().take(MOST_REMARKS).map(PolicyRemarkJson::of).collect())
    }

    /// What one device would be sent, and on how many devices something would be another.
    pub async fn plan_policies(&self, plan: PlanPolicies) -> Result<PlannedPolicies, Error> {
        let set = set_of(plan.set.as_deref())?;
        let (published, others) = self.published_beside(&set).await?;
        let declarations = match plan.declarations {
            Some(sent) => {
                let (documents, remarks) = read(sent).await?;
                let checked = self.said(set.clone(), documents.clone(), remarks).await?;
                let errors = checked.iter().filter(|remark| remark.level == Level::Error);
                let fault = |remark: &Remark| Fault { at: "/declarations".to_owned(), what: remark.to_string() };
                let faults: Vec<Fault> = errors.take(MOST_REMARKS).map(fault).collect();
                if !faults.is_empty() {
                    let summary = format!("the declarations can't work: {} to be mended", faults.len());
                    return Err(Error::Invalid { summary, faults });
                }
                documents.into_iter().map(|document| document.declaration).collect()
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
            let unread = read_all(&json).1.into_iter().find(|remark| remark.level == Level::Error);
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

    /// The form for a setting of a set, which may bring templates of its own; what is wrong with the address where there is
    /// none.
    pub async fn setting_form(&self, working: &WorkingSet, address: &str) -> Result<Form, Error> {
        let in_use = self.library.in_use().await?;
        let catalogue = with_ingested(&in_use.catalogue, &working.declarations);
        Form::of(&catalogue, address).map_err(|error| Error::parameter("uri", error.to_string()))
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
            let others: Vec<_> = tx.policies(None)?.into_iter().filter(|policy| policy.set != set).collect();
            let activations = others.into_iter().filter(|policy| policy.kind == "activation");
            let tokens: Vec<String> = activations.map(|policy| policy.token).collect();
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
    let changed = changed(&working.published, &working.declarations);
    let uses = |declaration: &Declaration| match &declaration.payload {
        Payload::Configuration(configuration) => {
            configuration.settings.values().any(|value| value.assets().iter().any(|asset| changed.contains(asset)))
        }
        Payload::Asset(_) | Payload::Activation(_) | Payload::Management(_) => false,
    };
    let now = working.declarations.iter().filter(|each| changed.contains(&each.identifier) || uses(each));
    let configurations: BTreeSet<&Identifier> = now.map(|each| &each.identifier).chain(&changed).collect();
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

/// Declarations that are another after than before, or there only once.
fn changed(before: &[Declaration], after: &[Declaration]) -> BTreeSet<Identifier> {
    let one_way = |these: &[Declaration], those: &[Declaration]| -> Vec<Identifier> {
        these.iter().filter(|each| !those.contains(each)).map(|each| each.identifier.clone()).collect()
    };
    one_way(before, after).into_iter().chain(one_way(after, before)).collect()
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
