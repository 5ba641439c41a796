//! Bringing what is wanted to devices: what was published is gone through with every device, what a device lacks is put
//! into its queue, and what becomes of it is kept.
//!
//! One of several instances goes through the devices ([`Rollout::run`]), a few at a time, from where it stood when it was
//! stopped. What is to be done for a device is decided apart from the database; it is kept under the lock of its
//! enrollment, and only if nothing has changed since. A message that concerns no policy costs no statement.

mod decide;
mod hear;
mod publish;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use transom_protocol::csp::LocUri;
use transom_protocol::session::{Decision, Timestamp};

use super::catalogue::{InUse, Library, LibraryError};
use super::declaration::{Declaration, read_json};
use super::reconcile::Policy;
use crate::model::{Edge, FactName, POLICY_ORDERS, PublishedPolicy, WatchedFacts, WebhookClaim};
use crate::store::{Contact, Error, Store, Tx};

pub use publish::{Proposal, PublishError, Published};

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
}

/// Brings what is wanted to devices. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct Rollout {
    store: Store,
    library: Library,
    options: Options,
    edge: Edge,
    watched: WatchedFacts,
    claim: WebhookClaim,
    ready: Arc<RwLock<Option<Arc<Ready>>>>,
}

/// What is wanted, compiled.
#[derive(Debug)]
struct Ready {
    policy: Policy,
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
        Self { store, library, options, edge, watched, claim, ready: Arc::default() }
    }

    /// Keeps what a message has told of settings.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        if !contact.awaits_policies || decision.commands.iter().all(|command| command.state.is_open()) {
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
        let ready = self.known();
        let is_fixed = |uri: &LocUri| {
            let hit = ready.as_ref().and_then(|ready| ready.in_use.catalogue.known(uri));
            hit.is_some_and(|hit| hit.chosen.is_empty())
        };
        if hear::hear(&mut policy, &decision.commands, &is_fixed, now) {
            tx.save_device_policy(&contact.enrollment, version, &before, &policy, now)?;
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
        let (generation, published) = self.store.read(published).await?;
        let compile = move || {
            let declarations: Vec<Declaration> = published.into_iter().map(|(_, declaration)| declaration).collect();
            let policy = Policy::build(&declarations, &in_use.catalogue);
            Ready { policy, in_use, generation }
        };
        let ready = Arc::new(tokio::task::spawn_blocking(compile).await.map_err(|_| RolloutError::Stopped)?);
        let mut watched: BTreeSet<FactName> = ready.policy.facts();
        watched.extend([FactName::OS_BUILD, FactName::OS_REVISION, FactName::OS_EDITION_ID]);
        self.watched.set(watched);
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ready));
        Ok(ready)
    }

    fn now(&self) -> Timestamp {
        (self.edge.now)()
    }
}

/// All that is published, and the generation that it is of.
fn published(tx: &mut Tx<'_>) -> Result<(i64, Vec<(PublishedPolicy, Declaration)>), Error> {
    let generation = tx.policy_work()?.generation;
    let policies = tx.policies(None)?;
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
    Ok((generation, all))
}

/// Who orders the commands.
fn created_by() -> String {
    POLICY_ORDERS.to_owned()
}
