//! Device and session core in memory, over real bytes: neither has anything to say against the other.

use transom_protocol::session::{AuthMode, CommandState, LoginStatus};
use transom_protocol::syncml::codec::{Encoding, decode, encode};
use transom_protocol::xml::Limits;

use super::server::Server;
use crate::simulator::device::{Behaviour, Device, Ending, Next, SessionIds, Trigger};
use crate::simulator::identity::{DeviceIdentity, ServerIdentity};

const DEVICE: &str = "B5B954E81FBCB94EB79BD08BE625F4EE";
const URL: &str = "https://mdm.example.test/ManagementServer/Mdm.svc";

const GET: &str = r#"{"kind":"get","items":[{"target":"./DevDetail/SwV"},{"target":"./Vendor/MSFT/Nope"}]}"#;
const REPLACE: &str = r#"{"kind":"replace","items":[{"target":"./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength","format":"int","data":"12"}]}"#;
const ATOMIC: &str = r#"{"kind":"atomic","commands":[{"kind":"add","items":[{"target":"./Vendor/MSFT/WiFi/Profile/Office/WlanXml","data":"<WLANProfile/>"}]},{"kind":"replace","items":[{"target":"./Vendor/MSFT/Policy/Config/Camera/AllowCamera","format":"int","data":"0"}]}]}"#;
const REBOOT: &str = r#"{"kind":"exec","items":[{"target":"./Device/Vendor/MSFT/Reboot/RebootNow"}]}"#;
const VERSIONS: &str =
    r#"{"kind":"get","items":[{"target":"./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions"}]}"#;

fn device_that(behaviour: Behaviour) -> Device {
    let mut identity = DeviceIdentity::new(DEVICE, "dm-client", "secret");
    identity.server = Some(ServerIdentity::new("server", "secret"));
    Device::new(identity, URL, behaviour, 5)
}

fn server_with(commands: &[&str]) -> Server {
    let mut server = Server::new();
    server.enroll(DEVICE, "dm-client", "secret");
    for command in commands {
        server.queue(DEVICE, command);
    }
    server
}

/// One session to its end.
fn converse(device: &mut Device, server: &mut Server, encoding: Encoding) -> Next {
    let mut message = device.start_session(Trigger::Schedule);
    for _ in 0..100 {
        let (status, reply) = server.handle(encoding, &encode(encoding, &message));
        assert_eq!(status, 200);
        device.weigh(reply.len());
        match device.receive(&decode(encoding, &reply, &Limits::default()).unwrap().message) {
            Next::Send(next) => message = next,
            end => return end,
        }
    }
    panic!("the session never ended");
}

#[track_caller]
fn assert_peace(device: &Device) {
    assert_eq!(device.complaints(), []);
}

#[test]
fn package_one_is_one_line_as_windows_writes_it() {
    let mut device = device_that(Behaviour::default());
    let text = String::from_utf8(encode(Encoding::Xml, &device.start_session(Trigger::Schedule))).unwrap();
    let own =
        |uri: &str| device.tree().value(uri).unwrap().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let item = |uri: &str| format!("<Item><Source><LocURI>{uri}</LocURI></Source><Data>{}</Data></Item>", own(uri));
    let items: String = ["DevId", "Man", "Mod", "DmV", "Lang"].map(|node| item(&format!("./DevInfo/{node}"))).concat();
    let expected = format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>{URL}</LocURI></Target>\
         <Source><LocURI>{DEVICE}</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>2</CmdID><Data>1201</Data></Alert>\
         <Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta><Type xmlns=\"syncml:metinf\">\
         com.microsoft/MDM/LoginStatus</Type></Meta><Data>user</Data></Item></Alert>\
         <Replace><CmdID>4</CmdID>{items}</Replace><Final/></SyncBody></SyncML>"
    );
    assert_eq!(text, expected);
}

#[test]
fn every_kind_of_command_is_done_in_both_encodings() {
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let mut server = server_with(&[GET, REPLACE, ATOMIC, VERSIONS, REBOOT]);
        let mut device = device_that(Behaviour::default());
        assert_eq!(converse(&mut device, &mut server, encoding), Next::Quiet);
        assert_peace(&device);
        let states = server.states(DEVICE);
        assert_eq!(states[1..4], [CommandState::Succeeded; 3], "{encoding:?}");
        assert_eq!(server.values(DEVICE, 0), ["10.0.26200.9278"]);
        assert_eq!(
            server.values(DEVICE, 3)[0].len(),
            device.tree().value("./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions").unwrap().len()
        );
        assert_eq!(device.boots(), 1);
        let targets: Vec<&str> = device.log().effects().iter().map(|effect| effect.cmd_id.as_str()).collect();
        assert_eq!(targets.len(), 4, "{targets:?}");
    }
}

