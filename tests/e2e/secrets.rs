//! Secrets that go through the server in both directions are nowhere in clear: not in the database, not in the log, not
//! in the journal, not in what operators are shown (T38).

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};
use transom::http::PAGES;
use transom::protocol::syncml::codec::{Encoding, decode};
use transom::protocol::xml::Limits;
use transom::simulator::device::Behaviour;
use transom::simulator::notice::Notice;

use super::on_both;
use super::signed_in::{SignedIn, nonce_of};
use crate::support::collector::Collector;
use crate::support::databases::Direct;
use crate::support::operator::Operator;
use crate::support::server::Site;
use crate::support::windows::Windows;
use transom::store::DatabaseUrl;

on_both!(no_secret_is_found_in_clear);

/// Makes secrets that are found nowhere else.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn next(&mut self) -> String {
        let secret = format!("hidden{:02}treasure", self.0.len());
        self.0.push(secret.clone());
        secret
    }
}

fn write(kind: &str, target: &str, data: impl Into<String>) -> Value {
    json!({ "kind": kind, "items": [{ "target": target, "format": "chr", "data": data.into() }] })
}

/// Orders that carry secrets to the device, and ask for some of them back.
fn orders(secrets: &mut Secrets) -> Value {
    let wifi =
        |key: &str| format!("<WLANProfile><sharedKey><keyMaterial>{key}</keyMaterial></sharedKey></WLANProfile>");
    let vendor = "./Device/Vendor/MSFT";
    let mut orders = vec![
        write("add", &format!("{vendor}/WiFi/Profile/Home/WlanXml"), wifi(&secrets.next())),
        write("replace", "./Vendor/MSFT/WiFi/Profile/Office%20Net/WlanXml", wifi(&secrets.next())),
        write("add", &format!("{vendor}/VPNv2/Work/ProfileXML"), format!("<P><Psk>{}</Psk></P>", secrets.next())),
        write("add", &format!("{vendor}/Accounts/Users/ada/Password"), secrets.next()),
        write("add", &format!("{vendor}/ClientCertificateInstall/SCEP/A/Install/Challenge"), secrets.next()),
        write("add", &format!("{vendor}/ClientCertificateInstall/PFXCertInstall/A/PFXCertBlob"), secrets.next()),
        write("add", &format!("{vendor}/ClientCertificateInstall/PFXCertInstall/A/PFXCertPassword"), secrets.next()),
        write("add", "./SyncML/DMAcc/a/AppAuth/CLCRED/AAuthSecret", secrets.next()),
        write("replace", "./Vendor/Contoso/Wifi/PresharedKey", secrets.next()),
        write("replace", "./Vendor/Contoso/Wifi/WifiKey", secrets.next()),
        write("replace", "./Vendor/Contoso/Agent/EnrollmentSecret", secrets.next()),
        write("replace", "./Vendor/Contoso/Agent/Psk", secrets.next()),
        write("replace", "./Vendor/Contoso/Agent/admin%50assword", secrets.next()),
        write(
            "replace",
            "./Vendor/Contoso/Agent/Document",
            format!("<doc><password>{}</password></doc>", secrets.next()),
        ),
        write("exec", &format!("{vendor}/WindowsLicensing/ChangeProductKey"), secrets.next()),
        write("exec", &format!("{vendor}/HealthAttestation/TriggerAttestation"), secrets.next()),
        write(
            "exec",
            &format!("{vendor}/DiagnosticLog/DiagnosticArchive/ArchiveDefinition"),
            format!("<Collection><SasUrl>{}</SasUrl></Collection>", secrets.next()),
        ),
        json!({ "kind": "atomic", "commands": [
            write("add", &format!("{vendor}/Accounts/Users/eve/Password"), secrets.next()),
            write("replace", "./DevDetail/SwV", "not allowed".to_owned()) ] }),
        json!({ "kind": "sequence", "commands": [
            write("add", &format!("{vendor}/Accounts/Users/bob/Password"), secrets.next()) ] }),
    ];
    for node in ["WiFi/Profile/Home/WlanXml", "VPNv2/Work/ProfileXML", "WiFi/Profile/Home"] {
        orders.push(json!({ "kind": "get", "items": [{ "target": format!("{vendor}/{node}") }] }));
    }
    Value::Array(orders)
}

