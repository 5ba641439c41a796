//! Secrets of policies: an author gives them to the server, devices get them, and nobody else sees them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use transom::simulator::device::Behaviour;

use super::on_both;
use super::secrets::stored;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site, transom, until};
use crate::support::windows::Windows;

on_both!(
    a_secret_of_a_policy_is_found_nowhere_but_on_the_device,
    the_command_line_takes_a_secret_from_standard_input_or_a_file,
);

const FIRST: &str = "Xylophon7.Quartz";
const SECOND: &str = "Zeppelin9.Granit";
const NOTE: &str = "./Device/Vendor/MSFT/Policy/Config/Update/UpdateServiceUrl";
const PAGES: &str = "./Device/Vendor/MSFT/Policy/Config/Browser/HomePages";
const WIFI: &str = "./Device/Vendor/MSFT/WiFi/Profile/Home/WlanXml";

fn declarations() -> Value {
    let wlan = "<WLANProfile><sharedKey><keyMaterial>${asset.word}</keyMaterial></sharedKey></WLANProfile>";
    let settings = BTreeMap::from([
        // Neither name tells that it is a secret.
        (NOTE, json!("say ${asset.word} twice")),
        (PAGES, json!("<https://intranet.example/?key=${asset.word}>")),
        (WIFI, json!(wlan)),
    ]);
    json!([
        {"type": "asset", "identifier": "word", "payload": {"secret": true}},
        {"type": "configuration", "identifier": "quiet", "payload": {"settings": settings,
            "overrides": {(PAGES): "of an older Edge", (NOTE): "of our own agent", (WIFI): "home"}}},
        {"type": "activation", "identifier": "all", "payload": {"configurations": ["quiet"]}},
    ])
}

async fn looked_at(operator: &Operator) {
    let done = async || (operator.get("/api/v1/policies/progress").await["done"] == true).then_some(());
    until("all devices are looked at", done).await;
}

