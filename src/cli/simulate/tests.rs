//! Arguments, table, and the whole command against a server.

use super::*;
use crate::simulator::tests::office::{Office, PASSWORD, Twist};
use crate::simulator::tests::server::Server;
use crate::simulator::tests::tls::TlsServer;
use clap::Parser;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: Simulate,
}

fn parse(words: &[&str]) -> Result<Simulate, clap::Error> {
    let words = ["simulate"].iter().chain(words);
    Command::try_parse_from(words).map(|command| command.args)
}

#[test]
fn a_file_of_identities_is_read_and_its_ca_is_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("devices.json");
    let json =
        r#"{"url":"https://a.test/Mdm.svc","ca":"ca.pem","devices":[{"device_id":"D","name":"n","password":"p"}]}"#;
    std::fs::write(&file, json).unwrap();
    let args = parse(&["--identities", file.to_str().unwrap()]).unwrap();
    let identities = identities(&args).unwrap();
    assert_eq!(identities.ca, folder.path().join("ca.pem"));
    assert_eq!(identities.devices[0].device_id, "D");
    let args = parse(&["--identities", file.to_str().unwrap(), "--url", "https://b.test/x"]).unwrap();
    assert_eq!(super::identities(&args).unwrap().url, "https://b.test/x");
}

#[test]
fn one_device_is_made_of_flags() {
    let words = ["--device-id", "D", "--name", "n", "--password", "p", "--url", "https://a.test/x", "--ca", "ca.pem"];
    let identities = identities(&parse(&words).unwrap()).unwrap();
    assert_eq!((identities.devices.len(), identities.url.as_str()), (1, "https://a.test/x"));
}

#[test]
fn wrong_usage_is_told() {
    for words in [
        &["--url", "https://a.test/x", "--ca", "c"][..],
        &["--device-id", "D", "--url", "u", "--ca", "c"],
        &["--identities", "f", "--faults", "drop=2"],
        &["--identities", "f", "--login", "somebody"],
        &["--enroll", "https://a.test", "--user", "ada"],
        &["--enroll", "https://a.test", "--ca", "c", "--identities", "f"],
        &["--identities", "f", "--user", "ada"],
        &["--identities", "f", "--leave", "--keep", "g"],
        &["--identities", "f", "--push", "localhost"],
        &["--identities", "f", "--push", "127.0.0.1:1"],
        &["--identities", "f", "--push", "localhost:1", "--leave"],
        &["--identities", "f", "--pushed-sessions", "1"],
    ] {
        assert!(parse(words).is_err(), "{words:?}");
    }
}

#[test]
fn the_report_is_a_table_with_errors_and_complaints_behind_it() {
    let mut report = FleetReport { sessions: 3, failed: 1, complaints: 1, ..FleetReport::default() };
    report.statuses.insert(200, 14);
    report.errors.insert("HTTP status 503".to_owned(), 1);
    report.first_complaints.push("D: session 1".to_owned());
    let shown = text(&report);
    for part in ["3, of which 1 failed", "200: 14", "error (1): HTTP status 503", "complaint: D: session 1"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let document = document(&report);
    assert_eq!(document["failed"], 1);
    assert_eq!(document["statuses"]["200"], 14);
}

/// Runs the devices against a server of the session core.
fn run_against(server: &TlsServer, password: &str, trace: Option<&Path>) -> FleetReport {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &server.ca_pem).unwrap();
    let url = server.url();
    let mut words = vec!["--device-id", "D1", "--name", "name", "--password", password, "--sessions", "2"];
    words.extend(["--url", &url, "--ca", ca.to_str().unwrap(), "--first-session", "7"]);
    words.extend(trace.iter().flat_map(|trace| ["--trace", trace.to_str().unwrap()]));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(simulate(&parse(&words).unwrap())).unwrap().0
}

