//! Simulated devices against a real server, with every reply before the judge.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::client::{Client, ClientOptions, Exchange, SessionFailure, SessionReport};
use transom::simulator::device::{Behaviour, Device};
use transom::simulator::faults::FaultPlan;
use transom::simulator::identity::{DeviceIdentity, ServerIdentity};

use super::judge::{Judge, Reply, Request, assert_clean};

/// Where simulated devices live: how they reach the server, and who judges what it says.
pub(crate) struct Windows {
    url: String,
    root: Vec<u8>,
    pub(crate) options: ClientOptions,
    judge: Mutex<Judge>,
}

impl Windows {
    /// Devices that reach a server at this address; `root` is what they trust.
    pub(crate) fn new(addr: SocketAddr, root: Vec<u8>) -> Self {
        let options = ClientOptions {
            address: Some(addr),
            keeps_bodies: true,
            initial_back_off: Duration::from_millis(20),
            max_back_off: Duration::from_millis(500),
            ..ClientOptions::default()
        };
        let url = format!("https://localhost:{}/ManagementServer/Mdm.svc", addr.port());
        Self { url, root, options, judge: Mutex::default() }
    }

    /// The management service.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A client with these options.
    pub(crate) fn client(&self, options: ClientOptions) -> Client {
        Client::new(&self.url, &self.root, options).unwrap()
    }

    /// The client of most devices.
    pub(crate) fn usual(&self) -> Client {
        self.client(self.options.clone())
    }

    /// A device with this id and what an operator imports for it.
    pub(crate) fn device(&self, id: &str, behaviour: Behaviour) -> (Device, Value) {
        let secret = format!("secret of {id}");
        let mut identity = DeviceIdentity::new(id, format!("user of {id}"), secret.clone());
        let mut entry = json!({ "device_id": id, "user": identity.name, "secret": secret });
        if behaviour.authenticates_server {
            identity.server = Some(ServerIdentity::new("the-server", "its own secret"));
            entry["server_user"] = json!("the-server");
            entry["server_secret"] = json!("its own secret");
        }
        let seed = id.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        (Device::new(identity, &self.url, behaviour, seed), entry)
    }

    /// Runs a session that nothing is to go wrong with, and judges it.
    pub(crate) async fn session(&self, client: &Client, device: &mut Device) -> SessionReport {
        self.session_with(client, device, &mut FaultPlan::none()).await.unwrap()
    }

    /// Runs a session, and judges what was said in it.
    pub(crate) async fn session_with(
        &self,
        client: &Client,
        device: &mut Device,
        faults: &mut FaultPlan,
    ) -> Result<SessionReport, SessionFailure> {
        let outcome = client.run_session(device, faults).await;
        let report = match &outcome {
            Ok(report) => report,
            Err(failure) => &failure.report,
        };
        self.judge(&report.exchanges);
        assert!(report.is_clean(), "{:#?} {:#?}", report.complaints, report.problems);
        outcome
    }

    /// Judges what was said.
    pub(crate) fn judge(&self, exchanges: &[Exchange]) {
        let mut judge = self.judge.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for exchange in exchanges {
            let content_type = exchange.encoding.content_type();
            let request = Request { content_type, body: &exchange.request };
            match exchange.status {
                Some(200) => judge.assert_exchange(&request, &Reply { content_type, body: &exchange.reply }),
                Some(_) => {}
                None => judge.lost(&request),
            }
        }
    }

    /// Judges what should be done at the end of all sessions.
    pub(crate) fn judge_the_end(&self) {
        assert_clean(&self.judge.lock().unwrap().session_end());
    }

    /// A client of HTTP alone, for what no device would send.
    pub(crate) fn http(&self) -> reqwest::Client {
        self.http_at(self.options.address.unwrap())
    }

    /// The same, with the certificate of a device.
    pub(crate) fn http_as(&self, device: &Device) -> reqwest::Client {
        let own = device.identity().certificate.as_ref().unwrap();
        let key = own.key.expose();
        let identity = reqwest::Identity::from_pkcs8_pem(own.certificate.as_bytes(), key.as_bytes()).unwrap();
        self.http_builder(self.options.address.unwrap()).identity(identity).build().unwrap()
    }

    /// The same, for a server elsewhere.
    pub(crate) fn http_at(&self, address: SocketAddr) -> reqwest::Client {
        self.http_builder(address).build().unwrap()
    }

    /// What it is made of.
    pub(crate) fn http_builder(&self, address: SocketAddr) -> reqwest::ClientBuilder {
        let root = reqwest::Certificate::from_pem(&self.root).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([root])
            .no_proxy()
            .resolve("localhost", address)
            .timeout(Duration::from_mins(1))
    }

    /// Posts a body as it is; gives the status and the reply.
    pub(crate) async fn post(&self, http: &reqwest::Client, encoding: Encoding, body: Vec<u8>) -> (u16, Vec<u8>) {
        let request = http.post(&self.url).header("Content-Type", encoding.content_type()).body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }
}
