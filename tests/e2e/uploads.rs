//! Values that come in chunks and never end, or end with a secret in them (T48).

use serde_json::{Value, json};
use transom::protocol::syncml::{AlertCode, Command, Message, StatusCode};
use transom::simulator::device::Behaviour;

use super::on_both;
use super::secrets::stored;
use super::signed_in::SignedIn;
use crate::support::databases::Direct;
use crate::support::server::{Site, size};
use crate::support::windows::Windows;

on_both!(
    uploads_that_nobody_ends_are_bounded,
    one_device_can_not_take_the_room_of_all,
    who_leaves_in_the_middle_of_a_secret_leaves_nothing_of_it,
);

/// Bytes of a chunk, and of the value that it is announced as a part of.
const CHUNK: usize = 64 * 1024;
const WHOLE: usize = 1_000_000;

/// A chunk that answers the one command of the last reply.
fn chunk(asked: &(String, String), node: &str, size: Option<usize>, data: &str) -> String {
    let (msg_ref, cmd_ref) = asked;
    let size =
        size.map_or_else(String::new, |size| format!("<Meta><Size xmlns=\"syncml:metinf\">{size}</Size></Meta>"));
    format!(
        "<Results><CmdID>2</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_ref}</CmdRef><Item><Source>\
         <LocURI>{node}</LocURI></Source>{size}<Data>{data}</Data><MoreData/></Item></Results>"
    )
}

/// How the chunk of the last message was answered.
fn answer(reply: &Message) -> StatusCode {
    let of_chunk = |command: &Command| match command {
        Command::Status(status) if status.cmd == "Results" => Some(status.code),
        _ => None,
    };
    reply.body.commands.iter().find_map(of_chunk).expect("a Status of the Results")
}

fn get(node: &str) -> Value {
    json!([{ "kind": "get", "items": [{ "target": node }] }])
}

/// What all unfinished values take in the database.
fn kept(site: &Site) -> i64 {
    Direct::connect(site.url()).number("SELECT COALESCE(SUM(length(data)), 0) FROM upload_chunks")
}

async fn uploads_that_nobody_ends_are_bounded(site: Site) {
    const ROOM: usize = 4 * 1024 * 1024;
    let site = site.without_rates().with("SESSION_ALL_UPLOAD_BYTES", "4MiB");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let http = windows.http();
    let names: Vec<String> = (0..size("E2E_UPLOADS", 120)).map(|number| format!("STOPS-{number}")).collect();
    let entries: Vec<Value> = names.iter().map(|name| windows.device(name, Behaviour::default()).1).collect();
    operator.import(&entries).await;
    operator.order(&json!({ "devices": names, "commands": get("./DevDetail/SwV") })).await;

    let data = "x".repeat(CHUNK);
    let (mut buffered, mut refused, mut before) = (0, 0, 0);
    for (number, name) in names.iter().enumerate() {
        if number == 20 {
            // All that is made at the first use is made.
            before = server.resident();
        }
        let mut session = SignedIn::new(&windows, &http, name, 1).await;
        let said = chunk(&session.asked(), "./DevDetail/SwV", Some(WHOLE), &data);
        match answer(&session.says(&said).await) {
            StatusCode::BUFFERED => buffered += 1,
            StatusCode::TOO_LARGE => refused += 1,
            other => panic!("{name}: {other}"),
        }
    }
    let fit = ROOM / (CHUNK + 512);
    assert!((fit..=ROOM / CHUNK).contains(&buffered), "{buffered} of {}", names.len());
    assert_eq!(buffered + refused, names.len());
    assert!(usize::try_from(kept(&site)).unwrap() <= ROOM);
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 24 * 1024, "{} unfinished values cost {grown} KiB", names.len());

    // Whoever brings a value in one piece is not concerned.
    let (mut device, entry) = windows.device("A-GOOD-DEVICE", Behaviour::default());
    operator.import(&[entry]).await;
    let id = operator.order_for("A-GOOD-DEVICE", &get("./DevDetail/SwV")).await.remove(0);
    windows.session(&windows.usual(), &mut device).await;
    assert_eq!(operator.state(&id).await, "succeeded");
    // And whoever begins anew gives back what was kept.
    let before = kept(&site);
    SignedIn::new(&windows, &http, &names[0], 2).await;
    assert_eq!(kept(&site), before - i64::try_from(CHUNK + 29).unwrap());
}

