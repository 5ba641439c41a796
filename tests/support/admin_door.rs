//! A server with both doors open on a store of its own, a token for it, and devices that check in without a wire.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::task::JoinHandle;
use transom::actions::{Actions, Archives};
use transom::admin::{Admin, Health};
use transom::config::{EnrollmentLimits, Settings, effective};
use transom::enrollment::EnrollmentAnswer;
use transom::enrollment::applicant::Gate;
use transom::events::{Events, Hosts};
use transom::http::{self, Parts, Running, api};
use transom::limits::DeviceLimiter;
use transom::management::{Answer, Attendant, DeviceRequest, Management, Options, RequestHeaders, TokenHeaders};
use transom::metrics::Metrics;
use transom::model::{Actor, DeviceId, Edge, FactName, FactValue, NewApiToken, Timestamp, TokenId, WatchedFacts};
use transom::pki::{Authorities, CertificateAuthority, LiveAuthorities, ServerNames};
use transom::policy::catalogue::Library;
use transom::policy::rollout::{self, Rollout};
use transom::protocol::syncml::Message;
use transom::protocol::syncml::codec::{Encoding, decode, encode};
use transom::protocol::xml::Limits;
use transom::simulator::device::{Behaviour, Device, Next, Trigger};
use transom::simulator::identity::DeviceIdentity;
use transom::store::{Store, Tx};

const URL: &str = "https://localhost:8443/ManagementServer/Mdm.svc";

/// A server.
pub(crate) struct AdminDoor {
    pub(crate) base: String,
    pub(crate) token: String,
    token_id: TokenId,
    pub(crate) store: Store,
    management: Management,
    admin: Admin,
    running: Running,
    rolling: Option<JoinHandle<()>>,
    client: Client,
}

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

/// The time.
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// Receivers are called at this machine only.
fn telling() -> transom::events::Options {
    transom::events::Options {
        hosts: Hosts { private: vec!["127.0.0.1".to_owned()], plain: true },
        roots: Vec::new(),
        timeout: Duration::from_secs(5),
        retry_first: 1000,
        retry_most: 10_000,
        dead_after: 100_000,
        max_followers: 0,
    }
}

fn edge() -> Edge {
    Edge { now: Arc::new(now), jitter: Arc::new(|| 0) }
}

impl AdminDoor {
    pub(crate) async fn open(store: &Store) -> Self {
        Self::opened(store, None).await
    }

    /// The same, and what is published is brought to devices.
    pub(crate) async fn open_with_policies(store: &Store) -> Self {
        let options = rollout::Options {
            devices_per_second: 1000,
            waits_for_facts: false,
            wakes: false,
            max_open: 50,
            reads_back: false,
            verify_every: None,
        };
        let library = Library::new(store.clone());
        let rollout = Rollout::new(store.clone(), library, options, edge(), WatchedFacts::default());
        Self::opened(store, Some(rollout)).await
    }

    async fn opened(store: &Store, rollout: Option<Rollout>) -> Self {
        let mut settings = Settings::default();
        settings.device_door.addr = ([127, 0, 0, 1], 0).into();
        settings.admin_door.addr = ([127, 0, 0, 1], 0).into();
        settings.admin_door.body_limit = 64 * 1024;
        settings.server.workers = 1;
        let metrics = Metrics::new();
        let limiter = DeviceLimiter::new(0, 0);
        let mut options = Options { max_open: 5, ..Options::default() };
        if let Some(rollout) = &rollout {
            let learns = rollout.clone();
            options.max_open = 50;
            options.attendants.push(Attendant {
                name: rollout::NAME,
                before: Arc::new(|_, _, _| Ok(Vec::new())),
                after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
            });
        }
        let management = Management::new(store.clone(), options, metrics.clone(), limiter);
        let events = Events::new(store.clone(), telling(), metrics.clone(), edge()).unwrap();
        let admin =
            Admin::new(store.clone(), management.clone()).with_settings(effective(&settings, &[])).with_events(events);
        let admin = match &rollout {
            Some(rollout) => admin.with_policies(rollout.clone()),
            None => admin,
        };
        let rolling = rollout.map(|rollout| tokio::spawn(rollout.run()));
        let actions = Actions::new(store.clone(), transom::actions::Options::default());
        let authority = CertificateAuthority::create("Test", now()).unwrap();
        let names = ServerNames { dns: vec!["localhost".into()], addresses: Vec::new() };
        let parts = Parts {
            answering: http::answering(Arc::new(management.clone())),
            enrolling: Arc::new(|_| async { EnrollmentAnswer::Unreadable("nobody") }.boxed()),
            identity: authority.issue_server(&names, now()).unwrap(),
            public: Arc::default(),
            authorities: Arc::new(LiveAuthorities::fixed(Authorities::of(authority.clone()).unwrap())),
            admin_identity: None,
            readiness: Arc::new(|| async { Health::of(Vec::new()) }.boxed()),
            tokens: api::verifier(admin.clone()),
            gate: Gate::new(store.clone(), EnrollmentLimits::default()),
            archives: Archives::new(actions, std::env::temp_dir().join("transom-no-archives"), 1, 1),
            admin: admin.clone(),
            metrics,
        };
        let running = http::start(&settings, parts).await.unwrap();
        let made =
            Admin::make_token(store, NewApiToken::admin("tester"), &Actor::server("tests"), now()).await.unwrap();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self {
            base: format!("http://{}", running.admin_addr),
            token: made.token.expose().clone(),
            token_id: made.record.id,
            store: store.clone(),
            management,
            admin,
            running,
            rolling,
            client,
        }
    }