#[test]
fn all_switches_of_the_device_are_understood() {
    let switches = [
        Behaviour { remembers_nonce: true, ..Behaviour::default() },
        Behaviour { authenticates_server: true, ..Behaviour::default() },
        Behaviour { split_answers: Some(1), ..Behaviour::default() },
        Behaviour { keep_alive: true, ..Behaviour::default() },
        Behaviour { repeats_results: true, ..Behaviour::default() },
        Behaviour { session_ids: SessionIds::DecimalFromZero, ..Behaviour::default() },
        Behaviour { session_ids: SessionIds::Hex, ..Behaviour::default() },
        Behaviour { max_msg_size: Some(4096), max_obj_size: Some(65536), ..Behaviour::default() },
        Behaviour { login: LoginStatus::None, ..Behaviour::default() },
    ];
    for behaviour in switches {
        let mut server = server_with(&[GET, REPLACE, ATOMIC, VERSIONS]);
        let mut device = device_that(behaviour.clone());
        for _ in 0..2 {
            assert_eq!(converse(&mut device, &mut server, Encoding::Xml), Next::Quiet, "{behaviour:?}");
        }
        assert_peace(&device);
        assert_eq!(server.states(DEVICE)[1..], [CommandState::Succeeded; 3], "{behaviour:?}");
    }
}

#[test]
fn a_credential_for_each_message_is_understood() {
    let mut server = server_with(&[GET, REPLACE]);
    server.rules.auth_mode = AuthMode::PerMessage;
    server.rules.package_commands = 1;
    let mut device = device_that(Behaviour::default());
    assert_eq!(converse(&mut device, &mut server, Encoding::Xml), Next::Quiet);
    assert_peace(&device);
    assert_eq!(server.states(DEVICE)[1], CommandState::Succeeded);
}

#[test]
fn a_value_larger_than_a_message_comes_in_chunks() {
    let profile = format!("<WLANProfile>{}</WLANProfile>", "é&<".repeat(4000));
    let command = serde_json::json!({"kind":"replace","items":[
        {"target":"./Vendor/MSFT/WiFi/Profile/Office/WlanXml","data":profile}]});
    let mut server = server_with(&[&command.to_string(), REPLACE]);
    let behaviour = Behaviour { max_msg_size: Some(4096), max_obj_size: Some(1 << 20), ..Behaviour::default() };
    let mut device = device_that(behaviour);
    assert_eq!(converse(&mut device, &mut server, Encoding::Xml), Next::Quiet);
    assert_peace(&device);
    assert_eq!(device.tree().value("./Vendor/MSFT/WiFi/Profile/Office/WlanXml"), Some(profile));
    assert_eq!(server.states(DEVICE), [CommandState::Succeeded; 2]);
}

#[test]
fn nodes_of_the_user_wait_until_the_user_is_there() {
    let command =
        r#"{"kind":"replace","items":[{"target":"./User/Vendor/MSFT/Policy/Config/A/B","format":"int","data":"1"}]}"#;
    let mut server = server_with(&[command]);
    let mut device = device_that(Behaviour { login: LoginStatus::Others, ..Behaviour::default() });
    assert_eq!(converse(&mut device, &mut server, Encoding::Xml), Next::Quiet);
    assert!(device.log().effects().is_empty());
    device.behave(Behaviour::default());
    assert_eq!(converse(&mut device, &mut server, Encoding::Xml), Next::Quiet);
    assert_eq!(device.log().effects().len(), 1);
    assert_peace(&device);
}

#[test]
fn an_installation_reports_in_the_next_session() {
    let node = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1803A630-3C38-4D2B-9B9A-0CB37243539C%7D/DownloadInstall";
    let add = serde_json::json!({"kind":"add","items":[{"target":node}]}).to_string();
    let job = "<MsiInstallJob><ContentURL>https://a.test/p.msi</ContentURL></MsiInstallJob>";
    let exec = serde_json::json!({"kind":"exec","items":[{"target":node,"format":"xml","data":job}]}).to_string();
    let mut server = server_with(&[&add, &exec]);
    let mut device = device_that(Behaviour::default());
    assert_eq!(converse(&mut device, &mut server, Encoding::Xml), Next::Quiet);
    assert_eq!(server.states(DEVICE)[0], CommandState::Succeeded);
    assert_ne!(server.states(DEVICE)[1], CommandState::Succeeded, "accepted is not done");
    assert!(device.wants_session());
    assert_eq!(converse(&mut device, &mut server, Encoding::Xml), Next::Quiet);
    assert!(server.alerts(DEVICE).contains(&"com.microsoft.mdm.win32csp_install"));
    assert_eq!(server.states(DEVICE)[1], CommandState::Succeeded);
    assert_peace(&device);
}

#[test]
fn a_wrong_password_ends_the_session_after_two_refusals() {
    let mut server = server_with(&[REPLACE]);
    let identity = DeviceIdentity::new(DEVICE, "dm-client", "wrong");
    let mut device = Device::new(identity, URL, Behaviour::default(), 1);
    let end = converse(&mut device, &mut server, Encoding::Xml);
    assert_eq!(end, Next::Ended(Ending::NotAuthenticated));
    assert!(device.log().effects().is_empty());
    assert_peace(&device);
}
