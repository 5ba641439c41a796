//! The catalogue of settings over the API.

use serde_json::{Value, json};

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    descriptions_are_imported_chosen_and_forgotten,
    settings_are_found_shown_and_checked,
    templates_make_payloads_strict,
    what_can_not_be_imported_is_refused,
);

const KIOSK: &[u8] = include_bytes!("../../fixtures/ddf/kiosk-v2.xml");
const POLICY: &[u8] = include_bytes!("../../fixtures/ddf/policy-v2.xml");
const GREETING: &[u8] = include_bytes!("../../fixtures/admx/greeting.admx");

async fn import(door: &AdminDoor, name: &str, bytes: &[u8]) -> (u16, Value) {
    let request = door.request(reqwest::Method::POST, &format!("/csp/drops?name={name}")).body(bytes.to_vec());
    let answered = door.send(request).await;
    (answered.status, answered.json())
}

async fn descriptions_are_imported_chosen_and_forgotten(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let before = door.get("/csp").await.json();
    assert!(before["builtin"][0]["nodes"].as_u64().unwrap() > 5_000, "{before}");
    let (status, first) = import(&door, "one", KIOSK).await;
    assert_eq!((status, &first["drop"]["nodes"], &first["drop"]["place"]), (201, &json!(12), &json!(1)));
    let (_, second) = import(&door, "two", POLICY).await;
    assert_eq!(second["drop"]["place"], json!(null));
    let chosen = door.post("/csp/use", &json!({"names": ["two", "one"]})).await.json();
    assert_eq!((&chosen["sources"][0], &chosen["sources"][1]), (&json!("two"), &json!("one")));
    assert_eq!(door.post("/csp/use", &json!({"names": ["two", "two"]})).await.status, 422);
    assert_eq!(door.post("/csp/use", &json!({"names": ["three"]})).await.status, 404);
    let shown = door.get("/csp").await;
    let seen = shown.headers["etag"].clone();
    let choose = async |names: Value| {
        let request = door.request(reqwest::Method::POST, "/csp/use").header("If-Match", &seen);
        door.send(request.json(&json!({"names": names}))).await
    };
    assert_eq!(choose(json!(["one", "two"])).await.status, 200);
    choose(json!(["two"])).await.problem(412);
    let forget = door.request(reqwest::Method::DELETE, "/csp/drops/two").header("If-Match", &seen);
    door.send(forget).await.problem(412);
    let noted = &door.get("/audit?action=csp.use&limit=1").await.json()["items"][0];
    assert_eq!((&noted["before"]["names"], &noted["after"]["names"]), (&json!(["two", "one"]), &json!(["one", "two"])));
    let differences = door.get("/csp/diff?from=one&to=two").await.json();
    assert_eq!((&differences["removed"], &differences["changed"]), (&json!(12), &json!(0)));
    let forgotten = door.send(door.request(reqwest::Method::DELETE, "/csp/drops/two")).await;
    assert_eq!((forgotten.status, &forgotten.json()["sources"][0]), (200, &json!("one")));
    assert_eq!(door.send(door.request(reqwest::Method::DELETE, "/csp/drops/two")).await.status, 404);
}

async fn settings_are_found_shown_and_checked(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    import(&door, "kiosk", KIOSK).await;
    let found = door.get("/csp/nodes?words=kiosk+volume").await.json();
    assert_eq!(found["items"][0]["uri"], "./Device/Vendor/MSFT/Kiosk/Profiles/{ProfileName}/Volume");
    let shown = door.get("/csp/node?uri=./vendor/msft/kiosk").await.json();
    assert_eq!((&shown["uri"], &shown["source"]), (&json!("./Device/Vendor/MSFT/Kiosk"), &json!("kiosk")));
    assert!(shown["below"].as_array().unwrap().contains(&json!("Profiles/")), "{shown}");
    let missing = door.get("/csp/node?uri=./vendor/msft/kiosk/mod").await;
    assert_eq!(missing.status, 400);
    assert!(missing.json().to_string().contains("./Device/Vendor/MSFT/Kiosk/Mode"), "{missing:?}");

    let check = async |setting: Value| door.post("/csp/check", &setting).await.json();
    let corrected = check(json!({"target": "./vendor/msft/kiosk/mode", "data": "0x1"})).await;
    assert_eq!(
        (&corrected["verdict"], &corrected["data"], &corrected["format"]),
        (&json!("corrected"), &json!("1"), &json!("int"))
    );
    let refused = check(json!({"target": "./Device/Vendor/MSFT/Kiosk/Mode", "data": "7"})).await;
    assert_eq!((&refused["verdict"], &refused["findings"][0]["rule"]), (&json!("refused"), &json!("value")));
    let old =
        check(json!({"target": "./Device/Vendor/MSFT/Kiosk/Mode", "data": "1", "build": "18363.1", "edition": 48}))
            .await;
    assert_eq!((&old["verdict"], &old["findings"][0]["rule"]), (&json!("accepted"), &json!("too_old")));
    assert_eq!(door.post("/csp/check", &json!({"target": "Vendor", "data": "1"})).await.status, 400);
}

async fn templates_make_payloads_strict(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    import(&door, "policy", POLICY).await;
    let setting = json!({"target": "./Device/Vendor/MSFT/Policy/Config/Greeting/Backed", "data": "<enabled/>"});
    assert_eq!(door.post("/csp/check", &setting).await.json()["verdict"], "accepted");
    let request = door.request(reqwest::Method::POST, "/csp/templates?name=greeting.admx").body(GREETING.to_vec());
    let imported = door.send(request).await;
    assert_eq!((imported.status, &imported.json()["templates"][0]["policies"]), (201, &json!(2)));
    assert_eq!(imported.json()["replaced"], json!([]));
    assert_eq!(door.post("/csp/check", &setting).await.json()["verdict"], "refused");
    let given = "/csp/templates?name=greeting.admx&app=Kiosk";
    let given = door.send(door.request(reqwest::Method::POST, given).body(GREETING.to_vec())).await.json();
    let again = "/csp/templates?name=greeting.admx";
    let again = door.send(door.request(reqwest::Method::POST, again).body(GREETING.to_vec())).await.json();
    assert_eq!((&given["replaced"], &again["replaced"]), (&json!([]), &json!(["greeting.admx"])));
    let listed = door.get("/csp/templates").await.json();
    assert_eq!(
        (&listed[0]["file"], &listed[1]["file"]),
        (&json!("greeting.admx"), &json!("kiosk~policy~greeting.admx"))
    );
    let forgotten = door.send(door.request(reqwest::Method::DELETE, "/csp/templates/kiosk~policy~greeting.admx")).await;
    assert_eq!(forgotten.status, 200);
    let gone = door.send(door.request(reqwest::Method::DELETE, "/csp/templates/Greeting.admx")).await;
    assert_eq!((gone.status, gone.json()), (200, json!([])));
}

async fn what_can_not_be_imported_is_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (name, bytes) in
        [("a", &b"PK\x03\x04junk"[..]), ("a", b""), ("a", b"<x/>"), ("a", b"<!DOCTYPE a [<!ENTITY b 'c'>]><MgmtTree/>")]
    {
        let (status, problem) = import(&door, name, bytes).await;
        assert_eq!(status, 422, "{problem}");
    }
    for name in ["builtin", "..", "a%20b", ""] {
        assert_eq!(import(&door, name, KIOSK).await.0, 400, "{name}");
    }
}
