//! What happens is told: in pages, and as a stream.

use serde_json::{Value, json};
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::server::{Site, until};
use crate::support::windows::Windows;

on_both!(
    what_happens_to_a_device_is_told_in_its_order,
    a_stream_tells_what_happens_and_goes_on_where_it_stood,
    a_stream_ends_with_the_token_that_opened_it,
);

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn what_happens_to_a_device_is_told_in_its_order(site: Site) {
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    let command = json!([{"kind": "get", "items": [{"target": "./DevDetail/SwV"}]}]);
    let ids = operator.order_for("PC-1", &command).await;
    windows.session(&windows.usual(), &mut device).await;
    operator.post("/api/v1/devices/PC-1/block", &json!({})).await;
    let page = operator.get("/api/v1/events").await;
    let events = page["items"].as_array().unwrap();
    assert_eq!(kinds(events), ["session.started", "command.succeeded", "session.ended", "device.blocked"], "{page:#}");
    for (place, event) in events.iter().enumerate() {
        assert_eq!((&event["device_id"], &event["number"]), (&json!("PC-1"), &json!(place + 1)), "{event}");
        assert!(event["trace_id"].is_string() && event["at"].is_string(), "{event}");
    }
    let [started, succeeded, ended, blocked] = &events[..] else { unreachable!() };
    assert_eq!(succeeded["data"]["command_id"], json!(ids[0]));
    assert_eq!((&succeeded["data"]["status"], &ended["data"]["ending"]), (&json!(200), &json!("done")));
    assert_eq!(started["session_id"], ended["session_id"]);
    // One message brought the answer and ended the session; another one began it.
    assert_eq!(succeeded["trace_id"], ended["trace_id"]);
    assert!(started["trace_id"] != ended["trace_id"] && blocked["trace_id"] != ended["trace_id"]);
    assert!(!page.to_string().contains("10.0."), "values of nodes are not told: {page}");

    let next = operator.get("/api/v1/events?after=1&limit=1").await;
    assert_eq!((kinds(next["items"].as_array().unwrap()), &next["next"]), (vec!["command.succeeded"], &json!(2)));
    assert_eq!((&next["more"], &next["head"]), (&json!(true), &json!(4)));
    let some = operator.get("/api/v1/events?type=command.*,device.blocked&device=pc-1").await;
    assert_eq!(kinds(some["items"].as_array().unwrap()), ["command.succeeded", "device.blocked"]);
    let other = operator.get("/api/v1/events?device=PC-2").await;
    assert_eq!((other["items"].as_array().unwrap().len(), &other["next"]), (0, &json!(4)));
    assert_eq!(operator.stream("/api/v1/events?type=nothing", None).await.status(), 400);
    assert_eq!(server.terminate(), Some(0));
}

/// The next event of a stream: its number and kind.
async fn next(stream: &mut reqwest::Response, read: &mut String) -> (i64, String) {
    loop {
        if let Some((block, rest)) = read.split_once("\n\n") {
            let (block, rest) = (block.to_owned(), rest.to_owned());
            *read = rest;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(number), Some(kind)) = (field("id: "), field("event: ")) {
                let data: Value = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                assert_eq!(
                    (data["number"].to_string(), data["type"].as_str().unwrap()),
                    (number.clone(), kind.as_str())
                );
                return (number.parse().unwrap(), kind);
            }
            continue;
        }
        let chunk = stream.chunk().await.unwrap().expect("the stream has ended");
        read.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

async fn a_stream_tells_what_happens_and_goes_on_where_it_stood(site: Site) {
    let site = site.with("EVENTS_IDLE_SESSIONS", "true");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    let mut stream = operator.stream("/api/v1/events/stream?type=session.*", None).await;
    assert_eq!(
        (stream.status().as_u16(), stream.headers()["content-type"].to_str().unwrap()),
        (200, "text/event-stream; charset=utf-8")
    );
    let mut read = String::new();
    windows.session(&windows.usual(), &mut device).await;
    let (first, kind) = next(&mut stream, &mut read).await;
    assert_eq!(kind, "session.started");
    drop(stream);
    // Meanwhile more happens.
    windows.session(&windows.usual(), &mut device).await;
    let mut stream = operator.stream("/api/v1/events/stream?type=session.*", Some(first)).await;
    let mut read = String::new();
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(next(&mut stream, &mut read).await);
    }
    let words: Vec<&str> = told.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(words, ["session.ended", "session.started", "session.ended"]);
    assert!(told.is_sorted() && told[0].0 > first);
    // And what happens from now on.
    windows.session(&windows.usual(), &mut device).await;
    assert_eq!(next(&mut stream, &mut read).await.1, "session.started");
    assert_eq!(next(&mut stream, &mut read).await.1, "session.ended");
    let wrong = operator.stream("/api/v1/events/stream?limit=5", None).await;
    assert_eq!(wrong.status(), 400);
    // A server that stops ends its streams.
    let stopped = tokio::task::spawn_blocking(move || server.terminate());
    until("the end of the stream", async || match stream.chunk().await {
        Ok(Some(_)) => None,
        Ok(None) | Err(_) => Some(()),
    })
    .await;
    assert_eq!(stopped.await.unwrap(), Some(0));
}

async fn a_stream_ends_with_the_token_that_opened_it(site: Site) {
    let site = site.with("EVENTS_IDLE_SESSIONS", "true");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    let made = operator.post("/api/v1/tokens", &json!({ "name": "a program", "role": "auditor" })).await;
    let program = operator.with_token(made["token"].as_str().unwrap());
    let mut streams = Vec::new();
    for one in [&program, &operator] {
        let mut stream = one.stream("/api/v1/events/stream?type=session.started", None).await;
        assert_eq!(stream.status(), 200);
        let mut read = String::new();
        windows.session(&windows.usual(), &mut device).await;
        assert_eq!(next(&mut stream, &mut read).await.1, "session.started");
        streams.push((stream, read));
    }
    let [(revoked, read), (other, other_read)] = &mut streams[..] else { unreachable!() };
    // What happened before it is revoked it may have been told.
    next(revoked, read).await;
    operator.post(&format!("/api/v1/tokens/{}/revoke", made["id"].as_str().unwrap()), &json!({})).await;
    windows.session(&windows.usual(), &mut device).await;
    assert_eq!(next(other, other_read).await.1, "session.started", "whose token is good is told");
    let mut more = String::new();
    while let Ok(Some(chunk)) = revoked.chunk().await {
        more.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(!more.contains("session.started"), "{more}");
    assert_eq!(program.stream("/api/v1/events/stream", None).await.status(), 401);
    assert_eq!(server.terminate(), Some(0));
}