async fn states(operator: &Operator) -> BTreeMap<String, String> {
    let told = operator.get("/api/v1/devices/DEVICE/policies").await;
    let each = told["settings"].as_array().unwrap().iter();
    each.map(|setting| {
        let name = setting["target"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (name, setting["state"].as_str().unwrap().to_owned())
    })
    .collect()
}

async fn a_secret_of_a_policy_is_found_nowhere_but_on_the_device(site: Site) {
    let site = site.without_rates().with("LOG_LEVEL", "trace");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("DEVICE", Behaviour::default());
    operator.import(&[entry]).await;
    let client = windows.usual();
    windows.session(&client, &mut device).await;
    let apply = json!({"message": "quiet", "declarations": declarations()});
    operator.post("/api/v1/policies/apply", &apply).await;
    looked_at(&operator).await;
    assert!(states(&operator).await.values().all(|state| state == "unresolved"), "{:?}", states(&operator).await);
    let known = operator.get("/api/v1/policies/secrets").await;
    assert_eq!((&known["items"], &known["missing"]), (&json!([]), &json!(["word"])));

    // It has a value from now on, and the device gets it; another value is sent again.
    for (version, value) in [(1, FIRST), (2, SECOND)] {
        let set = operator.post("/api/v1/policies/secrets/word", &json!({"value": value})).await;
        assert_eq!((&set["version"], &set["declared"]), (&json!(version), &json!(true)), "{set}");
        looked_at(&operator).await;
        assert!(states(&operator).await.values().all(|state| state == "pending"), "{:?}", states(&operator).await);
        windows.session(&client, &mut device).await;
        assert!(states(&operator).await.values().all(|state| state == "applied"), "{:?}", states(&operator).await);
        let last = device.log().effects().iter().rfind(|effect| effect.target == NOTE).unwrap();
        assert_eq!(last.data, format!("say {value} twice"));
    }
    // Somebody asks the device for it, and for what stands above it.
    let get = |target: &str| json!({"kind": "get", "items": [{"target": target}]});
    let asked = [
        NOTE,
        PAGES,
        "./Vendor/MSFT/policy/config/Update/UpdateServiceUrl",
        "./Device/Vendor/MSFT/Policy/Config/Update",
        WIFI,
    ];
    operator.order_for("DEVICE", &Value::Array(asked.iter().map(|target| get(target)).collect())).await;
    windows.session(&client, &mut device).await;

    let mut shown = everything_shown(&site, &server, &operator).await;
    // It was looked at in the right places.
    assert!(shown.iter().any(|(_, text)| text.contains("UpdateServiceUrl") && text.contains("[redacted]")));
    shown.extend(stored(&site));
    let mut found = Vec::new();
    for secret in [FIRST, SECOND].iter().flat_map(|secret| forms(secret)) {
        for (place, text) in &shown {
            if let Some(at) = text.find(&secret) {
                let start = text.floor_char_boundary(at.saturating_sub(200));
                found.push(format!("{secret} in {place}: {}", &text[start..at + secret.len()]));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));

    // Taken away, it is missing again.
    operator.delete("/api/v1/policies/secrets/word").await;
    looked_at(&operator).await;
    assert!(states(&operator).await.values().all(|state| state == "unresolved"), "{:?}", states(&operator).await);
    let audit = operator.list("/api/v1/audit").await;
    let actions: Vec<&str> = audit.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert!(actions.contains(&"policy_secret.set") && actions.contains(&"policy_secret.remove"), "{actions:?}");
    // Between two revisions it is said that somebody did something to it.
    let mut more = declarations();
    more.as_array_mut()
        .unwrap()
        .push(json!({"type": "management", "identifier": "us", "payload": {"organization": "x"}}));
    operator.post("/api/v1/policies/apply", &json!({"message": "later", "declarations": more})).await;
    let diff = operator.get("/api/v1/policies/revisions/2/diff").await;
    assert_eq!(
        (&diff["secrets"][0]["name"], &diff["secrets"][0]["what"]),
        (&json!("word"), &json!("removed")),
        "{diff}"
    );
    assert_eq!(diff["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(operator.get("/api/v1/policies/revisions/1/diff").await["secrets"], json!([]));
    windows.judge_the_end();
}

/// A secret as it is, in hex, and in base64 wherever it begins.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for before in 0..3 {
        let whole = STANDARD.encode([&b"..."[..before], secret.as_bytes()].concat());
        // What stands at either end depends on what is beside it.
        forms.push(whole[4..whole.len() - 4].to_owned());
    }
    forms
}

/// All that an operator can look at.
async fn everything_shown(site: &Site, server: &Server, operator: &Operator) -> Vec<(String, String)> {
    let mut shown = vec![("the log".to_owned(), site.log()), ("the metrics".to_owned(), operator.metrics().await)];
    let mut pages = vec!["/".to_owned(), "/policies".to_owned(), "/policy-secrets".to_owned(), "/audit".to_owned()];
    pages.extend(
        ["/devices/DEVICE", "/policies/quiet", "/policies/word", "/policies/all", "/events"].map(str::to_owned),
    );
    let mut paths = vec!["/api/v1/status".to_owned(), "/api/v1/policies".to_owned()];
    paths.extend(
        ["secrets", "export", "revisions", "revisions/1/diff", "declarations/quiet"]
            .map(|it| format!("/api/v1/policies/{it}")),
    );
    paths.extend(["", "/policies", "/facts"].map(|it| format!("/api/v1/devices/DEVICE{it}")));
    for command in operator.list("/api/v1/commands?own=true&device_id=DEVICE").await {
        let id = command["id"].as_str().unwrap();
        paths.push(format!("/api/v1/commands/{id}"));
        pages.push(format!("/commands/{id}"));
    }
    for session in operator.list("/api/v1/sessions?device_id=DEVICE").await {
        let id = session["id"].as_str().unwrap();
        paths.extend(["", "/messages"].map(|it| format!("/api/v1/sessions/{id}{it}")));
        pages.extend(["", "/export.html", "/export.json"].map(|it| format!("/sessions/{id}{it}")));
        for message in operator.list(&format!("/api/v1/sessions/{id}/messages")).await {
            pages.push(format!("/sessions/{id}/messages/{}", message["id"].as_str().unwrap()));
        }
    }
    for path in paths {
        let text = operator.get(&path).await.to_string();
        shown.push((path, text));
    }
    for path in ["/api/v1/devices/DEVICE/events", "/api/v1/audit"] {
        shown.push((path.to_owned(), Value::Array(operator.list(path).await).to_string()));
    }
    let browser = Browser::sign_in(server, operator).await;
    for path in pages {
        let text = browser.see(&path).await;
        shown.push((path, text));
    }
    // What is looked for is not found by it.
    for secret in [FIRST, SECOND] {
        let found = operator.list(&format!("/api/v1/sessions?text={secret}")).await;
        assert!(found.is_empty(), "{found:?}");
    }
    shown
}

/// Somebody who looks at pages.
struct Browser {
    http: Client,
    admin: String,
    cookie: String,
}

impl Browser {
    async fn sign_in(server: &Server, operator: &Operator) -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let admin = server.admin().trim_end_matches('/').to_owned();
        let made = operator.post("/api/v1/operators", &json!({"name": "ada", "role": "admin"})).await;
        let link = made["link"].as_str().unwrap();
        let link = if link.starts_with('/') { format!("{admin}{link}") } else { link.to_owned() };
        let post = async |to: String, form: &'static str| {
            let request = http.post(to).header("Content-Type", "application/x-www-form-urlencoded").body(form);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 303);
            response
        };
        post(link, "password=correct+horse+battery&again=correct+horse+battery").await;
        let form = "name=ada&password=correct+horse+battery&code=&next=%2Fdevices";
        let signed_in = post(format!("{admin}/sign-in"), form).await;
        let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { http, admin, cookie }
    }

    async fn see(&self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.admin)).header("Cookie", &self.cookie);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }
}

async fn the_command_line_takes_a_secret_from_standard_input_or_a_file(site: Site) {
    let server = site.serve();
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], input: &str| {
        let mut child = transom(&site.data())
            .current_dir(folder.path())
            .args(["policy", "secret"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(&["set", "word"], &format!("{FIRST}\n"));
    assert_eq!((code, out.as_str()), (0, "word: version 1\n"), "{err}");
    assert!(err.contains("no secret asset called word is published"), "{err}");
    std::fs::write(folder.path().join("key.bin"), [0, 255, 1]).unwrap();
    let (code, out, err) = run(&["set", "word", "--file", "key.bin"], "");
    assert_eq!((code, out.as_str()), (0, "word: version 2\n"), "{err}");
    let apply = json!({"message": "quiet", "declarations": declarations()});
    server.operator().post("/api/v1/policies/apply", &apply).await;
    let (code, out, _) = run(&["list"], "");
    assert!(code == 0 && out.contains("word") && !out.contains(FIRST), "{out}");
    assert_eq!(run(&["set", "word"], "").0, 1, "nothing is no value");
    assert_eq!(run(&["remove", "word"], "").0, 0);
    let (code, out, _) = run(&["list"], "");
    assert!(code == 0 && out.contains("has no value"), "{out}");
    assert_eq!(run(&["remove", "word"], "").0, 1);
    assert_eq!(run(&["set", "no name"], "x").0, 1);
}
