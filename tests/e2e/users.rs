//! A computer that several users work on at once, as in Azure Virtual Desktop: one session of the device and one of each
//! user in parallel, on one enrollment, on a good wire and on a bad one (MS-MDM 3.2.5.1.5).

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use transom::pki::device::DeviceKeyKind;
use transom::protocol::session::SyncType;
use transom::simulator::client::ClientOptions;
use transom::simulator::device::{Behaviour, Device};
use transom::simulator::faults::{Fault, FaultPlan, FaultRates};

use super::on_both;
use crate::support::enrolled;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    three_users_and_the_device_in_parallel,
    lost_replies_mix_nothing_up,
    digests_prove_parallel_sessions_too,
    a_command_says_whom_it_waits_for,
    users_come_as_often_as_the_settings_say,
    what_a_device_calls_itself_is_shown_and_bounded,
);

const USERS: [&str; 3] = ["bob@contoso.test", "carol@contoso.test", "dave@contoso.test"];
const ID: &str = "THE-HOST";

/// A host, and those who work on it.
struct Host {
    site: Site,
    _server: Server,
    operator: Operator,
    windows: Arc<Windows>,
    /// The device first, then each user.
    parts: Vec<Device>,
}

impl Host {
    async fn new(site: Site, by_certificate: bool) -> Self {
        let site = site.without_rates();
        let server = site.serve();
        let operator = server.operator();
        let windows = Windows::new(server.device_addr, site.root());
        let device = if by_certificate {
            enrolled::let_enroll(&operator).await;
            enrolled::enroll(server.device_addr, &windows, ID, DeviceKeyKind::P256).await
        } else {
            let (device, entry) = windows.device(ID, Behaviour::default());
            operator.import(&[entry]).await;
            device
        };
        let parts = std::iter::once(None).chain(USERS.map(Some)).zip(0_u32..).map(|(user, place)| {
            let kind = if user.is_some() { SyncType::User } else { SyncType::Device };
            let behaviour = Behaviour {
                sync_type: Some(kind),
                user: user.map(str::to_owned),
                execs_are_unique: true,
                ..Behaviour::default()
            };
            // One counter for the computer, as Windows has it.
            let mut part = device.clone().beginning_with_session(1 + place * 1000);
            part.behave(behaviour);
            part
        });
        Self { parts: parts.collect(), site, _server: server, operator, windows: Arc::new(windows) }
    }

    /// As many commands for the device and for each user; gives the ids, part by part.
    async fn order(&self, count: usize) -> Vec<Vec<String>> {
        let mut ids = Vec::new();
        for part in &self.parts {
            let user = part.behaviour().user.clone();
            let scope = if user.is_some() { "./User" } else { "./Device" };
            let commands: Vec<Value> = (0..count).map(|number| set(scope, user.as_deref(), number)).collect();
            let mut order = json!({ "device_id": ID, "commands": commands });
            if let Some(user) = user {
                order["user"] = json!(user);
            }
            ids.push(self.operator.order(&order).await.remove(0));
        }
        ids
    }

    /// A session of each part, all at the same time.
    async fn sessions(&mut self, rates: &FaultRates, seed: u64) {
        let mut running = JoinSet::new();
        for (place, mut part) in self.parts.drain(..).enumerate() {
            let (windows, rates) = (Arc::clone(&self.windows), rates.clone());
            running.spawn(async move {
                let options = ClientOptions { retries: 20, ..windows.options.clone() };
                let client = windows.client(options).for_device(part.identity()).unwrap();
                let mut faults = FaultPlan::seeded(rates, seed * 10 + u64::try_from(place).unwrap());
                let outcome = windows.session_with(&client, &mut part, &mut faults).await;
                (place, part, outcome.map(drop).map_err(|failure| failure.cause.to_string()))
            });
        }
        let mut parts = running.join_all().await;
        parts.sort_by_key(|(place, ..)| *place);
        for (place, part, outcome) in parts {
            assert_eq!(outcome, Ok(()), "part {place}");
            self.parts.push(part);
        }
    }

    /// Everything was done, once, and by whom it was meant for.
    async fn check(&self, ids: &[Vec<String>]) {
        for (part, ids) in self.parts.iter().zip(ids) {
            for id in ids {
                let command = self.operator.command(id).await;
                assert_eq!(command["state"], "succeeded", "{command:#}");
                assert_eq!(command["user"].as_str(), part.behaviour().user.as_deref());
            }
            let user = part.behaviour().user.as_deref().unwrap_or("device");
            let effects = part.log().effects();
            assert!(effects.len() >= ids.len());
            let strange: Vec<_> = effects.iter().filter(|effect| !effect.data.starts_with(user)).collect();
            assert!(strange.is_empty() || part.behaviour().user.is_none(), "{strange:?}");
            // 405 was never provoked: what came was in scope, or the simulator would have complained.
            assert!(part.complaints().is_empty(), "{:?}", part.complaints());
        }
    }

    fn end(self) {
        self.windows.judge_the_end();
        assert!(!self.site.log().contains("ERROR"), "{}", self.site.log());
    }
}

fn set(scope: &str, user: Option<&str>, number: usize) -> Value {
    let target = format!("{scope}/Vendor/MSFT/Policy/Config/Trial/Node{number}");
    let data = format!("{} {number}", user.unwrap_or("device"));
    json!({ "kind": "replace", "items": [{ "target": target, "format": "chr", "data": data }] })
}

