//! Bringing what is wanted to devices: what was published is gone through with every device, what a device lacks is put
//! into its queue, and what becomes of it is kept.
//!
//! One of several instances goes through the devices ([`Rollout::run`]), a few at a time, from where it stood when it was
//! stopped. What is to be done for a device is decided apart from the database; it is kept under the lock of its
//! enrollment, and only if nothing has changed since. A message that concerns no policy costs no statement.

mod afresh;
mod decide;
mod drift;
mod foresee;
mod hear;
mod overtaken;
mod publish;
mod search;
mod staged;
#[cfg(test)]
mod tests;
mod watch;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use transom_protocol::csp::LocUri;
use transom_protocol::session::{Decision, ItemOutcome, Pending, Timestamp};

use super::catalogue::{InUse, Library, LibraryError};
use super::declaration::{Declaration, read_json};
use super::reconcile::Policy;
use crate::model::{
    DevicePolicy, Edge, FactName, POLICY_ORDERS, PublishedPolicy, SecretNodes, Staged, WatchedFacts, WebhookClaim,
    watched_node,
};
use crate::store::{Contact, Error, Store, Tx};

use staged::Stages;

pub use foresee::{Foreseen, LeftOut, NeedsSecret, SecretsShown};
pub use publish::{Proposal, PublishError, Published};
/// How what would be sent is shown.
pub use transom_protocol::{session::preview, syncml::redact::redact_value};

/// The word in the name of who orders the commands.
pub const NAME: &str = "policy";

/// Choices of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Devices that are looked at in a second, at most.
    pub devices_per_second: u32,
    /// Whether it waits with a device of which build and edition are not known yet.
    pub waits_for_facts: bool,
    /// Whether devices can be woken.
    pub wakes: bool,
    /// Most commands that one queue may have.
    pub max_open: i64,
    /// Whether devices are asked for what they took.
    pub reads_back: bool,
    /// All that a device is to have is read back each time that this has passed, in milliseconds; `None`: never.
    pub verify_every: Option<i64>,
}

/// Brings what is wanted to devices. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Rollout {
    store: Store,
    library: Library,
    options: Options,
    edge: Edge,
    watched: WatchedFacts,
    secret_nodes: SecretNodes,
    claim: WebhookClaim,
    watch_root: Option<LocUri>,
    ready: Arc<RwLock<Option<Arc<Ready>>>>,
}

/// What is wanted, compiled.
#[derive(Debug)]
struct Ready {
    policy: Policy,
    /// A part of it that goes to devices in stages.
    stages: Option<Stages>,
    /// What is to be sent again that failed until then.
    again: BTreeMap<String, Timestamp>,
    in_use: Arc<InUse>,
    generation: i64,
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// The catalogue.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store.
    #[error(transparent)]
    Store(#[from] Error),
    /// The server stops.
    #[error("the server is stopping")]
    Stopped,
}

impl Rollout {
    /// On a store. `watched` is told which facts decide what devices get.
    pub fn new(store: Store, library: Library, options: Options, edge: Edge, watched: WatchedFacts) -> Self {
        let claim = WebhookClaim::new((edge.now)());
        let secret_nodes = SecretNodes::default();
        Self { store, library, options, edge, watched, secret_nodes, claim, watch_root: None, ready: Arc::default() }
    }

    /// The same; it tells which nodes hold secrets that authors put there.
    #[must_use]
    pub fn telling(self, secret_nodes: SecretNodes) -> Self {
        Self { secret_nodes, ..self }
    }

    /// Where it has the catalogue from.
    pub const fn library(&self) -> &Library {
        &self.library
    }

