//! What is known of devices, from their sessions to the list that they are found in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::operator::Operator;
use crate::support::server::Site;
use crate::support::windows::Windows;

on_both!(
    a_device_that_lacks_half_is_told_in_full,
    hostile_values_are_short_clean_and_harmless,
    devices_are_found_by_their_facts_and_asked_anew,
);

async fn facts(operator: &Operator, device: &str) -> BTreeMap<String, Value> {
    let told = operator.get(&format!("/api/v1/devices/{device}/facts")).await;
    let facts = told["facts"].as_array().unwrap().iter();
    facts.map(|fact| (fact["name"].as_str().unwrap().to_owned(), fact.clone())).collect()
}

async fn found(operator: &Operator, condition: &str) -> Vec<String> {
    let condition = percent_encoding::utf8_percent_encode(condition, percent_encoding::NON_ALPHANUMERIC);
    let devices = operator.list(&format!("/api/v1/devices?where={condition}")).await;
    devices.iter().map(|device| device["id"].as_str().unwrap().to_owned()).collect()
}

async fn a_device_that_lacks_half_is_told_in_full(site: Site) {
    let site = site.without_rates().with("INVENTORY_COLLECT", "true").with("JOURNAL_IDLE", "counters");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let client = windows.usual();
    let (mut whole, entry) = windows.device("WHOLE", Behaviour::default());
    let (mut half, other) = windows.device("HALF", Behaviour { lacks: 50, ..Behaviour::default() });
    operator.import(&[entry, other]).await;
    for device in [&mut whole, &mut half] {
        // The user's nodes wait until a session has said who is signed in, and the next questions until others are due.
        windows.session(&client, device).await;
    }
    let catalogue = operator.get("/api/v1/facts").await;
    let catalogue: BTreeSet<String> = catalogue["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|fact| fact["needs_user"] == false)
        .filter(|fact| fact["plan"] != "set by operators" && fact["plan"] != "from the directory")
        .map(|fact| fact["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(catalogue.len() >= 50);
    let (of_whole, of_half) = (facts(&operator, "WHOLE").await, facts(&operator, "HALF").await);
    let mut absent = 0;
    for known in [&of_whole, &of_half] {
        assert!(catalogue.iter().all(|name| known.contains_key(name)), "every node was answered: {known:#?}");
        absent = 0;
        for fact in known.values() {
            match fact["state"].as_str().unwrap() {
                "known" => assert!(!fact["value"].is_null(), "{fact}"),
                "absent" => {
                    absent += 1;
                    assert!([404, 405, 406].contains(&fact["status"].as_u64().unwrap()), "{fact}");
                    assert!(fact["why"].is_string() && fact["value"].is_null(), "{fact}");
                }
                "odd" => assert!(fact["value"].is_string(), "{fact}"),
                other => panic!("{other}"),
            }
            assert!(fact["observed_at"].is_string() && fact["changed_at"].is_string(), "{fact}");
        }
        println!("{} facts, {absent} absent", known.len());
    }
    assert!(absent * 3 > catalogue.len() && absent * 3 < catalogue.len() * 2, "half is missing: {absent}");
    let value = |name: &str| of_whole[name]["value"].clone();
    assert_eq!((value("os.build"), value("os.revision")), (json!(26_200), json!(9278)));
    assert_eq!((value("os.edition"), value("security.secure_boot")), (json!("Enterprise"), json!("on")));
    assert!(value("client.providers").as_array().unwrap().len() > 50, "{}", value("client.providers"));
    assert!(value("network.macs").as_array().unwrap().len() == 1);

    // What was asked is no command of people's, leaves nothing behind, and is not asked again.
    for own in ["true", "false"] {
        assert_eq!(operator.list(&format!("/api/v1/commands?own={own}")).await, Vec::<Value>::new());
    }
    let sessions = operator.list("/api/v1/sessions?device_id=WHOLE").await.len();
    for _ in 0..3 {
        windows.session(&client, &mut whole).await;
    }
    assert!(
        operator.list("/api/v1/sessions?device_id=WHOLE").await.len() <= sessions + 1,
        "idle sessions are forgotten"
    );
    windows.judge_the_end();
}

async fn hostile_values_are_short_clean_and_harmless(site: Site) {
    let site = site.without_rates().with("INVENTORY_COLLECT", "true");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let large = "A\u{e9}".repeat(350_000);
    let says = [
        ("./DevDetail/SwV", "<script>alert(1)</script>"),
        ("./DevDetail/Ext/Microsoft/DeviceName", "a\u{202e}b\u{9b}31mc"),
        ("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber", &large),
        ("./DevDetail/Ext/Microsoft/FreeStorage", "-1e99"),
        ("./Vendor/MSFT/Defender/Health/RtpEnabled", "'; DROP TABLE facts; --"),
        (
            "./Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions",
            "<!DOCTYPE x [<!ENTITY a \"b\">]><CSP Node=\"&a;\"",
        ),
    ];
    let says = says.into_iter().map(|(node, value)| (node.to_owned(), value.to_owned())).collect();
    let behaviour = Behaviour { says, large_objects: true, ..Behaviour::default() };
    let (mut device, entry) = windows.device("HOSTILE", behaviour);
    operator.import(&[entry]).await;
    windows.session(&windows.usual(), &mut device).await;
    let facts = facts(&operator, "HOSTILE").await;
    assert!(facts.len() >= 50, "the others are known: {facts:#?}");
    for name in [
        "os.build",
        "os.revision",
        "device.name",
        "device.serial",
        "storage.free",
        "defender.real_time",
        "client.providers",
    ] {
        let fact = &facts[name];
        assert_eq!(fact["state"], "odd", "{fact}");
        let said = fact["value"].as_str().unwrap();
        assert!(said.chars().count() <= 256 && !said.contains(['\u{202e}', '\u{9b}']), "{said}");
    }
    assert_eq!(facts["os.version"]["value"], "<script>alert(1)</script>", "it is text, and shown as text");
    assert!(found(&operator, "os.build > 0 || has(storage.free)").await.is_empty());
    assert_eq!(found(&operator, "!has(os.build)").await, ["HOSTILE"]);
    windows.judge_the_end();
}

async fn devices_are_found_by_their_facts_and_asked_anew(site: Site) {
    let site = site.without_rates().with("INVENTORY_COLLECT", "true");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let client = windows.usual();
    let running = |version: &str| Behaviour {
        says: BTreeMap::from([("./DevDetail/SwV".to_owned(), version.to_owned())]),
        ..Behaviour::default()
    };
    let (mut old, entry) = windows.device("OLD", running("10.0.19045.6093"));
    let (mut new, other) = windows.device("NEW", running("10.0.26200.1"));
    operator.import(&[entry, other]).await;
    windows.session(&client, &mut old).await;
    windows.session(&client, &mut new).await;
    assert_eq!(found(&operator, "os.build < 22631").await, ["OLD"]);
    assert_eq!(found(&operator, "os.build < 22631 or defender.real_time").await, ["NEW", "OLD"]);
    assert_eq!(found(&operator, "not (device.os.build < 22631)").await, ["NEW"]);
    // A command of people's that reads such a node teaches the same; the history tells what was.
    let asked = operator.post("/api/v1/devices/OLD/refresh", &json!({"facts": ["os.build", "storage.free"]})).await;
    assert_eq!((&asked["facts"], &asked["reach"]), (&json!(2), &json!("schedule")), "{asked}");
    let own = operator.list("/api/v1/commands?own=true").await;
    assert_eq!((own.len(), &own[0]["created_by"]), (1, &json!("transom:inventory")), "{own:?}");
    assert_eq!(operator.list("/api/v1/commands").await, Vec::<Value>::new());
    let before = facts(&operator, "OLD").await["os.build"]["observed_at"].clone();
    windows.session(&client, &mut old).await;
    let after = facts(&operator, "OLD").await;
    assert!(after["os.build"]["observed_at"].as_str() > before.as_str(), "it was read anew");
    assert_eq!(operator.list("/api/v1/commands?own=true").await, Vec::<Value>::new());
    let history = operator.list("/api/v1/devices/OLD/facts/os.build/history").await;
    assert_eq!((history.len(), &history[0]["value"]), (1, &json!(19_045)), "it did not change");
    windows.judge_the_end();
}