async fn three_users_and_the_device_in_parallel(site: Site) {
    let mut host = Host::new(site, true).await;
    for round in 0..3 {
        let ids = host.order(5).await;
        host.sessions(&FaultRates::default(), round).await;
        host.check(&ids).await;
    }
    let sessions = host.operator.list(&format!("/api/v1/sessions?device_id={ID}")).await;
    let kind = |kind: &str| sessions.iter().filter(|session| session["kind"] == kind).count();
    assert_eq!((kind("device"), kind("user"), kind("mixed")), (3, 9, 0), "{sessions:#?}");
    for user in USERS {
        let own: Vec<_> = sessions.iter().filter(|session| session["user"] == user).collect();
        assert_eq!(own.len(), 3);
        assert!(own.iter().all(|session| session["user_verified"] == false), "nobody checked the token");
    }
    host.end();
}

async fn lost_replies_mix_nothing_up(site: Site) {
    let mut host = Host::new(site, true).await;
    let rates = FaultRates::default()
        .with(Fault::DropReply, 0.3)
        .with(Fault::SendTwiceAtOnce, 0.2)
        .with(Fault::DieUnheard, 0.1)
        .with(Fault::DieAfterwards, 0.1)
        .with(Fault::Abort, 0.05);
    let ids = host.order(8).await;
    for round in 0..6 {
        host.sessions(&rates, round).await;
    }
    // What nobody answered goes out alone, one in each message.
    for round in 0..2 {
        host.sessions(&FaultRates::default(), round).await;
    }
    host.check(&ids).await;
    host.end();
}

async fn digests_prove_parallel_sessions_too(site: Site) {
    let mut host = Host::new(site, false).await;
    for round in 0..3 {
        let ids = host.order(4).await;
        host.sessions(&FaultRates::default(), round).await;
        host.check(&ids).await;
    }
    host.end();
}

async fn users_come_as_often_as_the_settings_say(site: Site) {
    let site = site.with("SCHEDULE_USERS", "2h").with("SCHEDULE_USERS_AT_LOGON", "4");
    let mut host = Host::new(site, true).await;
    for round in 0..4 {
        host.sessions(&FaultRates::default(), round).await;
    }
    let folder = "./Device/Vendor/MSFT/DMClient/Provider/Transom/MultipleSession/";
    let told = host.parts.iter().map(|part| {
        let effects = part.log().effects().iter();
        let set = effects.filter_map(|effect| Some((effect.target.strip_prefix(folder)?, effect.data.as_str())));
        set.collect::<Vec<_>>()
    });
    let expected =
        [("IntervalForScheduledRetriesForUserSession", "120"), ("NumAllowedConcurrentUserSessionAtUserLogonSync", "4")];
    let told: Vec<Vec<(&str, &str)>> = told.collect();
    assert_eq!(told[0], expected, "what Windows does by itself is not set, and nothing twice");
    assert!(told[1..].iter().all(Vec::is_empty), "they are nodes of the device: {told:?}");
    for part in &host.parts {
        assert!(part.complaints().is_empty(), "{:?}", part.complaints());
    }
    host.end();
}

async fn a_command_says_whom_it_waits_for(site: Site) {
    let mut host = Host::new(site, true).await;
    let order = json!({ "device_id": ID, "user": "eve@contoso.test", "commands": [set("./User", Some("eve"), 1)] });
    let id = host.operator.order(&order).await.remove(0).remove(0);
    let waits = host.operator.command(&id).await;
    assert_eq!((&waits["state"], &waits["reason"]), (&json!("deferred"), &json!("waiting_for_user")), "{waits:#}");
    assert!(waits["reason_detail"].as_str().unwrap().contains("eve@contoso.test"), "{waits:#}");
    host.sessions(&FaultRates::default(), 1).await;
    assert_eq!(host.operator.state(&id).await, "deferred");
    let mut behaviour = host.parts[3].behaviour().clone();
    behaviour.user = Some("EVE@contoso.test".to_owned());
    host.parts[3].behave(behaviour);
    host.sessions(&FaultRates::default(), 2).await;
    assert_eq!(host.operator.state(&id).await, "succeeded");

    // A user is named for what is his.
    let wrong = json!({ "device_id": ID, "user": "eve@contoso.test", "command": set("./Device", None, 1) });
    let (status, refusal) = host.operator.refused("/api/v1/commands", &wrong).await;
    assert_eq!(status, 422, "{refusal}");
    assert!(refusal.to_string().contains("/user"), "{refusal}");
    host.end();
}

async fn what_a_device_calls_itself_is_shown_and_bounded(site: Site) {
    let mut host = Host::new(site, true).await;
    let mut one = host.parts.remove(1);
    for number in 0..40 {
        let user = Some(format!("user{number}<script>@contoso.test"));
        one.behave(Behaviour { user, ..one.behaviour().clone() });
        let client = host.windows.usual().for_device(one.identity()).unwrap();
        host.windows.session(&client, &mut one).await;
    }
    let sessions = host.operator.list(&format!("/api/v1/sessions?device_id={ID}")).await;
    assert_eq!(sessions.len(), 40);
    let replaced = sessions.iter().filter(|session| session["phase"] == "replaced").count();
    assert_eq!(replaced, 40 - 32, "no more than 32 users beside each other");
    // A token is neither kept nor shown.
    let token = transom::simulator::notice::Notice::user_token("user7<script>@contoso.test").data;
    let path = format!("/api/v1/sessions/{}/messages", sessions[0]["id"].as_str().unwrap());
    let messages = host.operator.get(&path).await.to_string();
    assert!(messages.contains("AADUserToken") && !messages.contains(token.get(..40).unwrap()), "{messages}");
    host.end();
}
