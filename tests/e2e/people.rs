//! What is known of a person decides what their device gets: from the provider where they signed in, and from operators.

use std::time::Duration;

use serde_json::{Value, json};
use transom::pki::device::DeviceKeyKind;
use transom::protocol::enrollment::client::Presented;
use transom::simulator::device::{Behaviour, Device};

use super::federated::{at, signed_in};
use super::on_both;
use crate::support::enrolled::{self, let_enroll};
use crate::support::operator::Operator;
use crate::support::provider::{Browser, Provider};
use crate::support::server::{Site, transom, until};
use crate::support::windows::Windows;

on_both![
    a_device_gets_what_its_person_s_group_gets_and_loses_it_with_the_group,
    a_tag_counts_for_the_life_that_a_device_still_is_in,
];

const COMPANY: &str = "./Vendor/MSFT/Personalization/CompanyName";
const CAMERA: &str = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";

fn declarations() -> Value {
    json!([
        {"type": "configuration", "identifier": "of-admins", "payload": {"settings": {
            (COMPANY): "${user.department}, ${user.given_name}",
            "./Device/Vendor/MSFT/Policy/Config/Update/UpdateServiceUrl": "https://${user.city}.example",
        }}},
        {"type": "configuration", "identifier": "of-others", "payload": {"settings": {(CAMERA): 0}}},
        {"type": "activation", "identifier": "admins",
            "payload": {"configurations": ["of-admins"], "when": "'admins' in groups"}},
        {"type": "activation", "identifier": "others",
            "payload": {"configurations": ["of-others"], "when": "!('admins' in user.groups)"}},
    ])
}

async fn setting(operator: &Operator, target: &str) -> Option<Value> {
    let told = operator.get("/api/v1/devices/PC1/policies").await;
    told["settings"].as_array()?.iter().find(|setting| setting["target"] == target).cloned()
}

async fn fact(operator: &Operator, name: &str) -> Value {
    let told = operator.get("/api/v1/devices/PC1/facts").await;
    let known = told["facts"].as_array().unwrap().iter().find(|fact| fact["name"] == name).cloned();
    known.map_or(Value::Null, |fact| fact["value"].clone())
}

async fn session(windows: &Windows, device: &mut Device) {
    let client = windows.usual().for_device(device.identity()).unwrap();
    windows.session(&client, device).await;
}

