//! The driver over TLS: headers, retries, what it reads and what it refuses to read.

use std::time::Duration;

use transom_protocol::session::CommandState;
use transom_protocol::syncml::codec::Encoding;
use transom_protocol::xml::Limits;

use super::server::Server;
use super::tls::TlsServer;
use crate::simulator::client::{Client, ClientError, ClientOptions, SessionEnd, SessionFailure, SessionReport};
use crate::simulator::device::{Behaviour, Device};
use crate::simulator::faults::FaultPlan;
use crate::simulator::identity::DeviceIdentity;

const REPLACE: &str = r#"{"kind":"replace","items":[{"target":"./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength","format":"int","data":"12"}]}"#;

/// Waits of no length: time is not what is tested.
fn options(server: &TlsServer) -> ClientOptions {
    ClientOptions {
        address: Some(server.address),
        initial_back_off: Duration::ZERO,
        max_back_off: Duration::ZERO,
        max_retry_after: Duration::ZERO,
        keeps_bodies: true,
        ..ClientOptions::default()
    }
}

fn started() -> (TlsServer, Device) {
    let mut server = Server::new();
    server.enroll("D1", "name", "secret");
    server.queue("D1", REPLACE);
    let identity = DeviceIdentity::new("D1", "name", "secret");
    (TlsServer::start(server), Device::new(identity, TlsServer::URL, Behaviour::default(), 1))
}

fn run(server: &TlsServer, device: &mut Device, options: ClientOptions) -> Result<SessionReport, SessionFailure> {
    let client = Client::new(TlsServer::URL, &server.ca_pem, options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.run_session(device, &mut FaultPlan::none()))
}

#[test]
fn a_session_is_carried_to_its_end() {
    for (encoding, connects_anew) in [(Encoding::Xml, true), (Encoding::Wbxml, false)] {
        let (server, mut device) = started();
        let options = ClientOptions { encoding, connects_anew, ..options(&server) };
        let report = run(&server, &mut device, options).unwrap();
        assert_eq!(report.ended, Some(SessionEnd::Quiet));
        assert_eq!((report.requests, report.replies, report.exchanges.len()), (3, 3, 3));
        assert_eq!(report.statuses.get(&200), Some(&1));
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(report.exchanges[2].request, server.arrived()[2].body);
        let sizes: usize = report.exchanges.iter().map(|exchange| exchange.request.len()).sum();
        assert_eq!(report.bytes_sent, sizes as u64);
        assert_eq!(server.with(|server| server.states("D1")), [CommandState::Succeeded]);
    }
}

#[test]
fn requests_have_the_headers_of_windows() {
    let (server, mut device) = started();
    run(&server, &mut device, options(&server)).unwrap();
    let arrived = server.arrived();
    let first = &arrived[0];
    assert_eq!(first.query, "mode=Maintenance&Platform=WoA");
    assert_eq!(first.header("content-type"), Some("application/vnd.syncml.dm+xml"));
    assert_eq!(first.header("user-agent"), Some("MSFT OMA DM Client/1.2.0.1"));
    assert_eq!(first.header("client-request-id"), Some("0"));
    assert_eq!(first.header("content-length"), Some(first.body.len().to_string().as_str()));
    let accepted = "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml, application/octet-stream";
    assert_eq!(first.header("accept"), Some(accepted));
    assert_eq!(first.header("mdm-genericalert"), None);
    let vectors: Vec<&str> = arrived.iter().filter_map(|request| request.header("ms-cv")).collect();
    let (stem, _) = vectors[0].split_once('.').unwrap();
    assert_eq!(stem.len(), 16);
    assert_eq!(vectors, [0, 1, 2].map(|number| format!("{stem}.0.0.{number}")));
}

#[test]
fn an_unenrollment_is_named_in_a_header() {
    let (server, mut device) = started();
    device.unenroll();
    run(&server, &mut device, options(&server)).unwrap();
    let named = "<com.microsoft:mdm.unenrollment.userrequest>";
    assert!(server.arrived().iter().all(|request| request.header("mdm-genericalert") == Some(named)));
    assert!(!device.is_enrolled());
}

#[test]
fn failures_are_tried_again_with_the_same_bytes() {
    let (server, mut device) = started();
    server.refuse(&[(503, None), (429, Some(3600)), (500, Some(1))]);
    let report = run(&server, &mut device, options(&server)).unwrap();
    assert_eq!((report.retries, report.postponed, report.requests), (3, 1, 6));
    let bodies: Vec<Vec<u8>> = server.arrived().into_iter().map(|request| request.body).collect();
    assert!(bodies[..4].iter().all(|body| *body == bodies[0]));
    assert_eq!(server.with(|server| server.states("D1")), [CommandState::Succeeded]);
}

#[test]
fn a_server_that_stays_away_is_given_up_after_connretryfreq() {
    let (server, mut device) = started();
    server.refuse(&[(503, None); 10]);
    let failure = run(&server, &mut device, options(&server)).unwrap_err();
    assert!(matches!(failure.cause, ClientError::Http { status: 503, attempts: 4 }), "{failure}");
    assert_eq!(server.arrived().len(), 4);
    assert_eq!(device.session_id(), None);
}

#[test]
fn a_refusal_of_http_ends_the_session_at_once() {
    let (server, mut device) = started();
    server.refuse(&[(403, None)]);
    let failure = run(&server, &mut device, options(&server)).unwrap_err();
    assert!(matches!(failure.cause, ClientError::Http { status: 403, attempts: 1 }), "{failure}");
}

#[test]
fn nobody_there_is_an_error_that_says_so() {
    let (server, mut device) = started();
    let options = ClientOptions { retries: 1, ..options(&server) };
    let ca_pem = server.ca_pem.clone();
    drop(server);
    let client = Client::new(TlsServer::URL, &ca_pem, options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let failure = runtime.block_on(client.run_session(&mut device, &mut FaultPlan::none())).unwrap_err();
    assert!(matches!(failure.cause, ClientError::NoReply { attempts: 2, .. }), "{failure}");
}

#[test]
fn a_server_of_another_authority_is_not_spoken_to() {
    let (server, mut device) = started();
    let (other, _) = started();
    let options = ClientOptions { retries: 0, ..options(&server) };
    let client = Client::new(TlsServer::URL, &other.ca_pem, options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let failure = runtime.block_on(client.run_session(&mut device, &mut FaultPlan::none())).unwrap_err();
    assert!(failure.to_string().contains("certificate"), "{failure}");
    assert!(server.arrived().is_empty());
}

#[test]
fn a_reply_larger_than_the_limit_is_not_read() {
    let (server, mut device) = started();
    let limits = Limits { bytes: 100, ..Limits::default() };
    let failure = run(&server, &mut device, ClientOptions { limits, ..options(&server) }).unwrap_err();
    assert!(matches!(failure.cause, ClientError::TooLarge(100)), "{failure}");
}

#[test]
fn settings_that_can_not_work_are_refused() {
    let (server, _) = started();
    assert!(Client::new("http://a.test/x", &server.ca_pem, ClientOptions::default()).is_err());
    assert!(Client::new("no url", &server.ca_pem, ClientOptions::default()).is_err());
    assert!(Client::new(TlsServer::URL, b"no certificate", ClientOptions::default()).is_err());
}
