//! Values in chunks, both ways, and answers over several messages.

use super::*;

const XML: &str = "./Vendor/MSFT/WiFi/Profile/Office/WlanXml";
const VERSIONS: &str = "./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions";

fn chunk(data: &str, size: Option<u64>, more_data: bool) -> Command {
    let meta = size.map(|size| Meta { size: Some(size), ..Meta::default() });
    request(Verb::Replace, vec![Item { meta, data: Some(Data::from(data)), more_data, ..Item::target(XML) }])
}

/// A server's message that goes on: without Final.
fn open(mut message: Message) -> Message {
    message.body.is_final = false;
    message
}

#[test]
fn a_value_in_chunks_is_buffered_asked_for_and_done_at_its_end() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&open(server.answer(&first, vec![chunk("<WLAN", Some(14), true)]))));
    assert_eq!(statuses_of(&second)[1], ("5", "Replace", None, 213));
    assert_eq!(alert_codes(&second), [AlertCode::NEXT_MESSAGE]);
    let third = sent(device.receive(&open(server.answer(&second, vec![chunk("Profi", None, true)]))));
    assert_eq!(statuses_of(&third)[1].3, 213);
    let fourth = sent(device.receive(&server.answer(&third, vec![chunk("le/>", None, false)])));
    assert_eq!(statuses_of(&fourth)[1].3, 200);
    assert!(alert_codes(&fourth).is_empty());
    assert_eq!(device.tree().value(XML).as_deref(), Some("<WLANProfile/>"));
    assert_eq!(device.log().effects()[0].data, "<WLANProfile/>");
    assert_content(&device);
}

#[test]
fn a_value_of_another_length_than_announced_is_424_and_nothing_is_done() {
    for data in ["short", "much too long for it"] {
        let (mut device, mut server) = (device(), Server::new());
        let first = device.start_session(Trigger::Schedule);
        let second = sent(device.receive(&open(server.answer(&first, vec![chunk("<W", Some(9), true)]))));
        let third = sent(device.receive(&server.answer(&second, vec![chunk(data, None, false)])));
        assert_eq!(statuses_of(&third)[1].3, 424);
        assert!(device.log().effects().is_empty());
    }
}

#[test]
fn a_first_chunk_without_size_is_411_and_one_too_big_is_416() {
    let mut device = device_that(Behaviour { max_obj_size: Some(100), ..Behaviour::default() });
    let mut server = Server::new();
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&open(server.answer(&first, vec![chunk("<W", None, true)]))));
    assert_eq!(statuses_of(&second)[1].3, 411);
    let third = sent(device.receive(&open(server.answer(&second, vec![chunk("<W", Some(101), true)]))));
    assert_eq!(statuses_of(&third)[1].3, 416);
    let fourth = sent(device.receive(&server.answer(&third, vec![chunk(&"x".repeat(101), None, false)])));
    assert_eq!(statuses_of(&fourth)[1].3, 413);
}

#[test]
fn an_interrupted_value_is_told_with_1225_and_forgotten() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&open(server.answer(&first, vec![chunk("<W", Some(9), true)]))));
    let third = sent(device.receive(&server.answer(&second, vec![get(&["./DevInfo/Man"])])));
    assert_eq!(statuses_of(&third)[1].3, 200);
    let alerts = alerts_of(&third);
    assert_eq!(alerts[0].code, Some(AlertCode::NO_END_OF_DATA));
    assert_eq!(alerts[0].items[0].target_uri(), Some(XML));
    assert_eq!(device.tree().value(XML), None);
}

#[test]
fn a_message_that_is_not_the_last_is_asked_to_go_on() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&open(server.answer(&first, vec![]))));
    assert_eq!(alert_codes(&second), [AlertCode::NEXT_MESSAGE]);
}

#[test]
fn windows_aborts_when_results_are_larger_than_the_servers_messages() {
    let (mut device, mut server) = (device(), Server { messages: 0, sizes: Some((8192, 1 << 20)) });
    let answer = sent(order(&mut device, &mut server, vec![get(&[VERSIONS])]));
    assert_eq!(statuses_of(&answer)[1], ("5", "Get", None, 200));
    assert!(results_of(&answer).is_empty());
    let abort = sent(device.receive(&server.answer(&answer, vec![])));
    let names: Vec<&str> = abort.body.commands.iter().map(Command::name).collect();
    assert_eq!(names, ["Status", "Alert"]);
    assert_eq!(alert_codes(&abort), [AlertCode::SESSION_ABORT]);
    assert_eq!(device.receive(&server.answer(&abort, vec![])), Next::Ended(Ending::AbortedByDevice));
    assert_content(&device);
}