/// Sessions, each time that something waits for the device, until a setting stands there.
async fn stands(operator: &Operator, windows: &Windows, device: &mut Device, target: &str, state: Option<&str>) {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    loop {
        let found = setting(operator, target).await;
        if found.as_ref().and_then(|setting| setting["state"].as_str()) == state {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{target} is not {state:?}: {found:?}");
        let open = operator.list("/api/v1/commands?device_id=PC1&own=true").await;
        if open.iter().any(|command| command["state"] == "queued" && command["created_by"] == "transom:policy") {
            session(windows, device).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_device_gets_what_its_person_s_group_gets_and_loses_it_with_the_group(site: Site) {
    let Some(provider) = Provider::start(&site.data()) else { return };
    let site = at(site, &provider, "transom").with("OPENID_CLIENT_SECRET", "a+secret/with=signs");
    let site =
        site.with("INVENTORY_COLLECT", "true").with("POLICY_READ_BACK", "false").with("POLICY_VERIFY_EVERY", "0s");
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    operator.post("/api/v1/policies/apply", &json!({"message": "x", "declarations": declarations()})).await;

    // Somebody signs in at the provider, which says of which groups and department they are, and enrolls.
    let mut browser = Browser::new(&site.root(), server.device_addr);
    let (_, handle) = signed_in(&mut browser, "ada@contoso.test").await.handoff();
    let windows = Windows::new(server.device_addr, site.root());
    let token = Presented::UserToken(&handle);
    let identity = enrolled::identity_of(server.device_addr, &windows, "PC1", DeviceKeyKind::P256, token).await;
    let says = [("./DevDetail/SwV", "10.0.26100.1"), ("./Vendor/MSFT/DeviceStatus/OS/Edition", "4")];
    let says = says.map(|(node, value)| (node.to_owned(), value.to_owned())).into();
    let mut device = Device::new(identity, windows.url(), Behaviour { says, ..Behaviour::default() }, 7);
    let ada = operator.get("/api/v1/directory/people/ADA@contoso.test").await;
    assert_eq!(ada["groups"], json!(["admins", "enrollers", "staff"]), "{ada}");
    assert_eq!((&ada["attributes"]["department"], &ada["changed_by"]), (&json!("R & D"), &json!("transom:sign-in")));
    let audit = operator.list("/api/v1/audit?action=directory.set").await;
    assert_eq!(audit[0]["subject"], "ada@contoso.test", "{audit:?}");

    session(&windows, &mut device).await;
    assert_eq!(fact(&operator, "user.name").await, "ada@contoso.test");
    stands(&operator, &windows, &mut device, COMPANY, Some("applied")).await;
    assert_eq!(device.tree().value(COMPANY).as_deref(), Some("R & D, Ada"));
    // What nobody knows of them is told before anything is sent.
    let pages = setting(&operator, "./Device/Vendor/MSFT/Policy/Config/Update/UpdateServiceUrl").await.unwrap();
    assert_eq!((&pages["state"], &pages["why"]), (&json!("unresolved"), &json!("the device has no user.city")));
    assert_eq!(setting(&operator, CAMERA).await, None);
    let found = operator.list("/api/v1/devices?where='admins'%20in%20groups").await;
    assert_eq!(found.len(), 1);

    // They move: by a list, from the command line.
    let list = site.data().join("people.csv");
    std::fs::write(&list, "name,groups,department\nAda@contoso.test,staff,Sales\n").unwrap();
    let said = transom(&site.data()).args(["directory", "import"]).arg(&list).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout), "Changed 1 person.\n", "{said:?}");
    stands(&operator, &windows, &mut device, COMPANY, None).await;
    stands(&operator, &windows, &mut device, CAMERA, Some("applied")).await;
    assert_eq!((device.tree().value(COMPANY), fact(&operator, "user.given_name").await), (None, Value::Null));

    // Another person's device: the same is decided anew.
    operator
        .post(
            "/api/v1/directory/people",
            &json!({"people": [
        {"name": "bob", "groups": ["admins"], "attributes": {"department": "Desk", "given_name": "Bob"}}]}),
        )
        .await;
    operator.post("/api/v1/devices/PC1/person", &json!({"person": "bob"})).await;
    stands(&operator, &windows, &mut device, COMPANY, Some("applied")).await;
    assert_eq!(device.tree().value(COMPANY).as_deref(), Some("Desk, Bob"));
    operator.delete("/api/v1/directory/people/bob").await;
    stands(&operator, &windows, &mut device, COMPANY, None).await;
    assert_eq!(operator.get("/api/v1/devices/PC1/person").await["person"], "bob");
}

async fn a_tag_counts_for_the_life_that_a_device_still_is_in(site: Site) {
    let site = site.without_rates().with("POLICY_READ_BACK", "false");
    let server = site.serve();
    let operator = server.operator();
    let_enroll(&operator).await;
    let windows = Windows::new(server.device_addr, site.root());
    let mut device = enrolled::enroll(server.device_addr, &windows, "PC1", DeviceKeyKind::P256).await;
    session(&windows, &mut device).await;
    let of_pilots = json!([
        {"type": "configuration", "identifier": "base", "payload": {"settings": {(CAMERA): 0}}},
        {"type": "activation", "identifier": "pilots",
            "payload": {"configurations": ["base"], "when": "'pilot' in device.tags"}},
    ]);
    operator.post("/api/v1/policies/apply", &json!({"message": "x", "declarations": of_pilots})).await;
    let done = async || (operator.get("/api/v1/policies/progress").await["done"] == true).then_some(());
    until("all devices are looked at", done).await;
    // It enrolls anew, and has not come with what it got by that.
    enrolled::enroll(server.device_addr, &windows, "PC1", DeviceKeyKind::P256).await;
    operator.post("/api/v1/devices/PC1/tags", &json!({"add": ["pilot"]})).await;
    let has_it = async || {
        session(&windows, &mut device).await;
        (device.tree().value(CAMERA).as_deref() == Some("0")).then_some(())
    };
    until("the life that it is in gets it", has_it).await;
}