async fn one_device_can_not_take_the_room_of_all(site: Site) {
    let site = site.without_rates().with("SESSION_DEVICE_UPLOAD_BYTES", "200KiB");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let http = windows.http();
    operator.import(&[windows.device("GREEDY", Behaviour::default()).1]).await;
    operator.order_for("GREEDY", &get("./DevDetail/SwV")).await;
    let mut session = SignedIn::new(&windows, &http, "GREEDY", 1).await;
    let asked = session.asked();
    let data = "x".repeat(CHUNK);
    let mut answers = Vec::new();
    for number in 0..4 {
        let said = chunk(&asked, "./DevDetail/SwV", (number == 0).then_some(WHOLE), &data);
        answers.push(answer(&session.says(&said).await));
    }
    let buffered = StatusCode::BUFFERED;
    assert_eq!(answers, [buffered, buffered, buffered, StatusCode::TOO_LARGE]);
    assert_eq!(kept(&site), 0, "what can not be completed is not kept");
}

async fn who_leaves_in_the_middle_of_a_secret_leaves_nothing_of_it(site: Site) {
    const NODE: &str = "./Device/Vendor/MSFT/BitLocker/RecoveryPassword";
    const SECRETS: [&str; 3] = ["483920-first-piece-118273", "483920-second-piece-118273", "483920-third-piece-118273"];
    let site = site.without_rates().with("LOG_LEVEL", "trace");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let http = windows.http();
    operator.import(&[windows.device("LEAVING", Behaviour::default()).1]).await;
    let id = operator.order_for("LEAVING", &get(NODE)).await.remove(0);
    let mut session = SignedIn::new(&windows, &http, "LEAVING", 1).await;
    let asked = session.asked();
    for (number, secret) in SECRETS.iter().take(2).enumerate() {
        let said = chunk(&asked, NODE, (number == 0).then_some(WHOLE), secret);
        assert_eq!(answer(&session.says(&said).await), StatusCode::BUFFERED);
    }
    assert!(kept(&site) > 0);
    let leave = "<Alert><CmdID>3</CmdID><Data>1226</Data><Item><Meta>\
                 <Type xmlns='syncml:metinf'>com.microsoft:mdm.unenrollment.userrequest</Type>\
                 <Format xmlns='syncml:metinf'>int</Format></Meta><Data>1</Data></Item></Alert>";
    let reply = session.says(&(chunk(&asked, NODE, None, SECRETS[2]) + leave)).await;
    assert!(reply.body.commands.iter().all(|command| match command {
        Command::Alert(alert) => alert.code != Some(AlertCode::NEXT_MESSAGE),
        _ => true,
    }));
    assert_eq!(kept(&site), 0);
    assert_eq!(operator.state(&id).await, "canceled");

    let mut shown = vec![("the log".to_owned(), site.log()), ("the metrics".to_owned(), operator.metrics().await)];
    shown.push(("the command".to_owned(), operator.command(&id).await.to_string()));
    for session in operator.list("/api/v1/sessions?device_id=LEAVING").await {
        let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
        shown.push((path.clone(), operator.get(&path).await.to_string()));
        let messages = Value::Array(operator.list(&format!("{path}/messages")).await).to_string();
        assert!(messages.contains("unenrollment.userrequest") && messages.contains("MoreData"), "{messages}");
        shown.push((format!("{path}/messages"), messages));
    }
    let events = operator.list("/api/v1/devices/LEAVING/events").await;
    assert!(events.iter().any(|event| event["code"] == "unenrolled"), "{events:#?}");
    shown.push(("the events".to_owned(), Value::Array(events).to_string()));
    shown.extend(stored(&site));
    for (place, text) in &shown {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {place}");
        }
    }
}
