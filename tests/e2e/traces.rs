//! Messages that real devices sent: each is read, answered by the book and kept.
//!
//! The recordings lie beside the project, not in it; where they are absent, so is this test.

use std::fs;
use std::path::{Path, PathBuf};

use transom::protocol::syncml::Command;
use transom::protocol::syncml::codec::{Encoding, decode};
use transom::protocol::xml::Limits;
use transom::simulator::device::Behaviour;

use super::on_both;
use super::signed_in::SignedIn;
use crate::support::judge::{Judge, Reply, Request};
use crate::support::server::Site;
use crate::support::windows::Windows;

on_both!(every_message_of_a_real_device_is_read_answered_and_kept);

/// Bodies that devices posted to a management service, by name.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let places =
        ["../shared/traces", "../../shared/traces"].map(|place| Path::new(env!("CARGO_MANIFEST_DIR")).join(place));
    let Some(place) = places.into_iter().find(|place| place.is_dir()) else {
        println!("skipped: there are no recordings beside the project");
        return Vec::new();
    };
    let files = |folder: &str| -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(place.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let is_message = |path: &PathBuf| {
        let name = name(path);
        let of_windows_11 = name.starts_with("windows-") && !name.ends_with("-response.xml");
        path.extension().is_some_and(|extension| extension == "xml")
            && (of_windows_11 || name.contains("request-POST-ManagementServer"))
    };
    let all = files("win10-19043").into_iter().chain(files("win11-26200")).filter(is_message);
    all.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// What stands between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap() + start.len();
    &text[from..from + text[from..].find(end).unwrap()]
}

async fn every_message_of_a_real_device_is_read_answered_and_kept(site: Site) {
    let messages = recorded();
    if messages.is_empty() {
        return;
    }
    assert!(messages.len() >= 10, "only {} recordings", messages.len());
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let http = windows.http();
    let content_type = Encoding::Xml.content_type();

    for (number, (name, body)) in messages.iter().enumerate() {
        let text = String::from_utf8(body.clone()).unwrap();
        // As it came. Its credential is nobody's, so that it gets a challenge.
        let device = between(&text, "<Source><LocURI>", "<");
        let (_, entry) = windows.device(device, Behaviour::default());
        operator.import(&[entry]).await;
        let before = operator.counter("transom_session_messages_total", "").await;
        let (status, reply) = windows.post(&http, Encoding::Xml, body.clone()).await;
        assert_eq!(status, 200, "{name}");
        Judge::new().assert_exchange(&Request { content_type, body }, &Reply { content_type, body: &reply });
        assert_eq!(operator.counter("transom_session_messages_total", "").await, before + 1, "{name}");

        // The same body in a session that was let in: all of it is heard.
        let device = format!("{number:032X}");
        let (_, entry) = windows.device(&device, Behaviour::default());
        operator.import(&[entry]).await;
        let mut session = SignedIn::new(&windows, &http, &device, number + 1).await;
        let inside = between(&text, "<SyncBody>", "<Final/>");
        let message = session.message(inside);
        let (status, reply) = windows.post(&http, Encoding::Xml, message.clone()).await;
        assert_eq!(status, 200, "{name}");
        let decoded = decode(Encoding::Xml, &reply, &Limits::default()).unwrap().message;
        let asked = decode(Encoding::Xml, &message, &Limits::default()).unwrap().message;
        let wants = asked.body.commands.iter().filter(|command| wants_status(command)).count();
        let has = decoded.body.commands.iter().filter(|command| is_status(command)).count();
        assert_eq!(
            has,
            wants + 1,
            "{name}: one Status for the header and each command\n{}",
            String::from_utf8_lossy(&reply)
        );

        let sessions = operator.list(&format!("/api/v1/sessions?device_id={device}")).await;
        assert_eq!(sessions.len(), 1, "{name}");
        let key = sessions[0]["id"].as_str().unwrap();
        let kept = operator.list(&format!("/api/v1/sessions/{key}/messages")).await;
        let last = kept.iter().find(|kept| kept["client_message"] == 3).unwrap_or_else(|| panic!("{name}: {kept:#?}"));
        assert_eq!(last["request_size"], message.len(), "{name}");
        assert_eq!(last["reply_size"], reply.len(), "{name}");
        let shown = last["request"].as_str().unwrap();
        assert!(shown.contains("<SyncBody>") && shown.len() + 200 > message.len() / 2, "{name}: {shown}");
    }
    assert_eq!(operator.counter("transom_http_panics_total", "").await, 0);
    assert_eq!(site.log().matches("ERROR").count(), 0, "{}", site.log());
}

fn wants_status(command: &Command) -> bool {
    !matches!(command, Command::Status(_) | Command::Results(_))
}

fn is_status(command: &Command) -> bool {
    matches!(command, Command::Status(_))
}
