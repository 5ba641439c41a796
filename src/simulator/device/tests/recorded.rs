//! The device's messages beside those that real devices sent, element by element. The recordings are not part of the
//! project: where they are absent the tests say so and skip.

use std::path::PathBuf;

use super::*;

/// The folder of the recordings.
fn traces() -> Option<PathBuf> {
    let named = std::env::var_os("TRANSOM_TRACES").map(PathBuf::from);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = [root.join("../shared/traces"), root.join("../../shared/traces")];
    named.into_iter().chain(beside).find(|folder| folder.is_dir())
}

fn recorded(name: &str) -> Option<String> {
    let text = traces().and_then(|folder| std::fs::read_to_string(folder.join(name)).ok());
    if text.is_none() {
        println!("skipped: {name} is not here");
    }
    text
}

/// Elements and attributes of a body in order, with the values that are no names, digests or addresses.
fn shape_of_recording(xml: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(xml).unwrap();
    let body = document.descendants().find(|node| node.has_tag_name(("SYNCML:SYNCML1.2", "SyncBody"))).unwrap();
    let header = document.descendants().find(|node| node.has_tag_name(("SYNCML:SYNCML1.2", "SyncHdr"))).unwrap();
    let has = |name: &str| header.descendants().any(|node| node.tag_name().name() == name);
    let mut lines = vec![format!("cred {} locname {} meta {}", has("Cred"), has("LocName"), has("MaxMsgSize"))];
    for command in body.children().filter(roxmltree::Node::is_element) {
        let child = |name: &str| {
            command.children().find(|node| node.tag_name().name() == name).and_then(|node| node.text()).unwrap_or("")
        };
        let name = command.tag_name().name();
        lines.push(format!("{name} {} {} {} {}", child("CmdID"), child("MsgRef"), child("CmdRef"), child("TargetRef")));
        for item in command.children().filter(|node| node.tag_name().name() == "Item") {
            let below = |name: &str| {
                let node = item.descendants().find(|node| node.tag_name().name() == name);
                node.and_then(|node| node.text()).unwrap_or("").to_owned()
            };
            let source = below("LocURI");
            lines.push(format!("  {source} [{} {} {}]", below("Type"), below("Format"), below("Mark")));
        }
    }
    lines
}

/// The same of a message.
fn shape_of(message: &Message) -> Vec<String> {
    let header = &message.header;
    let has_name = header.source.loc_name.is_some();
    let mut lines = vec![format!("cred {} locname {has_name} meta {}", header.cred.is_some(), header.meta.is_some())];
    for command in &message.body.commands {
        let none = String::new();
        let (msg_ref, cmd_ref, target, items): (&String, &String, &String, &[Item]) = match command {
            Command::Request(request) => (&none, &none, &none, &request.items),
            Command::Alert(alert) => (&none, &none, &none, &alert.items),
            Command::Status(status) => {
                (&status.msg_ref, &status.cmd_ref, status.target_refs.first().unwrap_or(&none), &[])
            }
            Command::Results(results) => (
                results.msg_ref.as_ref().unwrap_or(&none),
                results.cmd_ref.as_ref().unwrap_or(&none),
                &none,
                &results.items,
            ),
            _ => (&none, &none, &none, &[]),
        };
        lines.push(format!("{} {} {msg_ref} {cmd_ref} {target}", command.name(), command.cmd_id()));
        for item in items {
            let meta = item.meta.clone().unwrap_or_default();
            let word = |text: Option<String>| text.unwrap_or_default();
            let format = word(meta.format.map(String::from));
            let source = item.source_uri().unwrap_or("");
            lines.push(format!("  {source} [{} {format} {}]", word(meta.mime), word(meta.mark)));
        }
    }
    lines.extend(message.body.is_final.then(|| "Final    ".to_owned()));
    lines
}

#[test]
fn package_one_has_the_recorded_shape() {
    for name in
        ["win11-26200/windows-26200.9278-package1-user.xml", "win10-19043/05-request-POST-ManagementServer_MDM.svc.xml"]
    {
        let Some(xml) = recorded(name) else { return };
        assert_eq!(shape_of(&device().start_session(Trigger::Schedule)), shape_of_recording(&xml), "{name}");
    }
}

#[test]
fn the_digest_message_has_the_recorded_shape() {
    let Some(xml) = recorded("win11-26200/windows-26200.9278-package1-digest.xml") else { return };
    let mut device = device();
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&Server::new().challenge(&first, 407, "Tm9uY2U=")));
    assert_eq!(shape_of(&second), shape_of_recording(&xml));
}

#[test]
fn the_unenrollment_has_the_recorded_shape() {
    let Some(xml) = recorded("win11-26200/windows-26200.9278-unenroll-1226.xml") else { return };
    let mut device = device();
    device.unenroll();
    assert_eq!(shape_of(&device.start_session(Trigger::Schedule)), shape_of_recording(&xml));
}

#[test]
fn results_have_the_recorded_shape() {
    let Some(xml) = recorded("win11-26200/windows-26200.9278-devdetail-results.xml") else { return };
    let mut identity = DeviceIdentity::new(DEVICE, "dm-client-01", "Secr3t-Password!");
    identity.provider_id = "go-microsoft-dm-local-test".to_owned();
    let (mut device, mut server) = (Device::new(identity, URL, Behaviour::default(), 1), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&server.challenge(&first, 407, "Tm9uY2U=")));
    let uris = [
        "./DevDetail/SwV",
        "./DevDetail/LrgObj",
        "./DevDetail/URI/MaxSegLen",
        "./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions",
        "./Device/Vendor/MSFT/DMClient/Provider/go-microsoft-dm-local-test/Push/ChannelURI",
    ];
    let third = sent(device.receive(&server.answer(&second, vec![get(&uris)])));
    assert_eq!(shape_of(&third), shape_of_recording(&xml));
}

#[test]
fn accepted_replaces_and_aborts_have_the_recorded_shape() {
    let Some(xml) = recorded("win10-19043/06-request-POST-ManagementServer_MDM.svc.xml") else { return };
    let (mut device, mut server) = (device(), Server::new());
    let url = |name: &str| {
        set(Verb::Replace, &format!("./Vendor/MSFT/Personalization/{name}Url"), Format::Chr, "https://a.test/p")
    };
    let answer = sent(order(&mut device, &mut server, vec![url("DesktopImage"), url("LockScreenImage")]));
    assert_eq!(shape_of(&answer), shape_of_recording(&xml));
    assert!(statuses_of(&answer)[1..].iter().all(|status| status.3 == 202));

    let Some(xml) = recorded("win11-26200/windows-26200.9278-large-result-abort-8192.xml") else { return };
    let mut server = Server { messages: 0, sizes: Some((8192, 1 << 20)) };
    let mut device = super::device();
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&server.challenge(&first, 407, "Tm9uY2U=")));
    let versions = "./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions";
    let third = sent(device.receive(&server.answer(&second, vec![get(&[versions])])));
    let abort = sent(device.receive(&server.answer(&third, vec![])));
    assert_eq!(shape_of(&abort), shape_of_recording(&xml));
}
