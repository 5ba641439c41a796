//! Telling others what happened: the feed that one reads, and receivers that it is sent to (webhooks).
//!
//! One reader of each instance follows the feed and passes it on to all who listen ([`Events::follow`]). Each receiver
//! has its own place in the feed and its own worker, on one of the instances ([`Events::dispatch`]): one that is slow or
//! gone holds up nobody. **A receiver is called at least once for each event, in the order of the feed.**
//!
//! Decides nothing about devices and never changes what happened.

mod address;
mod deliver;
mod follow;
mod places;
mod setup;
mod sign;
mod standing;
mod wire;

use address::checked;
pub use address::{AddressRefused, Hosts};
pub use deliver::Attempt;
pub(crate) use follow::number;
pub use follow::{Follower, News};
pub use setup::{Options, SetupError};
use sign::signature;
pub use sign::{SECRET_PREFIX, secret_text};

use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use transom_protocol::session::Timestamp;

use crate::metrics::Metrics;
use crate::model::{Edge, FeedEvent};
use crate::store::Store;
use places::Places;
use wire::Wire;

/// Events that are held for those who listen and are not as fast; who is slower reads them from the store again.
const HELD: usize = 1024;

/// Tells others. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    store: Store,
    options: Options,
    metrics: Metrics,
    edge: Edge,
    wire: Wire,
    news: broadcast::Sender<Arc<FeedEvent>>,
    head: watch::Sender<i64>,
    places: Arc<Places>,
}

impl Events {
    /// On a store. `edge` is where time and chance come from.
    pub fn new(store: Store, options: Options, metrics: Metrics, edge: Edge) -> Result<Self, SetupError> {
        let wire = Wire::new(&options)?;
        let (news, _) = broadcast::channel(HELD);
        let (head, _) = watch::channel(0);
        let places = Places::new(options.max_followers);
        Ok(Self(Arc::new(Inner { store, options, metrics, edge, wire, news, head, places })))
    }

    /// The URL of a receiver, where it may be called.
    pub fn checked(&self, url: &str) -> Result<reqwest::Url, AddressRefused> {
        checked(url, &self.0.options.hosts)
    }

    fn now(&self) -> Timestamp {
        (self.0.edge.now)()
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
