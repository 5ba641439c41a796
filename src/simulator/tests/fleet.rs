//! Many devices at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use transom_protocol::session::CommandState;

use super::server::Server;
use super::tls::TlsServer;
use crate::simulator::client::ClientOptions;
use crate::simulator::device::Behaviour;
use crate::simulator::faults::FaultRates;
use crate::simulator::fleet::{Fleet, FleetOptions};
use crate::simulator::identity::DeviceIdentity;

fn name(number: usize) -> String {
    format!("FLEET{number:03}")
}

/// A server and a fleet of so many devices, each with an Exec of its own in its queue.
fn fleet(devices: usize, faults: FaultRates) -> (TlsServer, Fleet) {
    let mut server = Server::new();
    let mut identities = Vec::new();
    for number in 0..devices {
        let id = name(number);
        server.enroll(&id, "name", "secret");
        server.queue(&id, &format!(r#"{{"kind":"exec","items":[{{"target":"./Vendor/MSFT/BitLocker/RotateRecoveryPasswords","format":"chr","data":"{id}"}}]}}"#));
        server.queue(&id, r#"{"kind":"get","items":[{"target":"./DevInfo/DevId"}]}"#);
        identities.push(DeviceIdentity::new(id, "name", "secret"));
    }
    let server = TlsServer::start(server);
    let options = FleetOptions {
        parallel: 8,
        behaviour: Behaviour { execs_are_unique: true, ..Behaviour::default() },
        client: ClientOptions {
            address: Some(server.address),
            initial_back_off: Duration::ZERO,
            max_back_off: Duration::ZERO,
            max_retry_after: Duration::ZERO,
            ..ClientOptions::default()
        },
        faults,
        mixed: true,
        seed: 11,
        first_session: 1,
    };
    let fleet = Fleet::new(identities, TlsServer::URL, &server.ca_pem, &options).unwrap();
    (server, fleet)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn every_device_gets_its_own_orders_and_the_report_adds_up() {
    let (server, mut fleet) = fleet(12, FaultRates::default());
    let report = runtime().block_on(fleet.run(2));
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.devices, report.sessions, report.failed, report.gone), (12, 24, 0, 0));
    assert_eq!(report.endings.get("quiet"), Some(&24));
    assert_eq!(report.statuses.get(&200), Some(&24));
    assert_eq!(report.requests, 12 * 3 + 12 * 2);
    assert!(report.latency.p50 <= report.latency.p99 && !report.latency.max.is_zero());
    for (number, device) in fleet.devices().enumerate() {
        let id = name(number);
        assert_eq!(device.identity().device_id, id, "devices keep their places");
        assert_eq!(server.with(|server| server.values(&id, 1)), [id.as_str()]);
        let execs: Vec<&str> = device.log().execs_of("./Vendor/MSFT/BitLocker/RotateRecoveryPasswords").collect();
        assert_eq!(execs, [id.as_str()]);
    }
}

#[test]
fn a_fleet_with_bad_luck_does_nothing_twice() {
    let (server, mut fleet) = fleet(12, FaultRates::all(0.04));
    let report = runtime().block_on(fleet.run(6));
    assert!(!report.faults.is_empty());
    assert_eq!(report.complaints, 0, "{:?}", report.first_complaints);
    assert_eq!(report.failed, 0, "{:?}", report.errors);
    for (number, device) in fleet.devices().enumerate() {
        assert!(device.log().repeated_execs().is_empty());
        let states = server.with(|server| server.states(&name(number)));
        assert!(matches!(states[0], CommandState::Succeeded | CommandState::Unknown), "{number}: {states:?}");
        assert_eq!(states[1], CommandState::Succeeded, "{number}");
    }
}

#[test]
fn a_stopped_fleet_ends_what_it_began() {
    let (_server, fleet) = fleet(12, FaultRates::default());
    let seen = Arc::new(AtomicUsize::new(0));
    let (count, stop) = (Arc::clone(&seen), fleet.stop());
    let mut fleet = fleet.watched_by(move |progress| {
        assert_eq!(progress.total, 36);
        assert!(progress.session.is_ok());
        if count.fetch_add(1, Ordering::Relaxed) == 2 {
            stop.stop();
        }
    });
    let report = runtime().block_on(fleet.run(3));
    assert_eq!(report.sessions, seen.load(Ordering::Relaxed));
    assert!((3..=11).contains(&report.sessions), "at most those that ran already: {}", report.sessions);
    assert_eq!(fleet.devices().count(), 12);
    assert!(fleet.devices().all(|device| device.session_id().is_none()));
}

#[test]
fn a_server_that_is_away_is_counted() {
    let (server, mut fleet) = fleet(2, FaultRates::default());
    server.refuse(&[(400, None), (400, None)]);
    let report = runtime().block_on(fleet.run(1));
    assert_eq!((report.failed, report.sessions), (2, 2));
    assert_eq!(report.errors.get("HTTP status 400 after 1 attempts"), Some(&2));
    assert!(!report.is_clean());
}
