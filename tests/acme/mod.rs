//! Certificates for the public name from a stand-in ACME server over real HTTPS, on both databases, with a clock of the
//! tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use transom::acme::{Acme, Options, Round};
use transom::model::{Edge, PublicCertificateState, Timestamp};
use transom::pki::AuthorityKey;
use transom::pki::public::PublicCertificate;
use transom::store::{Store, Tx};

use crate::scenarios;
use crate::support::acme::{AcmeServer, Fault};
use crate::support::databases::TestStore;

scenarios!(
    a_certificate_is_renewed_when_two_thirds_of_its_life_are_over_and_shown_until_it_ends,
    what_goes_wrong_is_told_and_tried_again_ever_later,
    another_name_or_kind_of_key_wants_another_certificate,
    a_certificate_for_another_key_is_not_taken,
    an_account_that_was_forgotten_is_made_again,
    instances_order_one_certificate_and_show_the_same,
);

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A stand-in, and a clock.
struct Bench {
    server: AcmeServer,
    clock: Arc<AtomicI64>,
}

/// An instance with what it shows.
struct Instance {
    acme: Acme,
    public: Arc<PublicCertificate>,
}

impl Bench {
    fn new() -> Self {
        let server = AcmeServer::start();
        // What is proved at doors is proved end to end.
        server.leads_to([]);
        Self { server, clock: Arc::new(AtomicI64::new(jiff::Timestamp::now().as_millisecond())) }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::SeqCst))
    }

    fn passes(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    fn options(&self) -> Options {
        Options {
            directory: self.server.directory(),
            contacts: vec!["mailto:it@example.com".to_owned()],
            names: vec!["mdm.example.com".to_owned(), "enterpriseenrollment.example.com".to_owned()],
            key: AuthorityKey::P256,
            roots: vec![reqwest::Certificate::from_pem(&std::fs::read(self.server.root()).unwrap()).unwrap()],
            timeout: Duration::from_secs(2),
            order_timeout: Duration::from_secs(20),
            spread: Duration::ZERO,
        }
    }

    fn instance(&self, store: &Store, options: Options) -> Instance {
        let (clock, public) = (Arc::clone(&self.clock), Arc::new(PublicCertificate::default()));
        let now = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        let edge = Edge { now, jitter: Arc::new(|| u16::MAX / 2) };
        Instance { acme: Acme::new(store.clone(), options, Arc::clone(&public), edge).unwrap(), public }
    }
}

impl Instance {
    async fn round(&self) -> Round {
        self.acme.round().await.unwrap()
    }

    /// The number of what is shown.
    fn shows(&self, now: Timestamp) -> Option<u64> {
        self.public.current(now).map(|(number, _)| number)
    }
}

