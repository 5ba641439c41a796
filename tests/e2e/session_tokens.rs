//! Tokens of Entra ID in management sessions: who the user is, by a token that was checked; and a device that is one of
//! Entra ID's. A wrong token attaches nobody, is told, and takes nothing from the proofs that the device has.

use serde_json::{Value, json};
use transom::pki::device::DeviceKeyKind;
use transom::protocol::session::{LoginStatus, SyncType};
use transom::simulator::client::ClientOptions;
use transom::simulator::device::{Behaviour, Device};
use transom::simulator::faults::FaultPlan;

use super::entra::{Entra, configured};
use super::on_both;
use crate::support::enrolled;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    a_checked_token_attaches_its_user,
    a_wrong_token_attaches_nobody_and_is_told,
    a_token_of_the_device_proves_nothing_unless_it_is_set,
);

const ID: &str = "THE-HOST";

struct Desk {
    entra: Entra,
    site: Site,
    server: Server,
    operator: Operator,
    windows: Windows,
}

impl Desk {
    async fn new(site: Site, settings: &[(&str, &str)]) -> Self {
        let entra = Entra::new();
        let site = settings.iter().fold(configured(site, &entra), |site, (name, value)| site.with(name, value));
        let server = site.serve();
        let operator = server.operator();
        let windows = Windows::new(server.device_addr, site.root());
        enrolled::let_enroll(&operator).await;
        Self { entra, site, server, operator, windows }
    }

    async fn enroll(&self) -> Device {
        enrolled::enroll(self.server.device_addr, &self.windows, ID, DeviceKeyKind::P256).await
    }

    async fn session(&self, device: &mut Device) {
        let client = self.windows.usual().for_device(device.identity()).unwrap();
        self.windows.session(&client, device).await;
    }

    fn token(&self, upn: &str, object_id: &str) -> String {
        self.entra.token("RS256", |claims| {
            claims["upn"] = json!(upn);
            claims["oid"] = json!(object_id);
        })
    }

    fn of_device(&self, id: &str) -> String {
        self.entra.token("RS256", |claims| {
            claims["deviceid"] = json!(id);
            claims["upn"] = json!(null);
        })
    }

    async fn last_session(&self) -> Value {
        self.operator.list(&format!("/api/v1/sessions?device_id={ID}")).await.remove(0)
    }

    async fn told(&self, code: &str) -> usize {
        let events = self.operator.list(&format!("/api/v1/devices/{ID}/events")).await;
        events.iter().filter(|event| event["code"] == code).count()
    }

    async fn proofs(&self) -> String {
        let session = self.last_session().await["id"].as_str().unwrap().to_owned();
        self.operator.list(&format!("/api/v1/sessions/{session}/messages")).await[0]["proofs"].to_string()
    }

    fn end(self, tokens: &[&str]) {
        self.windows.judge_the_end();
        let log = self.site.log();
        assert!(!log.contains("ERROR") && tokens.iter().all(|token| !log.contains(*token)), "{log}");
    }
}

async fn a_checked_token_attaches_its_user(site: Site) {
    let desk = Desk::new(site, &[]).await;
    let mut device = desk.enroll().await;
    let (by_alert, by_header) = (desk.token("ada@contoso.test", "0a0a"), desk.token("bob@contoso.test", "0b0b"));
    let of_user = Behaviour { sync_type: Some(SyncType::User), ..Behaviour::default() };
    device.behave(Behaviour { user_token: Some(by_alert.clone()), ..of_user.clone() });
    desk.session(&mut device).await;
    let session = desk.last_session().await;
    assert_eq!(
        (&session["user"], &session["user_verified"]),
        (&json!("ada@contoso.test"), &json!(true)),
        "{session:#}"
    );
    assert_eq!(session["user_object_id"], "0a0a");
    assert!(session["user_tenant"].is_string(), "{session:#}");
    device.behave(Behaviour { bearer: Some(by_header.clone()), ..of_user.clone() });
    desk.session(&mut device).await;
    let session = desk.last_session().await;
    assert_eq!(
        (&session["user"], &session["user_verified"]),
        (&json!("bob@contoso.test"), &json!(true)),
        "{session:#}"
    );

    // What is for ada goes to ada.
    let target = "./User/Vendor/MSFT/Policy/Config/Trial/Node";
    let order = json!({ "device_id": ID, "user": "ada@contoso.test",
        "commands": [{ "kind": "replace", "items": [{ "target": target, "format": "chr", "data": "x" }] }] });
    let id = desk.operator.order(&order).await.remove(0).remove(0);
    desk.session(&mut device).await;
    assert_eq!(desk.operator.state(&id).await, "deferred");
    device.behave(Behaviour { user_token: Some(by_alert.clone()), bearer: Some(by_alert.clone()), ..of_user });
    desk.session(&mut device).await;
    assert_eq!(desk.operator.state(&id).await, "succeeded");
    assert_eq!(desk.told("user_token_refused").await, 0);

    // Neither token is kept anywhere.
    let session = desk.last_session().await["id"].as_str().unwrap().to_owned();
    let messages = desk.operator.get(&format!("/api/v1/sessions/{session}/messages")).await.to_string();
    assert!(messages.contains("token") && !messages.contains(&by_alert), "{messages}");
    desk.end(&[&by_alert, &by_header]);
}

