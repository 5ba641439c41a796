//! Pushes against a stand-in WNS over real HTTPS, on both databases, with a clock of the tests.

mod answers;
mod outbox;
mod polls;
mod tokens;
mod users;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use transom::metrics::Metrics;
use transom::model::Edge;
use transom::model::{
    ChannelState, CommandScope, DeviceId, DeviceInfo, EnrollmentId, NewCommand, NewCommands, NewEnrollment,
    PushChannel, PushRecord, PushServiceRecord, Secret, Timestamp,
};
use transom::protocol::push::{TestHost, TokenForm, TokenRequest};
use transom::push::{Options, Push, Round};
use transom::store::{Error, Store, Tx, Woken};

use crate::support::databases::TestStore;
use crate::support::wns::Wns;

const NOW: i64 = 1_800_000_000_000;

/// The secret of the registration.
const SECRET: &str = "client-secret-hunter2";

/// A store, a stand-in WNS and a clock.
struct Bench<'a> {
    test: &'a TestStore,
    wns: Wns,
    clock: Arc<AtomicI64>,
    metrics: Metrics,
}

impl<'a> Bench<'a> {
    fn new(test: &'a TestStore) -> Self {
        Self { test, wns: Wns::start(), clock: Arc::new(AtomicI64::new(NOW)), metrics: Metrics::new() }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::SeqCst))
    }

    fn passes(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    fn options(&self) -> Options {
        Options {
            package: "Contoso.Mdm_8wekyb3d8bbwe".to_owned(),
            provider_id: "Transom".to_owned(),
            token: TokenRequest {
                form: TokenForm::Live,
                client_id: "S-1-15-2-1".to_owned(),
                client_secret: SECRET.to_owned().into(),
            },
            token_url: self.wns.token_url(),
            test_hosts: vec![TestHost::parse(&self.wns.host()).unwrap()],
            roots: vec![reqwest::Certificate::from_pem(self.wns.root().0).unwrap()],
            rate: 10_000,
            ttl: Duration::from_secs(300),
            timeout: Duration::from_secs(5),
            wake_timeout: 15 * 60 * 1000,
            channel_refresh: 1000,
        }
    }

    /// An instance.
    fn push(&self) -> Push {
        self.push_on(self.test.store.clone(), self.options())
    }

    fn push_on(&self, store: Store, options: Options) -> Push {
        let clock = Arc::clone(&self.clock);
        let now = Arc::new(move || Timestamp(clock.load(Ordering::SeqCst)));
        Push::new(store, options, self.metrics.clone(), Edge { now, jitter: Arc::new(|| 0) }).unwrap()
    }

    /// A device that is enrolled and has a channel of the same name.
    async fn device(&self, name: &str) -> EnrollmentId {
        self.device_at(name, &self.wns.channel(name)).await
    }

    async fn device_at(&self, name: &str, uri: &str) -> EnrollmentId {
        let new = NewEnrollment {
            device_id: DeviceId::parse(name).unwrap(),
            account: crate::store::account("secret"),
            info: DeviceInfo::default(),
            made: None,
        };
        let (now, channel) = (self.now(), live(uri, self.now()));
        let job = move |tx: &mut Tx<'_>| {
            let enrollment = tx.import_enrollment(&new, now)?.id;
            tx.activate_enrollment(&enrollment, now)?;
            tx.save_push_channel(&enrollment, &channel)?;
            Ok::<_, Error>(enrollment)
        };
        self.test.store.write(job).await.unwrap()
    }

    /// Gives devices something to do.
    async fn order(&self, names: &[&str]) {
        let (new, now) = (order(names), self.now());
        let enqueued = self.test.store.write(move |tx| tx.enqueue(&new, now)).await.unwrap();
        assert!(enqueued.iter().all(|device| device.commands.is_ok()));
    }

    /// A session of a device begins, after a push or by itself.
    async fn session(&self, enrollment: &EnrollmentId) -> Woken {
        let (enrollment, now) = (enrollment.clone(), self.now());
        self.test.store.write(move |tx| tx.session_followed(&enrollment, now)).await.unwrap()
    }

    async fn record(&self, enrollment: &EnrollmentId) -> PushRecord {
        let enrollment = enrollment.clone();
        self.test.store.read(move |tx| tx.push_record(&enrollment)).await.unwrap().unwrap()
    }

    /// Pushes that wait.
    async fn waiting(&self) -> i64 {
        self.test.store.read(counts).await.unwrap().0
    }
}

/// Pushes that wait, and those that are awaited.
fn counts(tx: &mut Tx<'_>) -> Result<(i64, i64), Error> {
    tx.count_pushes()
}

/// How pushes go in general.
fn service(tx: &mut Tx<'_>) -> Result<PushServiceRecord, Error> {
    tx.push_service()
}

fn round(tried: usize, accepted: usize) -> Round {
    Round { tried, accepted }
}

fn live(uri: &str, now: Timestamp) -> PushChannel {
    PushChannel {
        state: ChannelState::Live,
        reason: None,
        package: Some("Contoso.Mdm_8wekyb3d8bbwe".to_owned()),
        uri: Some(Secret::new(uri.to_owned())),
        uri_hash: None,
        status: Some(0),
        observed_at: Some(now),
        changed_at: now,
    }
}

fn order(names: &[&str]) -> NewCommands {
    let instruction = serde_json::from_str(r#"{"kind":"get","items":[{"target":"./DevDetail/SwV"}]}"#).unwrap();
    NewCommands {
        devices: names.iter().map(|name| DeviceId::parse(name).unwrap()).collect(),
        commands: vec![NewCommand { scope: CommandScope::Device, ..NewCommand::new(instruction) }],
        batch: None,
        created_by: "tests".to_owned(),
        max_open: 10_000,
        wake: true,
    }
}
