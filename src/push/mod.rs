//! Waking devices through the Windows Push Notification Services (WNS).
//!
//! A device has a channel when it was given the package family name of a registration; it reports the address of the
//! channel in its sessions ([`Push::before_message`], [`Push::after_message`]). Whoever orders a command asks for
//! a push in the same transaction (`store`), and one of the instances sends it ([`Push::round`]). WNS's word that it
//! took a push is not proof: a push has woken a device when a session follows.
//!
//! **Only addresses of WNS are called**: the address comes from a device, so that its form is checked when it is
//! reported and again when it is called, its host must not resolve to a private address, and no redirect is followed.

mod channel;
mod deliver;
mod numbers;
mod poll;
mod session;
mod setup;
mod token;
mod users;
mod wire;

pub use deliver::Round;
pub use poll::{Numbers, Plans, Polls, next_poll};
pub use setup::{Options, SetupError};
pub use users::{UserPlan, UserPlanRefused, UserPolls};

use std::sync::Arc;

use transom_protocol::session::Timestamp;

use crate::metrics::Metrics;
use crate::model::Edge;
use crate::store::{Credentials, Store};
use session::Nodes;
use wire::Wire;

/// Wakes devices. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Push(Arc<Inner>);

struct Inner {
    store: Store,
    options: Options,
    credentials: Credentials,
    metrics: Metrics,
    edge: Edge,
    wire: Wire,
    nodes: Nodes,
}

impl Push {
    /// On a store. `edge` is where time and chance come from.
    pub fn new(store: Store, options: Options, metrics: Metrics, edge: Edge) -> Result<Self, SetupError> {
        let wire = Wire::new(&options)?;
        let (credentials, nodes) = (options.credentials(), Nodes::of(&options.provider_id)?);
        Ok(Self(Arc::new(Inner { store, options, credentials, metrics, edge, wire, nodes })))
    }

    fn now(&self) -> Timestamp {
        (self.0.edge.now)()
    }

    fn jitter(&self) -> u16 {
        (self.0.edge.jitter)()
    }
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push").finish_non_exhaustive()
    }
}
