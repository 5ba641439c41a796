//! Each fault against a server that keeps the book: it stays calm, and what had to be done is done once.

use std::time::Duration;

use transom_protocol::session::CommandState;

use super::server::Server;
use super::tls::TlsServer;
use crate::simulator::client::{Client, ClientOptions, SessionEnd, SessionReport};
use crate::simulator::device::{Behaviour, Device, Ending};
use crate::simulator::faults::{Fault, FaultPlan};
use crate::simulator::identity::DeviceIdentity;

const REPLACE: &str =
    r#"{"kind":"replace","items":[{"target":"./Vendor/MSFT/Policy/Config/A/B","format":"int","data":"1"}]}"#;
const ROTATE: &str = r#"{"kind":"exec","items":[{"target":"./Vendor/MSFT/BitLocker/RotateRecoveryPasswords","format":"chr","data":"request-1"}]}"#;

struct Trial {
    server: TlsServer,
    client: Client,
    device: Device,
    runtime: tokio::runtime::Runtime,
}

impl Trial {
    fn new() -> Self {
        let mut server = Server::new();
        server.enroll("D1", "name", "secret");
        server.queue("D1", REPLACE);
        server.queue("D1", ROTATE);
        let server = TlsServer::start(server);
        let options = ClientOptions {
            address: Some(server.address),
            initial_back_off: Duration::ZERO,
            max_back_off: Duration::ZERO,
            max_retry_after: Duration::ZERO,
            ..ClientOptions::default()
        };
        let client = Client::new(TlsServer::URL, &server.ca_pem, options).unwrap();
        let behaviour = Behaviour { execs_are_unique: true, ..Behaviour::default() };
        let device = Device::new(DeviceIdentity::new("D1", "name", "secret"), TlsServer::URL, behaviour, 1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { server, client, device, runtime }
    }

    /// A session with a fault at the message with this number: 1 is challenged, 2 brings the credential, 3 the answers.
    fn session(&mut self, faults: &[(usize, Fault)]) -> SessionReport {
        let mut plan = FaultPlan::scripted(faults.iter().copied());
        self.runtime.block_on(self.client.run_session(&mut self.device, &mut plan)).unwrap()
    }

    #[track_caller]
    fn assert_all_done_once(&self) {
        assert_eq!(self.device.complaints(), []);
        assert!(self.device.log().repeated_execs().is_empty());
        assert_eq!(self.device.log().effects().len(), 2);
        assert_eq!(self.server.with(|server| server.states("D1")), [CommandState::Succeeded; 2]);
    }
}

#[test]
fn lost_and_doubled_messages_change_nothing() {
    for fault in [Fault::DropReply, Fault::SendTwice, Fault::SendTwiceAtOnce] {
        for at in 1..=3 {
            let mut trial = Trial::new();
            let report = trial.session(&[(at, fault)]);
            assert_eq!(report.ended, Some(SessionEnd::Quiet), "{fault:?} at {at}");
            assert_eq!(report.faults, [fault]);
            assert_eq!(report.problems, [] as [&str; 0], "{fault:?} at {at}");
            trial.assert_all_done_once();
        }
    }
}

#[test]
fn nonsense_before_a_message_is_refused_and_changes_nothing() {
    for fault in [Fault::Garbage, Fault::Truncated] {
        for at in 1..=3 {
            let mut trial = Trial::new();
            let report = trial.session(&[(at, fault)]);
            assert!(report.is_clean(), "{report:?}");
            assert_eq!(report.requests, 4);
            trial.assert_all_done_once();
        }
    }
}

#[test]
fn lies_and_unknown_elements_do_no_harm() {
    for fault in [Fault::LyingStatus, Fault::UnknownElement] {
        for at in 1..=3 {
            let mut trial = Trial::new();
            let report = trial.session(&[(at, fault)]);
            assert!(report.is_clean(), "{fault:?} at {at}: {report:?}");
            trial.assert_all_done_once();
        }
    }
}

#[test]
fn a_wrong_digest_is_challenged_once_more() {
    let mut trial = Trial::new();
    let report = trial.session(&[(2, Fault::BadDigest)]);
    assert_eq!((report.ended, report.requests), (Some(SessionEnd::Quiet), 4));
    trial.assert_all_done_once();
    assert_eq!(trial.session(&[(1, Fault::BadDigest)]).faults, [], "there is no digest to spoil");
}

#[test]
fn sessions_that_break_off_are_made_up_for_in_the_next() {
    for fault in [Fault::DieUnheard, Fault::DieAfterwards, Fault::Abort] {
        for at in 1..=3 {
            let mut trial = Trial::new();
            let report = trial.session(&[(at, fault)]);
            if report.faults.is_empty() {
                assert_eq!((fault, at), (Fault::Abort, 1), "a session can't be aborted before it began");
                trial.assert_all_done_once();
                continue;
            }
            let ends = [SessionEnd::Died, SessionEnd::Ended(Ending::AbortedByDevice), SessionEnd::Quiet];
            assert!(ends.contains(&report.ended.unwrap()), "{fault:?} at {at}: {report:?}");
            trial.session(&[]);
            assert_eq!(trial.device.complaints(), [], "{fault:?} at {at}");
            assert!(trial.device.log().repeated_execs().is_empty(), "{fault:?} at {at}");
            let states = trial.server.with(|server| server.states("D1"));
            assert_eq!(states[0], CommandState::Succeeded, "{fault:?} at {at}");
            assert!(
                matches!(states[1], CommandState::Succeeded | CommandState::Unknown),
                "{fault:?} at {at}: {states:?}"
            );
        }
    }
}

#[test]
fn message_numbers_that_jump_or_repeat_end_in_peace() {
    for fault in [Fault::SkipMsgId, Fault::RepeatMsgId] {
        for at in 2..=3 {
            let mut trial = Trial::new();
            trial.session(&[(at, fault)]);
            trial.session(&[]);
            assert_eq!(trial.device.complaints(), [], "{fault:?} at {at}");
            assert!(trial.device.log().repeated_execs().is_empty(), "{fault:?} at {at}");
            let states = trial.server.with(|server| server.states("D1"));
            assert_eq!(states[0], CommandState::Succeeded, "{fault:?} at {at}");
        }
    }
}
