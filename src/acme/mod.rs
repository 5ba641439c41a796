//! A certificate for the public name of the device door from an ACME server (RFC 8555).
//!
//! One certificate for all instances, kept in the store with its key and the key of the account, both sealed. One instance
//! at a time orders ([`Acme::round`]); all of them show what the ACME server wants to see on the device door
//! (`tls-alpn-01`, RFC 8737), because nobody knows which of them it reaches, and the new certificate when it is there.
//! Nothing waits for an ACME server: until there is a certificate, or when one has ended, the door shows the one of its
//! files.

mod order;
mod setup;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;
use transom_protocol::session::Timestamp;

pub use setup::{Options, SetupError};

use crate::model::{Challenges, Edge, IssuedPublicCertificate, PublicCertificateState, work};
use crate::pki::{ServerIdentity, public::PublicCertificate};
use crate::store::{Error, Store, Tx};
use order::Problem;
use wire::Wire;

/// How often an instance looks what the others do.
pub const LOOKS_EVERY: Duration = Duration::from_secs(3);

/// How long an instance keeps its turn beyond the deadline of an order, in milliseconds.
const GRACE: i64 = 30_000;

/// How long nothing is tried after the first failure, in milliseconds; twice as long after each further one.
const FIRST_WAIT: i64 = 60_000;

/// The longest time between two tries: certificates last for weeks.
const LONGEST_WAIT: i64 = 6 * 60 * 60 * 1000;

/// The longest time that an ACME server may ask for.
const MOST_ASKED: i64 = 7 * 24 * 60 * 60 * 1000;

/// Orders certificates. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Acme(Arc<Inner>);

struct Inner {
    store: Store,
    options: Options,
    wanted: String,
    wire: Wire,
    public: Arc<PublicCertificate>,
    edge: Edge,
    seen: Mutex<Seen>,
}

/// What this instance shows.
#[derive(Default)]
struct Seen {
    number: i64,
    challenges: Challenges,
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Nothing was to be done, or another instance does it.
    Nothing,
    /// A certificate was issued.
    Issued,
    /// None was; the store says why.
    Failed,
}

impl Acme {
    /// On a store; certificates are shown by `public`. `edge` is where time and chance come from.
    pub fn new(store: Store, options: Options, public: Arc<PublicCertificate>, edge: Edge) -> Result<Self, SetupError> {
        let (wire, wanted) = (Wire::new(&options)?, options.wanted());
        Ok(Self(Arc::new(Inner { store, options, wanted, wire, public, edge, seen: Mutex::default() })))
    }