    /// Learns which nodes those are, before anybody may ask.
    pub async fn learn_secret_nodes(&self) -> Result<(), Error> {
        let nodes = self.store.read(|tx: &mut Tx<'_>| tx.secret_nodes()).await?;
        self.secret_nodes.set(nodes.iter().map(String::as_str));
        Ok(())
    }

    /// The same; devices watch by themselves what they have, under this name of their server.
    #[must_use]
    pub fn watching(self, provider_id: &str) -> Self {
        Self { watch_root: watched_node(provider_id), ..self }
    }

    /// Keeps what a message has told of settings.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        // Parts of a command count when they are answered.
        let says_nothing = |command: &Pending| {
            command.state.is_open() && command.progress.items.iter().all(|item| item.status.is_none())
        };
        if !contact.awaits_policies || decision.commands.iter().all(says_nothing) {
            return Ok(());
        }
        let (version, before) = match tx.device_policy(&contact.enrollment) {
            Ok(known) => known,
            // The device is heard all the same.
            Err(error @ Error::Corrupt(_)) => {
                let enrollment = contact.enrollment.as_str();
                tracing::error!(enrollment, %error, "what became of settings is not kept");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut policy = before.clone();
        let has_watched = watch::hear(&mut policy.watched, &decision.commands, now);
        let has_tried = search::hear(&mut policy, &decision.commands);
        let has_read = has_read(tx, &mut policy, decision, now)?;
        let ready = self.known();
        let is_fixed = |uri: &LocUri| {
            let hit = ready.as_ref().and_then(|ready| ready.in_use.catalogue.known(uri));
            hit.is_some_and(|hit| hit.chosen.is_empty())
        };
        let has_heard = hear::hear(&mut policy, &decision.commands, &is_fixed, now);
        if has_heard || has_read || has_tried || has_watched {
            tx.save_device_policy(&contact.enrollment, version, &before, &policy, now)?;
        }
        if has_heard || has_tried {
            tx.note_policies_heard(&contact.enrollment);
        }
        Ok(())
    }

    fn known(&self) -> Option<Arc<Ready>> {
        self.ready.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is wanted as it is published now, compiled once.
    async fn ready(&self) -> Result<Arc<Ready>, RolloutError> {
        let in_use = self.library.in_use().await?;
        let generation = self.store.read(|tx: &mut Tx<'_>| tx.policy_work()).await?.generation;
        let is_current =
            |ready: &Arc<Ready>| ready.generation == generation && ready.in_use.generation == in_use.generation;
        if let Some(ready) = self.known().filter(is_current) {
            return Ok(ready);
        }
        let question = |tx: &mut Tx<'_>| {
            let (generation, published) = published(tx)?;
            let base = base(tx, &published)?;
            let (secrets, nodes) = (tx.policy_secret_values()?, tx.secret_nodes()?);
            Ok::<_, Error>((generation, published, base, tx.policy_retries()?, secrets, nodes))
        };
        let (generation, published, base, again, secrets, nodes) = self.store.read(question).await?;
        // Before anything is sent there.
        self.secret_nodes.set(nodes.iter().map(String::as_str));
        let compile = move || {
            let declarations = declarations(published);
            // Templates that came with policies were kept with them: the catalogue has their settings.
            let policy = Policy::build(&declarations, &in_use.catalogue).with_secrets(&secrets);
            let stages = base.map(|(staged, contents)| {
                let base = Policy::build(&self::declarations(contents), &in_use.catalogue).with_secrets(&secrets);
                Stages { staged, base }
            });
            Ready { policy, stages, again, in_use, generation }
        };
        let ready = Arc::new(tokio::task::spawn_blocking(compile).await.map_err(|_| RolloutError::Stopped)?);
        let mut watched: BTreeSet<FactName> = ready.policy.facts();
        if let Some(stages) = &ready.stages {
            watched.extend(stages.base.facts());
            watched.extend(stages.staged.facts());
        }
        // What there is depends on these, whatever is wanted.
        watched.extend([FactName::OS_BUILD, FactName::OS_REVISION, FactName::OS_EDITION_ID, FactName::PROVIDERS]);
        self.watched.set(watched);
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ready));
        Ok(ready)
    }

    fn now(&self) -> Timestamp {
        (self.edge.now)()
    }
}

/// Takes what a message says of settings that were read back. Whether that was anything.
fn has_read(tx: &mut Tx<'_>, policy: &mut DevicePolicy, decision: &Decision, now: Timestamp) -> Result<bool, Error> {
    let settled = decision.commands.iter().filter(|command| !command.state.is_open());
    let mut answers: Vec<Pending> = settled.filter(|command| drift::concerns(policy, command)).cloned().collect();
    for answer in &mut answers {
        // Of a value that came in chunks the message has only the last one.
        let in_chunks = |item: &ItemOutcome| item.result.as_ref().is_some_and(|value| value.chunked);
        if answer.progress.items.iter().any(in_chunks)
            && let Some(whole) = tx.command(&answer.id)?
        {
            answer.progress = whole.progress;
        }
    }
    Ok(drift::hear(policy, &answers, now))
}

/// All that is published, and the generation that it is of.
fn published(tx: &mut Tx<'_>) -> Result<(i64, Contents), Error> {
    let generation = tx.policy_work()?.generation;
    let policies = tx.policies(None)?;
    Ok((generation, with_contents(tx, policies)?))
}

/// What is published, of which set.
type Contents = Vec<(PublishedPolicy, Declaration)>;

/// A revision that goes to devices in stages, and all that is published for those that it has not come to.
fn base(tx: &mut Tx<'_>, published: &[(PublishedPolicy, Declaration)]) -> Result<Option<(Staged, Contents)>, Error> {
    let Some(staged) = tx.policy_stage()? else { return Ok(None) };
    let of_base = tx.policies_of_revision(staged.base)?.into_iter().map(|policy| PublishedPolicy {
        identifier: policy.identifier,
        set: staged.set.clone(),
        kind: policy.kind,
        token: policy.token,
        revision: staged.base,
        changed_at: staged.changed_at,
    });
    let of_base = of_base.collect();
    let own = with_contents(tx, of_base)?;
    let others = published.iter().filter(|(policy, _)| policy.set != staged.set);
    let all = others.cloned().chain(own).collect();
    Ok(Some((staged, all)))
}

fn with_contents(tx: &mut Tx<'_>, policies: Vec<PublishedPolicy>) -> Result<Contents, Error> {
    let tokens: Vec<String> = policies.iter().map(|policy| policy.token.clone()).collect();
    let contents = tx.policy_contents(&tokens)?;
    let mut all = Vec::with_capacity(policies.len());
    for policy in policies {
        let content = contents.get(&policy.token).and_then(|text| serde_json::from_str(text).ok());
        let read = content.map(|json| read_json(&json)).and_then(|read| read.documents.into_iter().next());
        // What an older version has published and this one can't read would otherwise be taken back from all devices.
        let document = read.ok_or_else(|| Error::Corrupt(format!("the declaration {}", policy.identifier)))?;
        all.push((policy, document.declaration));
    }
    Ok(all)
}

fn declarations(contents: Contents) -> Vec<Declaration> {
    contents.into_iter().map(|(_, declaration)| declaration).collect()
}

/// Who orders the commands.
fn created_by() -> String {
    POLICY_ORDERS.to_owned()
}
