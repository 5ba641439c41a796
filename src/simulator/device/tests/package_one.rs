//! Package 1 in the recorded shape.

use transom_protocol::session::LoginStatus;

use super::*;

/// A message in a few lines: enough to compare its structure with what was recorded.
fn outline(message: &Message) -> String {
    let header = &message.header;
    let mut lines = vec![format!(
        "{} {} session {} message {} to {} from {}",
        header.ver_dtd,
        header.ver_proto,
        header.session_id,
        header.msg_id,
        header.target.loc_uri,
        header.source.loc_uri
    )];
    for command in &message.body.commands {
        let items: &[Item] = match command {
            Command::Request(request) => &request.items,
            Command::Alert(alert) => &alert.items,
            _ => &[],
        };
        let code = if let Command::Alert(alert) = command { alert.code.map_or(0, |code| code.0) } else { 0 };
        lines.push(format!("{} {} {code}", command.name(), command.cmd_id()));
        for item in items {
            let meta = item.meta.clone().unwrap_or_default();
            let words = [meta.mime, meta.format.map(String::from), meta.mark].into_iter().flatten();
            let source = item.source_uri().unwrap_or("-");
            lines.push(format!("  {source} [{}] {}", words.collect::<Vec<_>>().join(" "), item.text()));
        }
    }
    if message.body.is_final {
        lines.push("Final".to_owned());
    }
    lines.join("\n")
}

#[test]
fn package_one_is_what_windows_sends() {
    let mut device = device();
    let message = device.start_session(Trigger::Schedule);
    let own = |uri: &str| device.tree().value(uri).unwrap();
    let (maker, model) = (own("./DevInfo/Man"), own("./DevInfo/Mod"));
    assert_eq!(message.header.cred, None);
    assert_eq!(message.header.meta, None);
    assert_eq!(message.header.source.loc_name, None);
    let expected = format!(
        "1.2 DM/1.2 session 1 message 1 to {URL} from {DEVICE}
Alert 2 1201
Alert 3 1224
  - [com.microsoft/MDM/LoginStatus] user
Replace 4 0
  ./DevInfo/DevId [] {DEVICE}
  ./DevInfo/Man [] {maker}
  ./DevInfo/Mod [] {model}
  ./DevInfo/DmV [] 1.3
  ./DevInfo/Lang [] en-US
Final"
    );
    assert_eq!(outline(&message), expected);
}

#[test]
fn a_push_starts_with_1200_and_the_login_is_what_the_switch_says() {
    let mut device = device_that(Behaviour { login: LoginStatus::None, ..Behaviour::default() });
    let message = device.start_session(Trigger::Push);
    let codes: Vec<u16> = alert_codes(&message).iter().map(|code| code.0).collect();
    assert_eq!(codes, [1200, 1224]);
    assert_eq!(alerts_of(&message)[1].items[0].text(), "none");
}

#[test]
fn notices_stand_between_the_login_status_and_devinfo() {
    let mut device = device();
    device.unenroll();
    let message = device.start_session(Trigger::Schedule);
    let expected = "Alert 4 1226\n  - [com.microsoft:mdm.unenrollment.userrequest int critical] 1\nReplace 5 0";
    assert!(outline(&message).contains(expected), "{}", outline(&message));
    assert_eq!(device.urgent_notices().collect::<Vec<_>>(), ["com.microsoft:mdm.unenrollment.userrequest"]);
}

#[test]
fn session_ids_count_up_in_the_form_of_the_switch() {
    let ids = |session_ids| {
        let mut device = device_that(Behaviour { session_ids, ..Behaviour::default() });
        (0..3).map(|_| device.start_session(Trigger::Schedule).header.session_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(SessionIds::Decimal), ["1", "2", "3"]);
    assert_eq!(ids(SessionIds::DecimalFromZero), ["0", "1", "2"]);
    assert_eq!(ids(SessionIds::Hex), ["01", "02", "03"]);
    assert_eq!(SessionIds::Hex.write(0x6D), "6D");
}

#[test]
fn sizes_are_announced_only_by_switch() {
    let sizes = Behaviour { max_msg_size: Some(8192), max_obj_size: Some(65536), ..Behaviour::default() };
    let meta = device_that(sizes).start_session(Trigger::Schedule).header.meta.unwrap();
    assert_eq!((meta.max_msg_size, meta.max_obj_size), (Some(8192), Some(65536)));
}
