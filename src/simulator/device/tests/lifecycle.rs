//! Restarts, aborts, unenrollment, a new enrollment.

use super::*;

const REBOOT: &str = "./Device/Vendor/MSFT/Reboot/RebootNow";
const POLICY: &str = "./Vendor/MSFT/Policy/Config/Area/A";
const JOB: &str = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1803A630-3C38-4D2B-9B9A-0CB37243539C%7D/DownloadInstall";

fn exec(uri: &str) -> Command {
    request(Verb::Exec, vec![Item::target(uri)])
}

#[test]
fn a_reboot_happens_when_the_session_is_over_and_the_tree_survives() {
    let (mut device, mut server) = (device(), Server::new());
    let first = sent(order(&mut device, &mut server, vec![set(Verb::Replace, POLICY, Format::Int, "1")]));
    let second = sent(device.receive(&server.answer(&first, vec![exec(REBOOT)])));
    assert_eq!(statuses_of(&second)[1].3, 200);
    assert_eq!(device.boots(), 0);
    assert_eq!(device.receive(&server.answer(&second, vec![])), Next::Quiet);
    assert_eq!(device.boots(), 1);
    assert_eq!(device.tree().value(POLICY).as_deref(), Some("1"));
    assert_eq!(device.log().effects().len(), 2);
    assert_content(&device);
}

#[test]
fn a_wiped_device_is_gone() {
    let (mut device, mut server) = (device(), Server::new());
    let wipe = set(Verb::Exec, "./Device/Vendor/MSFT/RemoteWipe/doWipe", Format::Chr, "1");
    let answer = sent(order(&mut device, &mut server, vec![wipe]));
    assert_eq!(statuses_of(&answer)[1].3, 200);
    assert!(device.is_enrolled());
    assert_eq!(device.receive(&server.answer(&answer, vec![])), Next::Ended(Ending::Wiped));
    assert!(!device.is_enrolled());
}

#[test]
fn an_unenrollment_is_never_answered_and_the_next_session_tells_it() {
    let (mut device, mut server) = (device(), Server::new());
    let uri = "./Device/Vendor/MSFT/DMClient/Provider/Transom/Unenroll";
    let next = order(&mut device, &mut server, vec![set(Verb::Exec, uri, Format::Chr, "Transom")]);
    assert_eq!(next, Next::Ended(Ending::Unenrolled));
    assert!(device.is_enrolled() && device.wants_session());
    assert_eq!(device.log().effects().len(), 1);
    let last = device.start_session(Trigger::Schedule);
    assert!(alert_codes(&last).contains(&AlertCode::GENERIC));
    assert_eq!(device.receive(&Server::new().answer(&last, vec![])), Next::Quiet);
    assert!(!device.is_enrolled());
}

#[test]
fn an_msi_reports_in_the_next_session_until_the_server_has_heard_it() {
    let (mut device, mut server) = (device(), Server::new());
    let job = "<MsiInstallJob><ContentURL>https://a.test/p.msi</ContentURL></MsiInstallJob>";
    let orders = vec![request(Verb::Add, vec![Item::target(JOB)]), set(Verb::Exec, JOB, Format::Xml, job)];
    let answer = sent(order(&mut device, &mut server, orders));
    assert_eq!(statuses_of(&answer)[2].3, 200);
    assert!(device.wants_session());
    assert_eq!(device.receive(&server.answer(&answer, vec![])), Next::Quiet);

    let told = device.start_session(Trigger::Schedule);
    assert_eq!(alert_codes(&told).len(), 3);
    device.die();
    let told = device.start_session(Trigger::Schedule);
    let item = &alerts_of(&told)[2].items[0];
    let meta = item.meta.clone().unwrap();
    assert_eq!(item.source_uri(), Some(JOB.replace("%7B", "{").replace("%7D", "}").as_str()));
    assert_eq!(meta.mime.as_deref(), Some("Reversed-Domain-Name:com.microsoft.mdm.win32csp_install"));
    assert_eq!((meta.format, meta.mark.as_deref(), item.text()), (Some(Format::Int), Some("informational"), "0"));
    assert_eq!(device.receive(&Server::new().answer(&told, vec![])), Next::Quiet);
    assert!(!device.wants_session());
    assert_eq!(alert_codes(&device.start_session(Trigger::Schedule)).len(), 2);
}

#[test]
fn a_session_that_died_is_forgotten_and_what_was_done_stays() {
    let (mut device, mut server) = (device(), Server::new());
    sent(order(&mut device, &mut server, vec![set(Verb::Replace, POLICY, Format::Int, "1")]));
    device.die();
    assert_eq!(device.boots(), 1);
    let next = device.start_session(Trigger::Schedule);
    assert_eq!((next.header.session_id.as_str(), next.header.msg_id.as_str()), ("2", "1"));
    assert_eq!(device.tree().value(POLICY).as_deref(), Some("1"));
}

#[test]
fn an_abort_takes_the_place_of_the_answer() {
    let (mut device, mut server) = (device(), Server::new());
    let answer = sent(order(&mut device, &mut server, vec![get(&["./DevInfo/Man"])]));
    let abort = device.abort().unwrap();
    assert_eq!(abort.header.msg_id, answer.header.msg_id);
    assert_eq!(alert_codes(&abort), [AlertCode::SESSION_ABORT]);
    assert_eq!(device.receive(&server.answer(&abort, vec![])), Next::Ended(Ending::AbortedByDevice));
    assert_eq!(device.abort(), None);
    assert_content(&device);
}

#[test]
fn a_session_can_not_be_aborted_before_the_server_has_spoken() {
    let mut device = device();
    let first = device.start_session(Trigger::Schedule);
    assert_eq!(device.abort(), None);
    assert_eq!(device.receive(&Server::new().answer(&first, vec![])), Next::Quiet);
}

#[test]
fn an_abort_of_the_server_is_not_answered() {
    let (mut device, mut server) = (device(), Server::new());
    let next = order(&mut device, &mut server, vec![compose::alert(AlertCode::SESSION_ABORT)]);
    assert_eq!(next, Next::Ended(Ending::AbortedByServer));
}

#[test]
fn a_new_enrollment_counts_sessions_from_one_and_has_a_fresh_tree() {
    let (mut device, mut server) = (device(), Server::new());
    let answer = sent(order(&mut device, &mut server, vec![set(Verb::Replace, POLICY, Format::Int, "1")]));
    device.receive(&server.answer(&answer, vec![]));
    device.re_enroll(DeviceIdentity::new("NEW-ID", "n", "p"));
    let first = device.start_session(Trigger::Schedule);
    assert_eq!((first.header.session_id.as_str(), first.header.source.loc_uri.as_str()), ("1", "NEW-ID"));
    assert_eq!(device.tree().value(POLICY), None);
    assert_eq!(device.log().effects()[0].life, 1);
}