async fn state(test: &TestStore) -> PublicCertificateState {
    test.store.read(|tx: &mut Tx<'_>| tx.public_certificate()).await.unwrap()
}

async fn a_certificate_is_renewed_when_two_thirds_of_its_life_are_over_and_shown_until_it_ends(test: &TestStore) {
    let bench = Bench::new();
    let instance = bench.instance(&test.store, bench.options());
    assert_eq!(instance.shows(bench.now()), None);
    assert_eq!(instance.round().await, Round::Issued);
    assert_eq!(instance.shows(bench.now()), Some(1));
    let (_, shown) = instance.public.current(bench.now()).unwrap();
    assert!(shown.is_for("mdm.example.com") && shown.is_for("enterpriseenrollment.example.com"));
    assert_eq!(shown.intermediates().len(), 1);
    assert_eq!(instance.round().await, Round::Nothing);
    bench.passes(59 * DAY);
    assert_eq!(instance.round().await, Round::Nothing);
    // 60 days, and up to a twenty-fourth of the life by chance.
    bench.passes(5 * DAY);
    assert_eq!(instance.round().await, Round::Issued);
    assert_eq!((instance.shows(bench.now()), bench.server.certificates()), (Some(2), 2));
    assert_eq!(bench.server.accounts(), 1, "the account is kept");
    // Another one that starts has it at once, and calls nobody.
    let orders = bench.server.orders();
    let later = bench.instance(&test.store, bench.options());
    assert_eq!(later.acme.look().await.unwrap().number, 2);
    assert_eq!((later.shows(bench.now()), bench.server.orders()), (Some(1), orders));
    // Real time is that of the certificates: this clock is 64 days ahead of it.
    bench.passes(27 * DAY);
    assert_eq!(later.shows(bench.now()), None, "one that has ended is not shown");
}

async fn what_goes_wrong_is_told_and_tried_again_ever_later(test: &TestStore) {
    let bench = Bench::new();
    let options = Options { order_timeout: Duration::from_secs(3), ..bench.options() };
    let instance = bench.instance(&test.store, options);
    bench.server.fails([Fault::NotBelieved, Fault::Hang, Fault::RateLimited(3600)]);
    let mut waits = Vec::new();
    for (number, words) in [(1, "that is not the proof"), (2, "tim"), (3, "too many certificates")] {
        assert_eq!(instance.round().await, Round::Failed);
        let state = state(test).await;
        assert!(state.problem.as_deref().is_some_and(|problem| problem.contains(words)), "{words}: {state:?}");
        assert_eq!((state.failures, state.turn_until, state.challenges.len()), (number, None, 0));
        let again = state.again_at.unwrap().millis_since(bench.now());
        bench.passes(again - 1);
        assert_eq!(instance.round().await, Round::Nothing, "not before its time");
        bench.passes(1);
        waits.push(again);
    }
    assert!((45_000..=75_000).contains(&waits[0]) && (90_000..=150_000).contains(&waits[1]), "{waits:?}");
    assert_eq!(waits[2], 3_600_000, "as the server asked");
    assert_eq!(instance.shows(bench.now()), None);
    assert_eq!(instance.round().await, Round::Issued);
    let state = state(test).await;
    assert_eq!((state.failures, state.problem, state.again_at), (0, None, None));
}

async fn another_name_or_kind_of_key_wants_another_certificate(test: &TestStore) {
    let bench = Bench::new();
    assert_eq!(bench.instance(&test.store, bench.options()).round().await, Round::Issued);
    let other = Options { names: vec!["other.example.com".to_owned()], ..bench.options() };
    let instance = bench.instance(&test.store, other.clone());
    assert_eq!(instance.round().await, Round::Issued);
    assert!(instance.public.current(bench.now()).unwrap().1.is_for("other.example.com"));
    let instance = bench.instance(&test.store, Options { key: AuthorityKey::Rsa2048, ..other });
    assert_eq!(instance.round().await, Round::Issued);
    let (_, shown) = instance.public.current(bench.now()).unwrap();
    assert_eq!(shown.description().unwrap().unwrap().key, "RSA 2048");
}

async fn a_certificate_for_another_key_is_not_taken(test: &TestStore) {
    let bench = Bench::new();
    let instance = bench.instance(&test.store, bench.options());
    bench.server.fails([Fault::WrongKey]);
    assert_eq!(instance.round().await, Round::Failed);
    let state = state(test).await;
    assert!(state.problem.unwrap().contains("not for this key"));
    assert_eq!((instance.shows(bench.now()), state.number), (None, 0));
}

async fn an_account_that_was_forgotten_is_made_again(test: &TestStore) {
    let bench = Bench::new();
    let instance = bench.instance(&test.store, bench.options());
    bench.server.fails([Fault::Forgotten]);
    assert_eq!(instance.round().await, Round::Failed);
    bench.passes(5 * MINUTE);
    assert_eq!(instance.round().await, Round::Issued);
    assert_eq!(bench.server.accounts(), 2);
}

async fn instances_order_one_certificate_and_show_the_same(test: &TestStore) {
    let bench = Bench::new();
    let instances: Vec<Instance> = (0..4).map(|_| bench.instance(&test.store, bench.options())).collect();
    let rounds = futures_util::future::join_all(instances.iter().map(Instance::round)).await;
    assert_eq!(rounds.iter().filter(|round| **round == Round::Issued).count(), 1, "{rounds:?}");
    for instance in &instances {
        assert_eq!(instance.round().await, Round::Nothing);
        assert!(instance.shows(bench.now()).is_some());
    }
    assert_eq!((bench.server.orders(), bench.server.accounts()), (1, 1));
    let shown = instances.iter().map(|instance| instance.public.current(bench.now()).unwrap().1.chain_pem().unwrap());
    let shown: std::collections::BTreeSet<Vec<u8>> = shown.collect();
    assert_eq!(shown.len(), 1);
    // Whoever has the turn and is gone does not keep it.
    bench.passes(70 * DAY);
    let now = bench.now();
    assert!(test.store.write(move |tx| tx.take_certificate_turn(1, MINUTE, now)).await.unwrap());
    assert_eq!(instances[0].round().await, Round::Nothing);
    bench.passes(MINUTE);
    assert_eq!(instances[0].round().await, Round::Issued);
}
