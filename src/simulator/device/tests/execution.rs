//! Orders and their answers.

use transom_protocol::syncml::Unreadable;

use super::*;

const PASSWORD_LENGTH: &str = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";

#[test]
fn a_get_of_one_item_has_one_status_without_targetref_and_results_behind_it() {
    let (mut device, mut server) = (device(), Server::new());
    let answer = sent(order(&mut device, &mut server, vec![get(&["./DevDetail/LrgObj"]), get(&["./DevDetail/SwV"])]));
    let names: Vec<&str> = answer.body.commands.iter().map(Command::name).collect();
    assert_eq!(names, ["Status", "Status", "Results", "Status", "Results"]);
    let ids: Vec<&str> = answer.body.commands.iter().map(Command::cmd_id).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5"]);
    assert_eq!(statuses_of(&answer)[1..], [("5", "Get", None, 200), ("6", "Get", None, 200)]);
    let results = results_of(&answer);
    assert_eq!((results[0].msg_ref.as_deref(), results[0].cmd_ref.as_deref()), (Some("1"), Some("5")));
    let value = &results[0].items[0];
    assert_eq!(value.source_uri(), Some("./DevDetail/LrgObj"));
    assert_eq!(value.target, None);
    assert_eq!(value.meta, Some(Meta { format: Some(Format::Bool), ..Meta::default() }));
    assert_eq!(results[1].items[0].meta, None, "text has no Meta");
    assert!(answer.body.is_final);
    assert_content(&device);
}

#[test]
fn a_get_of_several_items_has_a_status_each_and_one_results_of_what_was_found() {
    let (mut device, mut server) = (device(), Server::new());
    let uris = ["./DevDetail/SwV", "./Vendor/MSFT/Nope", "./DevDetail/Nope", "./DevInfo/Man"];
    let answer = sent(order(&mut device, &mut server, vec![get(&uris)]));
    let codes: Vec<_> = statuses_of(&answer)[1..].iter().map(|status| (status.2.unwrap(), status.3)).collect();
    assert_eq!(codes, [(uris[0], 200), (uris[1], 404), (uris[2], 406), (uris[3], 200)]);
    let results = results_of(&answer);
    assert_eq!(results.len(), 1);
    let found: Vec<_> = results[0].items.iter().filter_map(Item::source_uri).collect();
    assert_eq!(found, [uris[0], uris[3]]);
}

#[test]
fn a_replace_of_several_items_has_a_status_each() {
    let (mut device, mut server) = (device(), Server::new());
    let items = vec![item(PASSWORD_LENGTH, Format::Int, "12"), item("./DevDetail/SwV", Format::Chr, "x")];
    let answer = sent(order(&mut device, &mut server, vec![request(Verb::Replace, items)]));
    assert_eq!(
        statuses_of(&answer)[1..],
        [("5", "Replace", Some(PASSWORD_LENGTH), 200), ("5", "Replace", Some("./DevDetail/SwV"), 405)]
    );
    let effects = device.log().effects();
    assert_eq!(effects.len(), 1);
    assert_eq!((effects[0].target.as_str(), effects[0].data.as_str()), (PASSWORD_LENGTH, "12"));
    assert_eq!((effects[0].message.as_str(), effects[0].cmd_id.as_str()), ("1", "5"));
}

#[test]
fn the_format_of_the_command_holds_for_items_without_one() {
    let (mut device, mut server) = (device(), Server::new());
    let meta = Meta { format: Some(Format::Int), ..Meta::default() };
    let bare = Item { data: Some(Data::from("7")), ..Item::target(PASSWORD_LENGTH) };
    let command =
        Request { verb: Verb::Replace, cmd_id: String::new(), no_resp: false, meta: Some(meta), items: vec![bare] };
    sent(order(&mut device, &mut server, vec![Command::Request(command)]));
    assert_eq!(device.tree().get(PASSWORD_LENGTH).unwrap()[0].format, Format::Int);
}

#[test]
fn nothing_is_sent_when_only_the_header_could_be_answered() {
    let (mut device, mut server) = (device(), Server::new());
    assert_eq!(order(&mut device, &mut server, vec![]), Next::Quiet);
    assert_eq!(device.session_id(), None);
    assert_content(&device);
}

#[test]
fn a_request_for_the_next_message_is_always_answered() {
    let (mut device, mut server) = (device(), Server::new());
    let answer = sent(order(&mut device, &mut server, vec![compose::alert(AlertCode::NEXT_MESSAGE)]));
    assert_eq!(statuses_of(&answer)[1..], [("5", "Alert", None, 200)]);
}