    pub(crate) async fn close(self) {
        drop(self.client);
        if let Some(rolling) = self.rolling {
            rolling.abort();
        }
        self.running.stop().await;
    }

    /// What decides behind the door.
    pub(crate) fn admin(&self) -> &Admin {
        &self.admin
    }

    /// What calls, without the token.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Takes the token back.
    pub(crate) async fn revoke(&self) {
        let id = self.token_id.clone();
        self.store.write(move |tx: &mut Tx<'_>| tx.revoke_token(&id, now())).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answered {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// How many requests the API has answered well.
    pub(crate) async fn asked(&self) -> u64 {
        let page = self.client.get(format!("{}/metrics", self.base)).send().await.unwrap().text().await.unwrap();
        let counted = page.lines().find_map(|line| {
            line.strip_prefix(r#"transom_http_requests_total{door="admin",route="api",status="200"} "#)
        });
        counted.map_or(0, |count| count.parse().unwrap())
    }

    /// A request with the token, to be added to.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token)
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answered {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answered { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    /// What is known of a device from now on.
    pub(crate) async fn knows(&self, id: &str, facts: &[(&str, FactValue)]) {
        let id = DeviceId::parse(id).unwrap();
        let device = self.store.read(move |tx: &mut Tx<'_>| tx.device(&id)).await.unwrap().unwrap();
        let life = device.enrollment.unwrap().id;
        let facts = facts.iter().map(|(name, value)| (FactName::parse(name).unwrap(), value.clone()));
        let facts: Vec<_> = facts.collect();
        let save = move |tx: &mut Tx<'_>| tx.save_facts(&device.key, &life, &facts, 3, now());
        self.store.write(save).await.unwrap();
    }

    /// Imports an enrollment and makes the device that has it.
    pub(crate) async fn enroll(&self, id: &str) -> Device {
        self.enroll_named(id, "LAPTOP").await
    }

    /// The same for a computer with a name.
    pub(crate) async fn enroll_named(&self, id: &str, name: &str) -> Device {
        let entry = serde_json::json!({"device_id": id, "user": "dm", "secret": "Secr3t-Password!", "name": name});
        let imported = self.post("/enrollments/import", &entry).await;
        assert_eq!(imported.status, 201, "{imported:?}");
        Device::new(DeviceIdentity::new(id, "dm", "Secr3t-Password!"), URL, Behaviour::default(), 7)
    }

    /// The device checks in and says all that it has to say.
    pub(crate) async fn check_in(&self, device: &mut Device) {
        let mut next = Next::Send(device.start_session(Trigger::Schedule));
        while let Next::Send(message) = next {
            next = self.say(device, &message).await;
        }
    }

    /// The device says one message, and hears the reply.
    pub(crate) async fn say(&self, device: &mut Device, message: &Message) -> Next {
        let request = DeviceRequest {
            certificate: None,
            signature: None,
            tokens: TokenHeaders::default(),
            authorities: None,
            lie: None,
            encoding: Encoding::Xml,
            body: encode(Encoding::Xml, message),
            headers: RequestHeaders { user_agent: Some("MSFT OMA DM Client".to_owned()), ..Default::default() },
            peer: [192, 0, 2, 7].into(),
            received_at: now(),
        };
        let Answer::Reply { encoding, body } = self.management.answer(request).await else {
            panic!("the device got no reply")
        };
        device.receive(&decode(encoding, &body, &Limits::default()).unwrap().message)
    }
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The problem, which must be one.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["instance"].as_str().unwrap().starts_with("urn:uuid:"), "{problem}");
        problem
    }

    /// The place of the first error of a problem.
    pub(crate) fn pointer(&self, status: u16) -> String {
        self.problem(status)["errors"][0]["pointer"].as_str().unwrap_or("(none)").to_owned()
    }
}