/// Bodies that no simulated device says.
fn bodies(secrets: &mut Secrets) -> Vec<String> {
    let item =
        |node: &str, data: String| format!("<Item><Source><LocURI>{node}</LocURI></Source><Data>{data}</Data></Item>");
    let recovery = "./Device/Vendor/MSFT/BitLocker/RecoveryPassword";
    vec![
        format!(
            "<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>9</CmdRef>{}</Results>",
            item(recovery, secrets.next())
        ),
        format!("<Results><CmdID>2</CmdID><CmdRef>9</CmdRef><Item><Data>{}</Data></Item></Results>", secrets.next()),
        format!(
            "<Alert><CmdID>2</CmdID><Data>1226</Data>{}</Alert>",
            item("./Vendor/MSFT/RemoteLock/NewPINValue", secrets.next())
        ),
        format!(
            "<Alert><CmdID>2</CmdID><Data>1224</Data><Item><Meta><Type xmlns='syncml:metinf'>com.microsoft/MDM/AADUserToken</Type></Meta><Data>{}</Data></Item></Alert>",
            secrets.next()
        ),
        format!(
            "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>5</CmdRef><Cmd>Replace</Cmd><TargetRef>{recovery}</TargetRef><Data>500</Data><Item><Data>{}</Data></Item></Status>",
            secrets.next()
        ),
        format!("<Replace><CmdID>2</CmdID>{}</Replace>", item(recovery, secrets.next())),
        format!("<Frobnicate><CmdID>2</CmdID>{}</Frobnicate>", item(recovery, secrets.next())),
        format!("<Put><CmdID>2</CmdID>{}</Put>", item(recovery, secrets.next())),
    ]
}