#[test]
fn by_switch_large_results_are_cut_and_the_pieces_make_the_whole() {
    let mut device = device_that(Behaviour { large_objects: true, ..Behaviour::default() });
    let mut server = Server { messages: 0, sizes: Some((4096, 1 << 20)) };
    let mut message = sent(order(&mut device, &mut server, vec![get(&[VERSIONS, "./DevInfo/Man"])]));
    let (mut whole, mut announced, mut names) = (String::new(), Vec::new(), Vec::new());
    loop {
        for results in results_of(&message) {
            assert_eq!((results.msg_ref.as_deref(), results.cmd_ref.as_deref()), (Some("1"), Some("5")));
            let item = &results.items[0];
            names.push(item.source_uri().unwrap().to_owned());
            if item.source_uri() == Some(VERSIONS) {
                assert_eq!(item.format(), Some(&Format::Xml));
                announced.extend(item.meta.as_ref().and_then(|meta| meta.size));
                whole.push_str(item.text());
            }
        }
        let commands = if message.body.is_final { vec![] } else { vec![compose::alert(AlertCode::NEXT_MESSAGE)] };
        let reply = server.answer(&message, commands);
        let reply = if message.body.is_final { reply } else { open(reply) };
        match device.receive(&reply) {
            Next::Send(next) => message = next,
            next => {
                assert_eq!(next, Next::Quiet);
                break;
            }
        }
    }
    assert_eq!(device.tree().value(VERSIONS).as_deref(), Some(whole.as_str()));
    assert_eq!(announced, [whole.len() as u64]);
    assert_eq!(names.iter().filter(|name| *name == "./DevInfo/Man").count(), 1);
    assert!(names.len() > 5);
    assert_content(&device);
}

#[test]
fn a_chunk_that_the_server_refuses_is_the_last_of_its_value() {
    let mut device = device_that(Behaviour { large_objects: true, ..Behaviour::default() });
    let mut server = Server { messages: 0, sizes: Some((4096, 1 << 20)) };
    let mut message = sent(order(&mut device, &mut server, vec![get(&[VERSIONS]), get(&["./DevInfo/Man"])]));
    while results_of(&message).is_empty() {
        let reply = server.answer(&message, vec![compose::alert(AlertCode::NEXT_MESSAGE)]);
        message = sent(device.receive(&open(reply)));
    }
    let mut reply = server.answer(&message, vec![compose::alert(AlertCode::NEXT_MESSAGE)]);
    for command in &mut reply.body.commands {
        if let Command::Status(status) = command
            && status.cmd == "Results"
        {
            status.code = StatusCode::TOO_LARGE;
        }
    }
    let next = sent(device.receive(&open(reply)));
    assert_eq!(results_of(&next)[0].items[0].source_uri(), Some("./DevInfo/Man"));
}

#[test]
fn a_value_larger_than_the_servers_objects_is_413() {
    let (mut device, mut server) = (device(), Server { messages: 0, sizes: Some((1 << 20, 1000)) });
    let answer = sent(order(&mut device, &mut server, vec![get(&[VERSIONS])]));
    assert_eq!(statuses_of(&answer)[1].3, 413);
}

#[test]
fn by_switch_an_answer_is_split_and_each_part_waits_to_be_asked_for() {
    let mut device = device_that(Behaviour { split_answers: Some(2), ..Behaviour::default() });
    let mut server = Server::new();
    let first = sent(order(&mut device, &mut server, vec![get(&["./DevInfo/Man", "./DevInfo/Mod", "./DevInfo/Lang"])]));
    assert!(!first.body.is_final);
    assert_eq!(statuses_of(&first).len(), 3);
    let ask =
        |server: &mut Server, to: &Message| open(server.answer(to, vec![compose::alert(AlertCode::NEXT_MESSAGE)]));
    let second = sent(device.receive(&ask(&mut server, &first)));
    assert!(second.body.is_final);
    assert_eq!(statuses_of(&second)[1], ("2", "Alert", None, 200));
    assert_eq!(results_of(&second)[0].items.len(), 3);
    assert_eq!(results_of(&second)[0].msg_ref.as_deref(), Some("1"));
    assert_eq!(device.receive(&server.answer(&second, vec![])), Next::Quiet);
    assert_content(&device);
}

#[test]
fn by_switch_the_answer_comes_after_a_keep_alive() {
    let mut device = device_that(Behaviour { keep_alive: true, ..Behaviour::default() });
    let mut server = Server::new();
    let alive = sent(order(&mut device, &mut server, vec![get(&["./DevInfo/Man"])]));
    assert_eq!(statuses_of(&alive).len(), 1);
    let kind = alerts_of(&alive)[0].items[0].meta.as_ref().and_then(|meta| meta.mime.as_deref());
    assert_eq!(kind, Some("Reversed-Domain-Name:com.microsoft.mdm.requestpending"));
    let answer = sent(device.receive(&server.answer(&alive, vec![])));
    assert_eq!(results_of(&answer)[0].msg_ref.as_deref(), Some("1"));
    assert_eq!(device.receive(&server.answer(&answer, vec![])), Next::Quiet);
    assert_content(&device);
}

#[test]
fn by_switch_results_are_repeated_in_the_next_message() {
    let mut device = device_that(Behaviour { repeats_results: true, ..Behaviour::default() });
    let mut server = Server::new();
    let first = sent(order(&mut device, &mut server, vec![get(&["./DevInfo/Man"])]));
    let second = sent(device.receive(&server.answer(&first, vec![get(&["./DevInfo/Mod"])])));
    let refs: Vec<_> = results_of(&second).iter().map(|results| results.msg_ref.as_deref()).collect();
    assert_eq!(refs, [Some("2"), Some("1")]);
}