async fn a_wrong_token_attaches_nobody_and_is_told(site: Site) {
    let desk = Desk::new(site, &[]).await;
    let mut device = desk.enroll().await;
    let stranger = Entra::new();
    let good = desk.token("ada@contoso.test", "0a0a");
    let wrong = [
        stranger.good(),
        desk.entra.token("none", |_| {}),
        desk.entra.token("RS256", |claims| claims["tid"] = json!("99999999-2222-4333-8444-555555555555")),
        desk.entra.token("RS256", |claims| claims["exp"] = json!(1)),
        "rubbish".to_owned(),
    ];
    let of_user = |user_token: Option<&String>, bearer: Option<&String>| Behaviour {
        sync_type: Some(SyncType::User),
        user_token: user_token.cloned(),
        bearer: bearer.cloned(),
        ..Behaviour::default()
    };
    let mut cases: Vec<(Option<&String>, Option<&String>)> = wrong.iter().map(|token| (Some(token), None)).collect();
    cases.extend([(None, Some(&wrong[0])), (Some(&wrong[0]), Some(&good))]);
    let other = desk.token("bob@contoso.test", "0b0b");
    cases.push((Some(&good), Some(&other)));
    for (user_token, bearer) in &cases {
        device.behave(of_user(*user_token, *bearer));
        desk.session(&mut device).await;
        let session = desk.last_session().await;
        assert_eq!((&session["user"], &session["user_verified"]), (&Value::Null, &json!(false)), "{session:#}");
    }
    assert_eq!(desk.told("user_token_refused").await, 1, "once an hour");
    device.behave(of_user(Some(&wrong[0]), None));
    desk.session(&mut device).await;
    let proofs = desk.proofs().await;
    assert!(proofs.contains("jwt_signature") && proofs.contains("certificate"), "{proofs}");

    // The device is believed as before: its own commands go on.
    device.behave(Behaviour { user_token: Some(wrong[0].clone()), login: LoginStatus::None, ..Behaviour::default() });
    let command = json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }]);
    let id = desk.operator.order_for(ID, &command).await.remove(0);
    desk.session(&mut device).await;
    assert_eq!(desk.operator.state(&id).await, "succeeded");
    desk.end(&[&wrong[0], &good]);
}

async fn a_token_of_the_device_proves_nothing_unless_it_is_set(site: Site) {
    for (setting, reaches) in [("false", false), ("true", true)] {
        let Some(site) = Site::new(site.engine) else { return };
        let desk = Desk::new(site, &[("TRUST_DEVICE_TOKEN_PROVES", setting)]).await;
        let mut device = desk.enroll().await;
        let (own, other) = (desk.of_device("d0-01"), desk.of_device("d0-02"));
        let hidden = ClientOptions { hides_certificate: true, ..desk.windows.options.clone() };
        let attempt = async |device: &mut Device, token: &str| {
            device.behave(Behaviour { device_token: Some(token.to_owned()), ..Behaviour::default() });
            let client = desk.windows.client(hidden.clone()).for_device(device.identity()).unwrap();
            desk.windows.session_with(&client, device, &mut FaultPlan::none()).await.is_ok()
        };
        // Nobody knows yet whose it is.
        assert!(!attempt(&mut device, &own).await);
        device.behave(Behaviour { device_token: Some(own.clone()), ..Behaviour::default() });
        desk.session(&mut device).await;
        assert_eq!(attempt(&mut device, &own).await, reaches);
        assert!(!attempt(&mut device, &other).await, "another device's");
        assert!(!attempt(&mut device, &desk.token("ada@contoso.test", "0a0a")).await, "a user is no device");

        // Beside its certificate a foreign one is only told.
        device.behave(Behaviour { device_token: Some(other.clone()), ..Behaviour::default() });
        desk.session(&mut device).await;
        assert_eq!(desk.told("device_token_refused").await, 1);
        desk.end(&[&own, &other]);
    }
}
