//! The API, tried by schemathesis: whatever it makes of the document, no answer is a server error and none contradicts
//! the document.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::{Engine, TestStore};

scenarios!(no_answer_contradicts_the_document);

/// The program, or nothing and a word on it where it is not installed.
fn program() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/schemathesis/bin/schemathesis");
    let hint = "tests/support/schemathesis/requirements.txt says how";
    let required = std::env::var("REQUIRE_SCHEMATHESIS").as_deref() == Ok("1");
    assert!(program.is_file() || !required, "REQUIRE_SCHEMATHESIS=1, and it is not installed; {hint}");
    if !program.is_file() {
        println!("skipped: schemathesis is not installed; {hint}");
        return None;
    }
    Some(program)
}

/// Something of each noun, and where the ids of each are used.
async fn furnish(door: &AdminDoor) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let mut device = door.enroll_named("D1", "LAPTOP-1").await;
    for id in ["D2", "D3"] {
        door.enroll(id).await;
    }
    let commands = json!([
        {"kind": "get", "items": [{"target": "./DevDetail/SwV"}]},
        {"kind": "replace", "items": [{"target": "./Vendor/MSFT/Policy/Config/Camera/AllowCamera", "format": "int", "data": "0"}]},
        {"kind": "get", "items": [{"target": "./Vendor/MSFT/DMClient/Provider"}]},
    ]);
    door.post("/commands", &json!({"device_id": "D1", "commands": commands})).await;
    door.check_in(&mut device).await;
    door.post("/commands", &json!({"devices": ["D1", "D2"], "commands": commands})).await;
    let made = [
        door.post("/devices/D1/actions", &json!({"action": {"kind": "reboot"}})).await,
        door.post("/enrollment-users", &json!({"name": "ada", "password": "Hunter2-Hunter2"})).await,
        door.post("/enrollment-tokens", &json!({"user": "ada"})).await,
        door.post("/declared-devices", &json!({"devices": [{"kind": "serial", "value": "S-1"}]})).await,
        door.post("/operators", &json!({"name": "bob", "role": "helpdesk"})).await,
        door.post("/tokens", &json!({"name": "script", "role": "auditor"})).await,
        door.post("/webhooks", &json!({"name": "siem", "url": "https://siem.contoso.test/in"})).await,
        door.post(
            "/devices/D1/recovery-keys",
            &json!({"kind": "bitlocker", "name": "C", "secret": "111111-222222-333333-444444"}),
        )
        .await,
    ];
    for answered in made {
        assert!(answered.status < 500, "{answered:?}");
    }
    super::people::operator(door, "eve", "helpdesk").await;
    let mut ids = Vec::new();
    for (name, noun) in [
        ("commands", "/commands"),
        ("sessions", "/sessions"),
        ("actions", "/actions"),
        ("enrollment-tokens", "/enrollment-tokens"),
    ] {
        let Value::Array(items) = door.get(noun).await.json()["items"].take() else { panic!("no list at {noun}") };
        assert!(!items.is_empty(), "nothing at {noun}");
        ids.push((name, "id", items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()));
    }
    ids.push(("devices", "id", ["D1", "D2", "D3"].map(str::to_owned).to_vec()));
    ids.push(("enrollment-users", "name", vec!["ada".to_owned()]));
    ids.push(("operators", "name", vec!["eve".to_owned()]));
    ids
}

/// How it is to be run here: what is in the repository, and which ids there are.
fn config(ids: &[(&str, &str, Vec<String>)]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/schemathesis");
    let mut text = std::fs::read_to_string(folder.join("schemathesis.toml")).unwrap();
    for (noun, parameter, values) in ids {
        let _ = write!(
            text,
            "\n[dictionaries.{noun}]\nvalues = {values:?}\n\n[[operations]]\ninclude-path-regex = '^/{noun}/\\{{'\n\
             parameters = {{ \"path.{parameter}\" = {{ dictionary = \"{noun}\", probability = 0.8 }} }}\n"
        );
    }
    text
}

async fn no_answer_contradicts_the_document(test: &TestStore) {
    let Some(program) = program() else { return };
    let door = AdminDoor::open(&test.store).await;
    let ids = furnish(&door).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schemathesis.toml");
    std::fs::write(&file, config(&ids)).unwrap();
    let mut run = Command::new(program);
    run.current_dir(folder.path())
        .arg("--config-file")
        .arg(&file)
        .arg("run")
        .arg(format!("{}/api/openapi.json", door.base))
        .args(["--url", &format!("{}/api/v1", door.base)])
        .args(["--header", &format!("Authorization: Bearer {}", door.token)])
        // Not the same on both, and the same each time.
        .args([
            "--seed",
            match test.engine {
                Engine::Sqlite => "1",
                Engine::Postgres => "2",
            },
        ])
        .arg("--no-color");
    let run = tokio::task::spawn_blocking(move || run.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.contains("/commands/{id}") || said.contains("API Operations"), "it has tried nothing:\n{said}");
    door.close().await;
}
