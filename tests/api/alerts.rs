//! Alerts of all devices, over the API.

use serde_json::{Value, json};
use transom::model::{DeviceId, Event, EventKind, Timestamp};
use transom::store::Tx;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(alerts_are_listed_across_devices, a_page_looks_at_a_bounded_number);

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn alert(device: &str, code: &str, kind: &str, millis: i64) -> Event {
    Event {
        device: DeviceId::parse(device),
        mime: Some(kind.to_owned()),
        source: Some(format!("./Vendor/MSFT/{device}")),
        mark: Some("informational".to_owned()),
        data: Some("<b>\u{0}".to_owned()),
        ..Event::new(EventKind::Alert, code, NOW.plus_millis(millis))
    }
}

async fn keep(test: &TestStore, events: Vec<Event>) {
    test.store.write(move |tx: &mut Tx<'_>| tx.add_events(&events)).await.unwrap();
}

fn told(page: &Value) -> Vec<(&str, &str)> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (item["device_id"].as_str().unwrap(), item["code"].as_str().unwrap())).collect()
}

async fn alerts_are_listed_across_devices(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut other = alert("D1", "signing_set", "x", 500);
    other.kind = EventKind::Security;
    let events = vec![
        alert("D1", "1201", "a", 0),
        alert("D2", "1226", "b", 1000),
        alert("D1", "1226", "a", 2000),
        other,
        alert("D3", "1224", "b", 3000),
    ];
    keep(test, events).await;
    let all = door.get("/alerts").await.json();
    assert_eq!(told(&all), [("D3", "1224"), ("D1", "1226"), ("D2", "1226"), ("D1", "1201")]);
    assert_eq!((&all["next_cursor"], &all["items"][0]["type"]), (&json!(null), &json!("b")));
    for (query, found) in [
        ("device_id=d1", vec![("D1", "1226"), ("D1", "1201")]),
        ("code=1226", vec![("D1", "1226"), ("D2", "1226")]),
        ("code=1226&device_id=D2", vec![("D2", "1226")]),
        ("type=b", vec![("D3", "1224"), ("D2", "1226")]),
        ("source=./Vendor/MSFT/D2", vec![("D2", "1226")]),
        ("since=2027-01-15T08:00:02Z", vec![("D3", "1224"), ("D1", "1226")]),
        ("until=2027-01-15T08:00:01Z", vec![("D1", "1201")]),
        ("code=%00", vec![]),
    ] {
        assert_eq!(told(&door.get(&format!("/alerts?{query}")).await.json()), found, "{query}");
    }
    let mut seen = Vec::new();
    let mut address = "/alerts?limit=3".to_owned();
    loop {
        let page = door.get(&address).await.json();
        seen.extend(told(&page).into_iter().map(|(device, code)| (device.to_owned(), code.to_owned())));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        address = format!("/alerts?limit=3&cursor={cursor}");
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    for wrong in ["since=soon", "limit=0", "device_id=%00", "kind=alert", "cursor=%21"] {
        door.get(&format!("/alerts?{wrong}")).await.problem(400);
    }
    door.close().await;
}

async fn a_page_looks_at_a_bounded_number(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut events = vec![alert("RARE", "1226", "rare", 0)];
    events.extend((1..=5100).map(|number| alert("D1", "1201", "often", number)));
    for part in events.chunks(500) {
        keep(test, part.to_vec()).await;
    }
    let first = door.get("/alerts?code=1226").await.json();
    assert!(told(&first).is_empty(), "{first}");
    let next = first["next_cursor"].as_str().unwrap();
    let second = door.get(&format!("/alerts?code=1226&cursor={next}")).await.json();
    assert_eq!((told(&second), &second["next_cursor"]), (vec![("RARE", "1226")], &json!(null)));
    let recent = door.get("/alerts?code=1226&since=2027-01-15T10:00:00Z").await.json();
    assert_eq!((told(&recent), &recent["next_cursor"]), (vec![], &json!(null)), "nothing is looked for before");
    door.close().await;
}