#[test]
fn unknown_elements_and_missing_cmdids_are_400() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let unknown = Unreadable { name: "Frobnicate".to_owned(), cmd_id: String::new(), why: String::new() };
    let mut orders = server.answer(&first, vec![Command::Unreadable(unknown), get(&["./DevInfo/Man"])]);
    if let Some(Command::Request(request)) = orders.body.commands.last_mut() {
        request.cmd_id.clear();
    }
    let answer = sent(device.receive(&orders));
    assert_eq!(statuses_of(&answer)[1..], [("5", "Frobnicate", None, 400), ("", "Get", None, 400)]);
    assert!(results_of(&answer).is_empty());
}

#[test]
fn an_exec_has_exactly_one_item() {
    let (mut device, mut server) = (device(), Server::new());
    let lock = "./Vendor/MSFT/RemoteLock/Lock";
    let two = request(Verb::Exec, vec![Item::target(lock), Item::target(lock)]);
    let answer = sent(order(&mut device, &mut server, vec![two, request(Verb::Copy, vec![Item::target(lock)])]));
    let codes: Vec<u16> = statuses_of(&answer)[1..].iter().map(|status| status.3).collect();
    assert_eq!(codes, [400, 406]);
    assert!(device.log().effects().is_empty());
}

#[test]
fn a_muted_command_is_done_and_not_answered() {
    let (mut device, mut server) = (device(), Server::new());
    let mut muted = set(Verb::Replace, PASSWORD_LENGTH, Format::Int, "9");
    if let Command::Request(request) = &mut muted {
        request.no_resp = true;
    }
    assert_eq!(order(&mut device, &mut server, vec![muted]), Next::Quiet);
    assert_eq!(device.log().effects().len(), 1);
}

#[test]
fn the_hresult_is_told_from_syncapplicationversion_3_on() {
    let (mut device, mut server) = (device(), Server::new());
    let version = "./Vendor/MSFT/DMClient/Provider/Transom/SyncApplicationVersion";
    let orders =
        vec![get(&["./DevInfo/Nope"]), set(Verb::Replace, version, Format::Chr, "3.0"), get(&["./DevInfo/Nope"])];
    let answer = sent(order(&mut device, &mut server, orders));
    let errors: Vec<_> = answer
        .body
        .commands
        .iter()
        .filter_map(
            |command| if let Command::Status(status) = command { Some(status.original_error.as_deref()) } else { None },
        )
        .collect();
    assert_eq!(errors, [None, None, None, Some("0x86000002")]);
}

#[test]
fn effects_are_logged_in_order_and_repeated_execs_are_found() {
    let (mut device, mut server) = (device(), Server::new());
    let rotate = |id: &str| set(Verb::Exec, "./Vendor/MSFT/BitLocker/RotateRecoveryPasswords", Format::Chr, id);
    let orders = vec![rotate("a"), set(Verb::Add, PASSWORD_LENGTH, Format::Int, "8"), rotate("b"), rotate("a")];
    sent(order(&mut device, &mut server, orders));
    let seen: Vec<_> = device.log().effects().iter().map(|effect| (effect.verb, effect.data.as_str())).collect();
    assert_eq!(seen, [(Verb::Exec, "a"), (Verb::Add, "8"), (Verb::Exec, "b"), (Verb::Exec, "a")]);
    let repeated: Vec<_> = device.log().repeated_execs().iter().map(|effect| effect.data.as_str()).collect();
    assert_eq!(repeated, ["a"]);
    let of_node: Vec<_> = device.log().execs_of("./Vendor/MSFT/BitLocker/RotateRecoveryPasswords").collect();
    assert_eq!(of_node, ["a", "b", "a"]);
}

#[test]
fn results_of_a_list_name_each_node() {
    let (mut device, mut server) = (device(), Server::new());
    let uri = "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/AppStore?list=StructData";
    let answer = sent(order(&mut device, &mut server, vec![get(&[uri])]));
    assert_eq!(statuses_of(&answer)[1].3, 200);
    let items = &results_of(&answer)[0].items;
    assert!(items.len() > 4);
    assert_eq!(items[0].format(), Some(&Format::Node));
    assert!(items.iter().any(|item| item.text() == "Fabrikam.Draw"));
}