async fn no_secret_is_found_in_clear(site: Site) {
    let collector = Collector::start();
    let site = site.without_rates().with("LOG_LEVEL", "trace").with("TELEMETRY_ENDPOINT", &collector.endpoint());
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let mut secrets = Secrets::default();
    let (mut device, entry) = windows.device("THE-DEVICE", Behaviour::default());
    operator.import(&[entry]).await;
    secrets.0.push("secret of THE-DEVICE".to_owned());
    operator.order_for("THE-DEVICE", &orders(&mut secrets)).await;
    let mut notice = Notice::event("com.microsoft/MDM/AADUserToken", &secrets.next());
    device.notify(notice.clone());
    notice.kind = "com.contoso/something".to_owned();
    notice.source = Some("./Device/Vendor/MSFT/LAPS/CurrentPassword".to_owned());
    notice.data = secrets.next();
    device.notify(notice);
    let mut exchanges = Vec::new();
    for _ in 0..2 {
        exchanges.extend(windows.session(&windows.usual(), &mut device).await.exchanges);
    }
    let http = windows.http();
    for (number, body) in bodies(&mut secrets).iter().enumerate() {
        let mut session = SignedIn::new(&windows, &http, "THE-DEVICE", 100 + number).await;
        let message = session.message(body);
        let (status, _) = windows.post(&http, Encoding::Xml, message).await;
        assert_eq!(status, 200, "{body}");
        // The same, cut off: nobody can say where its secret is.
        let mut message = session.message(body);
        message.truncate(message.len() - 20);
        assert_eq!(windows.post(&http, Encoding::Xml, message).await.0, 400);
    }
    // What proves who somebody is, is a secret too.
    for exchange in &exchanges {
        let read = |body: &[u8]| decode(exchange.encoding, body, &Limits::default()).unwrap().message;
        secrets.0.extend(read(&exchange.request).header.cred.map(|cred| cred.data));
        secrets.0.extend(nonce_of(&read(&exchange.reply)).map(|nonce| nonce.to_base64()));
    }
    assert!(secrets.0.len() >= 30, "{}", secrets.0.len());

    let mut shown = vec![("the log".to_owned(), site.log()), ("the metrics".to_owned(), operator.metrics().await)];
    for command in operator.list("/api/v1/commands?device_id=THE-DEVICE").await {
        let path = format!("/api/v1/commands/{}", command["id"].as_str().unwrap());
        shown.push((path.clone(), operator.get(&path).await.to_string()));
    }
    let sessions = operator.list("/api/v1/sessions?device_id=THE-DEVICE").await;
    assert!(sessions.len() >= 10, "{}", sessions.len());
    shown.extend(pages(&operator, &sessions).await);
    for session in sessions {
        let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
        shown.push((path.clone(), operator.get(&path).await.to_string()));
        let messages = operator.list(&format!("{path}/messages")).await;
        assert!(!messages.is_empty());
        shown.push((format!("{path}/messages"), Value::Array(messages).to_string()));
    }
    for path in ["/api/v1/devices/THE-DEVICE", "/api/v1/status", "/api/v1/settings", "/api/v1/devices/THE-DEVICE/facts"]
    {
        shown.push((path.to_owned(), operator.get(path).await.to_string()));
    }
    for path in ["/api/v1/devices/THE-DEVICE/events", "/api/v1/events", "/api/v1/alerts", "/api/v1/audit"] {
        shown.push((path.to_owned(), Value::Array(operator.list(path).await).to_string()));
    }
    // The journal shows what is no secret, so that it was looked at in the right place.
    assert!(shown.iter().any(|(_, text)| text.contains("WLANProfile") || text.contains("[redacted]")));
    shown.extend(stored(&site));
    assert_eq!(tokio::task::block_in_place(|| server.terminate()), Some(0));
    assert!(!collector.spans().is_empty());
    shown.push(("the spans".to_owned(), String::from_utf8_lossy(&collector.bodies()).into_owned()));

    let forms: Vec<(&String, Vec<String>)> = secrets.0.iter().map(|secret| (secret, forms(secret))).collect();
    let mut found = Vec::new();
    for (place, text) in &shown {
        for (secret, forms) in &forms {
            if let Some((at, form)) = forms.iter().find_map(|form| Some((text.find(form.as_str())?, form))) {
                let start = text.floor_char_boundary(at.saturating_sub(300));
                found.push(format!("{secret} in {place}: {}", &text[start..at + form.len()]));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// Every page, and what can be taken away from one.
async fn pages(operator: &Operator, sessions: &[Value]) -> Vec<(String, String)> {
    let viewer = operator.viewer("ada", "admin").await;
    let mut paths: Vec<String> =
        PAGES.iter().filter(|path| !path.contains('{')).map(|path| (*path).to_owned()).collect();
    paths.push("/devices/THE-DEVICE".to_owned());
    for command in operator.list("/api/v1/commands?device_id=THE-DEVICE").await {
        paths.push(format!("/commands/{}", command["id"].as_str().unwrap()));
    }
    for session in sessions {
        let path = format!("/sessions/{}", session["id"].as_str().unwrap());
        for message in operator.list(&format!("/api/v1{path}/messages")).await {
            paths.push(format!("{path}/messages/{}", message["id"].as_str().unwrap()));
        }
        paths.extend(["", "/export.html", "/export.json", "/live"].map(|end| format!("{path}{end}")));
    }
    let mut seen = Vec::new();
    for path in paths {
        let (status, text) = viewer.see(&path).await;
        assert!(status < 500, "{path}: {text}");
        assert!(status == 200 || !path.starts_with("/sessions/"), "{path}: {status} {text}");
        seen.push((path, text));
    }
    seen
}

/// A text as it is, and as others write it: in base64 at each place of three, and in hexadecimal.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    if secret.len() < 12 {
        return forms;
    }
    for before in 0..3 {
        let text = [vec![0; before], secret.as_bytes().to_vec()].concat();
        let whole = STANDARD_NO_PAD.encode(&text);
        // What depends on what stands before and behind is left out.
        let inner =
            &whole[if before == 0 { 0 } else { before + 1 }..whole.len() - 1 - usize::from(text.len() % 3 == 1)];
        forms.extend([inner.to_owned(), inner.replace('+', "-").replace('/', "_")]);
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.extend([hex.to_uppercase(), hex]);
    forms
}

#[test]
fn a_secret_is_known_in_other_forms() {
    let forms = forms("hidden07treasure");
    let text = |before: &str| STANDARD_NO_PAD.encode(format!("{before}hidden07treasure and more"));
    for before in ["", "a", "ab", "abc", "abcd"] {
        let text = text(before);
        assert!(forms.iter().any(|form| text.contains(form.as_str())), "{before}: {text}");
    }
    assert!(forms.contains(&"68696464656e30377472656173757265".to_owned()));
    assert!(forms.iter().all(|form| form.len() >= 15), "{forms:?}");
}

/// All that the database keeps, as text.
pub(super) fn stored(site: &Site) -> Vec<(String, String)> {
    match site.url() {
        DatabaseUrl::Sqlite(_) => {
            let files = fs::read_dir(site.data()).unwrap().map(|entry| entry.unwrap().path());
            let files: Vec<_> = files.filter(|path| path.to_string_lossy().contains("transom.db")).collect();
            assert!(files.len() >= 2, "{files:?}");
            let read = |path: &std::path::PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            files.iter().map(|path| (path.display().to_string(), read(path))).collect()
        }
        DatabaseUrl::Postgres(_) => {
            let mut direct = Direct::connect(site.url());
            let tables =
                direct.texts("SELECT tablename::text AS text FROM pg_tables WHERE schemaname = current_schema()");
            assert!(tables.len() >= 10, "{tables:?}");
            let rows = |table: &String, direct: &mut Direct| {
                let text = format!("SELECT t::text AS text FROM {table} t");
                let hex = format!("SELECT encode(convert_to(t::text, 'UTF8'), 'escape') AS text FROM {table} t");
                [direct.texts(&text), direct.texts(&hex)].concat().join("\n")
            };
            tables.iter().map(|table| (table.clone(), unhexed(&rows(table, &mut direct)))).collect()
        }
    }
}

/// A text with every `\x…` of PostgreSQL also as the bytes that it stands for.
fn unhexed(text: &str) -> String {
    let mut whole = text.to_owned();
    for part in text.split("\\x").skip(1) {
        let digits: Vec<u8> = part.bytes().take_while(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(byte).collect();
        whole.push('\n');
        whole.push_str(&String::from_utf8_lossy(&bytes));
    }
    whole
}