fn server() -> TlsServer {
    let mut server = Server::new();
    server.enroll("D1", "name", "secret");
    server.queue("D1", r#"{"kind":"get","items":[{"target":"./DevDetail/SwV"}]}"#);
    TlsServer::start(server)
}

#[test]
fn sessions_are_run_and_their_messages_written_without_secrets() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let report = run_against(&server, "secret", Some(folder.path()));
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.sessions, 2);
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names[..2], ["D1-7-001-reply.xml", "D1-7-001-request.xml"]);
    assert_eq!(names.len(), 10);
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let with_cred = text("D1-7-002-request.xml");
    let sent = server.arrived().into_iter().map(|request| String::from_utf8(request.body).unwrap());
    let digest = sent.filter_map(|body| {
        let (_, rest) = body.split_once("syncml:auth-md5</Type></Meta><Data>")?;
        Some(rest.split('<').next().unwrap().to_owned())
    });
    let digests: Vec<String> = digest.collect();
    assert!(!digests.is_empty());
    assert!(with_cred.contains("<Cred>") && digests.iter().all(|digest| !with_cred.contains(digest)), "{with_cred}");
    assert!(text("D1-7-003-request.xml").contains("10.0.26200.9278"));
}

#[test]
fn a_wrong_password_fails_the_command() {
    let report = run_against(&server(), "wrong", None);
    assert!(!report.is_clean());
    assert_eq!(report.errors.get("the server did not take the credential"), Some(&2));
}

#[test]
fn a_refused_session_fails_the_command() {
    let server = server();
    server.refuse(&[(400, None)]);
    let report = run_against(&server, "secret", None);
    assert!(!report.is_clean());
    assert_eq!(report.errors.get("HTTP status 400 after 1 attempts"), Some(&1));
}

/// Runs a command to its end.
fn run(words: &[&str]) -> anyhow::Result<(FleetReport, Walks)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(simulate(&parse(words).unwrap())).map(|(report, walks, _)| (report, walks))
}

#[test]
fn devices_enroll_are_kept_renew_and_leave() {
    let office = Office::start(transom_protocol::enrollment::AuthPolicy::OnPremise, Twist::None);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ca, first, second) = (file("ca.pem"), file("first.json"), file("second.json"));
    std::fs::write(&ca, &office.ca_pem).unwrap();
    let url = office.url();
    let ada = ["--enroll", &url, "--ca", &ca, "--user", "ada@example.test", "--password"];
    let (report, walks) = run(&[ada.as_slice(), &[PASSWORD, "--keep", &first]].concat()).unwrap();
    assert!(report.is_clean() && walks.problems.is_empty(), "{report:?} {walks:?}");
    assert_eq!((report.sessions, walks.enrolled, walks.renewed), (1, 1, 0));
    assert_eq!(walks.to_text(), "enrolled: 1\n");

    let (report, walks) = run(&["--identities", &first, "--renew", "--keep", &second]).unwrap();
    assert!(report.is_clean() && walks.problems.is_empty(), "{report:?} {walks:?}");
    assert_eq!((walks.enrolled, walks.renewed), (0, 1));
    let [one, other] = [&first, &second].map(|file| std::fs::read_to_string(file).unwrap());
    assert!(one.contains("PRIVATE KEY") && other.contains("PRIVATE KEY") && one != other);

    let (report, _) = run(&["--identities", &second, "--leave"]).unwrap();
    assert_eq!((report.sessions, report.gone), (2, 1));
    assert_eq!(office.arrived().pop().unwrap().certificate, office.issued().pop());

    // What holds the only copy of a key is neither lost nor overwritten.
    let lost = run(&["--identities", &second, "--renew"]).unwrap_err();
    assert_eq!(lost.to_string(), "the renewed keys would be lost");
    assert!(run(&[ada.as_slice(), &[PASSWORD, "--keep", &first]].concat()).is_err());
    assert_eq!(std::fs::read_to_string(&first).unwrap(), one);
}

#[test]
fn a_refused_enrollment_fails_the_command_with_a_remedy() {
    let office = Office::start(transom_protocol::enrollment::AuthPolicy::OnPremise, Twist::None);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &office.ca_pem).unwrap();
    let (url, ca) = (office.url(), ca.to_str().unwrap().to_owned());
    let words = ["--enroll", &url, "--ca", &ca, "--user", "ada@example.test", "--password", "guessed"];
    let error = run(&words).unwrap_err();
    assert!(error.to_string().contains("0x80180002 (Authentication)"), "{error}");
}