    /// Looks after the certificate for as long as the program runs.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::error!(%error, "could not look after the public certificate");
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }

    /// Shows what there is in the store, and says how it stands. Calls nobody.
    pub async fn look(&self) -> Result<PublicCertificateState, Error> {
        let state = self.0.store.read(|tx: &mut Tx<'_>| tx.public_certificate()).await?;
        if state.number != self.seen(|seen| seen.number) {
            let kept = self.0.store.read(|tx: &mut Tx<'_>| tx.public_certificate_with_key()).await?;
            if let Some((chain, key)) = kept {
                match ServerIdentity::from_pem(chain.as_bytes(), &key) {
                    Ok(identity) => self.0.public.show(identity),
                    Err(error) => tracing::error!(%error, "the public certificate in the database can't be used"),
                }
            }
            self.seen(|seen| seen.number = state.number);
        }
        self.expect(&state.challenges);
        Ok(state)
    }

    /// Orders a certificate where one is due and it is this instance's turn.
    pub async fn round(&self) -> Result<Round, Error> {
        let state = self.look().await?;
        let now = self.now();
        if !self.is_due(&state, now) || state.again_at.is_some_and(|at| at > now) {
            return Ok(Round::Nothing);
        }
        let lease = millis(self.0.options.order_timeout).saturating_add(GRACE);
        let turn = move |tx: &mut Tx<'_>| tx.take_certificate_turn(state.number, lease, now);
        if !self.0.store.write(turn).await? {
            return Ok(Round::Nothing);
        }
        tracing::info!(names = ?self.0.options.names, "ordering a certificate");
        let ordered =
            tokio::time::timeout(self.0.options.order_timeout, self.order().instrument(work("certificate.order")))
                .await;
        let ordered = ordered.unwrap_or_else(|_| Err(Problem::Said("it took too long".to_owned())));
        match ordered {
            Ok((issued, key)) => {
                tracing::info!(ends_at = %crate::model::rfc3339_text(issued.ends_at), "a certificate was issued");
                self.0.store.write(move |tx: &mut Tx<'_>| tx.save_public_certificate(&issued, &key)).await?;
                self.look().await?;
                Ok(Round::Issued)
            }
            Err(Problem::Store(error)) => Err(error),
            Err(Problem::Said(problem)) => {
                tracing::error!(%problem, "no certificate was issued; the one before stays as long as it is valid");
                let (now, wait) = (self.now(), self.wait(state.failures));
                let again = now.plus_millis(wait);
                let keep = move |tx: &mut Tx<'_>| tx.save_certificate_problem(&problem, again, now);
                self.0.store.write(keep).await?;
                self.look().await?;
                Ok(Round::Failed)
            }
        }
    }

    /// Whether it is time for a certificate: there is none, it is for something else, or two thirds of its life are over.
    fn is_due(&self, state: &PublicCertificateState, now: Timestamp) -> bool {
        let fits = state.wanted.as_deref() == Some(self.0.wanted.as_str());
        match state.begins_at.zip(state.ends_at) {
            Some((begins, ends)) if fits => renewal(begins, ends, &self.0.wanted, state.number) <= now,
            _ => true,
        }
    }

    /// How long nothing is tried after one more failure: what the ACME server asked for, or ever longer.
    fn wait(&self, failures: u32) -> i64 {
        let longer = FIRST_WAIT.saturating_mul(1_i64 << failures.min(16)).min(LONGEST_WAIT);
        // From three quarters to five quarters of it.
        let jitter = longer / 4 * i64::from((self.0.edge.jitter)()) * 2 / i64::from(u16::MAX);
        let asked = self.0.wire.asked_to_wait().map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
        match asked {
            Some(seconds) => seconds.saturating_mul(1000).clamp(1000, MOST_ASKED),
            None => longer - longer / 4 + jitter,
        }
    }

    /// Shows to ACME servers what an order wants to be shown.
    fn expect(&self, challenges: &Challenges) {
        if self.seen(|seen| seen.challenges == *challenges) {
            return;
        }
        if let Err(error) = self.0.public.prove(challenges, self.now()) {
            tracing::error!(%error, "can't answer the ACME server");
        }
        self.seen(|seen| seen.challenges.clone_from(challenges));
    }

    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Timestamp {
        (self.0.edge.now)()
    }
}

/// When a certificate is renewed: after two thirds of its life, and a little later by chance, which is the same for all
/// instances, so that not all servers of the world come at the same minute.
pub fn renewal(begins: Timestamp, ends: Timestamp, wanted: &str, number: i64) -> Timestamp {
    let life = ends.millis_since(begins).max(0);
    let hash = Sha256::new().chain_update(wanted).chain_update(number.to_be_bytes()).finalize();
    let chance = hash.iter().take(2).fold(0_i64, |sum, byte| sum << 8 | i64::from(*byte));
    begins.plus_millis(life / 3 * 2 + life / 24 / 65_536 * chance)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What was issued has to be what was asked for, and fit the key.
fn issued(chain: String, key: &[u8], wanted: &str, names: &[String]) -> Result<IssuedPublicCertificate, String> {
    let identity = ServerIdentity::from_pem(chain.as_bytes(), key).map_err(|error| said(&error))?;
    if let Some(name) = names.iter().find(|name| !identity.is_for(name)) {
        return Err(format!("the certificate that was issued is not for {name}"));
    }
    let description = identity.description().ok_or("the ACME server sent no certificate")?;
    let description = description.map_err(|error| said(&error))?;
    let (begins_at, ends_at) = (description.not_before, description.not_after);
    Ok(IssuedPublicCertificate { wanted: wanted.to_owned(), chain, begins_at, ends_at })
}

fn said(error: &dyn std::error::Error) -> String {
    format!("what was issued can't be used: {error}")
}

impl std::fmt::Debug for Acme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acme").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life_and_not_by_all_at_once() {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let (begins, ends) = (Timestamp(1_800_000_000_000), Timestamp(1_800_000_000_000 + 90 * DAY));
        let times: Vec<i64> =
            (0..50).map(|number| renewal(begins, ends, "wanted", number).millis_since(begins)).collect();
        assert!(times.iter().all(|time| (60 * DAY..64 * DAY).contains(time)), "{times:?}");
        assert!(times.iter().max().unwrap() - times.iter().min().unwrap() > DAY, "{times:?}");
        assert_eq!(renewal(begins, ends, "wanted", 7), renewal(begins, ends, "wanted", 7));
    }
}
