//! What the device sees of a server that breaks the book.

use transom_protocol::session::LoginStatus;

use super::*;

/// The violations that a change to a good answer brings.
fn violations(change: impl FnOnce(&mut Message)) -> Vec<Violation> {
    violations_of(&mut device(), vec![get(&["./DevInfo/Man"])], change)
}

fn violations_of(device: &mut Device, orders: Vec<Command>, change: impl FnOnce(&mut Message)) -> Vec<Violation> {
    let mut server = Server::new();
    let first = device.start_session(Trigger::Schedule);
    let mut answer = server.answer(&first, orders);
    change(&mut answer);
    device.receive(&answer);
    device.complaints().iter().map(|complaint| complaint.violation).collect()
}

fn status_at(message: &mut Message, at: usize) -> &mut Status {
    if let Command::Status(status) = &mut message.body.commands[at] { status } else { panic!("no Status at {at}") }
}

#[test]
fn a_good_answer_is_no_reason_to_complain() {
    assert_eq!(violations(|_| ()), []);
}

#[test]
fn the_header_is_watched() {
    assert_eq!(violations(|m| m.header.target.loc_uri.push('x')), [Violation::WrongAddress]);
    assert_eq!(violations(|m| m.header.source.loc_uri.push_str("?mode=Maintenance")), [Violation::WrongAddress]);
    assert_eq!(violations(|m| m.header.session_id.push('1')), [Violation::WrongSession]);
    assert_eq!(violations(|m| m.header.msg_id = "2".to_owned()), [Violation::MsgIdDoesNotCount]);
    assert_eq!(violations(|m| m.header.ver_proto = "DM/1.1".to_owned()), [Violation::WrongVersion]);
    assert_eq!(violations(|m| m.header.no_resp = true), [Violation::NoRespInHeader]);
}

#[test]
fn the_statuses_are_watched() {
    let missing = violations(|m| drop(m.body.commands.remove(2)));
    assert_eq!(missing, [Violation::StatusMissing]);
    let no_header = violations(|m| drop(m.body.commands.remove(0)));
    assert_eq!(no_header, [Violation::HeaderStatusNotFirst]);
    assert_eq!(violations(|m| status_at(m, 0).msg_ref = "7".to_owned()), [Violation::HeaderStatusNotFirst]);
    let swapped = violations(|m| m.body.commands.swap(1, 3));
    assert_eq!(swapped, [Violation::StatusOutOfOrder, Violation::StatusOutOfOrder]);
    let behind = violations(|m| m.body.commands.swap(3, 4));
    assert_eq!(behind, [Violation::StatusOutOfOrder]);
    assert_eq!(violations(|m| status_at(m, 1).cmd = "Replace".to_owned()), [Violation::StatusOfOtherCommand]);
    let of_nothing = violations(|m| status_at(m, 1).cmd_ref = "99".to_owned());
    assert_eq!(of_nothing, [Violation::StatusOfNothing, Violation::StatusMissing]);
    let twice = violations(|m| {
        let mut again = m.body.commands[1].clone();
        if let Command::Status(status) = &mut again {
            status.cmd_id = "50".to_owned();
        }
        m.body.commands.insert(2, again);
    });
    assert_eq!(twice, [Violation::StatusOfNothing]);
}

#[test]
fn cmdids_are_watched_inside_groups_too() {
    let set_id = |m: &mut Message, id: &str| {
        if let Some(Command::Request(request)) = m.body.commands.last_mut() {
            request.cmd_id = id.to_owned();
        }
    };
    assert_eq!(violations(|m| set_id(m, "1")), [Violation::CmdIdTwice]);
    assert_eq!(violations(|m| set_id(m, "0")), [Violation::CmdIdMissing]);
    assert_eq!(violations(|m| set_id(m, "")), [Violation::CmdIdMissing]);
    let sequence = group(GroupKind::Sequence, vec![get(&["./DevInfo/Man"])]);
    let inside = violations_of(&mut device(), vec![sequence], |m| {
        if let Some(Command::Group(group)) = m.body.commands.last_mut() {
            renumber(&mut group.commands, &mut 0);
        }
    });
    assert_eq!(inside, [Violation::CmdIdTwice]);
}

#[test]
fn final_is_watched() {
    assert_eq!(violations(|m| m.body.is_final = false), [Violation::FinalMisplaced]);
    let open = violations(|m| {
        if let Some(Command::Request(request)) = m.body.commands.last_mut() {
            request.items[0].more_data = true;
        }
    });
    assert_eq!(open, [Violation::FinalMisplaced]);
}

#[test]
fn commands_in_a_challenge_are_seen_and_not_done() {
    let mut device = device();
    let orders = vec![set(Verb::Replace, "./Vendor/MSFT/Policy/Config/A/B", Format::Int, "1")];
    let seen = violations_of(&mut device, orders, |m| {
        status_at(m, 0).code = StatusCode::MISSING_CREDENTIALS;
        status_at(m, 0).chal = Some(chal("Tm9uY2U="));
    });
    assert_eq!(seen, [Violation::CommandsInChallenge]);
    assert!(device.log().effects().is_empty());
}

#[test]
fn a_message_larger_than_announced_is_seen() {
    let mut device = device_that(Behaviour { max_msg_size: Some(1000), ..Behaviour::default() });
    let first = device.start_session(Trigger::Schedule);
    device.weigh(1001);
    device.receive(&Server::new().answer(&first, vec![]));
    assert_eq!(device.complaints()[0].violation, Violation::TooLarge);
}

#[test]
fn orders_while_the_device_has_more_to_say_are_seen() {
    let mut device = device_that(Behaviour { split_answers: Some(1), ..Behaviour::default() });
    let mut server = Server::new();
    let part = sent(order(&mut device, &mut server, vec![get(&["./DevInfo/Man"])]));
    let mut early = server.answer(&part, vec![get(&["./DevInfo/Mod"])]);
    early.body.is_final = false;
    device.receive(&early);
    let seen: Vec<_> = device.complaints().iter().map(|complaint| complaint.violation).collect();
    assert_eq!(seen, [Violation::CommandsDuringPackage, Violation::NextMessageNotAsked]);
}

#[test]
fn scopes_are_watched() {
    let user = || set(Verb::Replace, "./User/Vendor/MSFT/Policy/Config/A/B", Format::Int, "1");
    let machine = || set(Verb::Replace, "./Vendor/MSFT/Policy/Config/A/B", Format::Int, "1");
    let mixed = group(GroupKind::Atomic, vec![user(), machine()]);
    assert_eq!(violations_of(&mut device(), vec![mixed], |_| ()), [Violation::MixedScopes]);
    let mut alone = device_that(Behaviour { login: LoginStatus::None, ..Behaviour::default() });
    assert_eq!(violations_of(&mut alone, vec![user()], |_| ()), [Violation::UserScopeWithoutUser]);
}

#[test]
fn a_command_that_ends_the_session_stands_alone() {
    let reboot = request(Verb::Exec, vec![Item::target("./Vendor/MSFT/Reboot/RebootNow")]);
    let seen = violations_of(&mut device(), vec![reboot.clone(), get(&["./DevInfo/Man"])], |_| ());
    assert_eq!(seen, [Violation::SessionEnderNotAlone]);
    assert_eq!(violations_of(&mut device(), vec![reboot], |_| ()), []);
}

#[test]
fn a_message_that_came_before_is_not_done_again() {
    let (mut device, mut server) = (device(), Server::new());
    let rotate = set(Verb::Exec, "./Vendor/MSFT/BitLocker/RotateRecoveryPasswords", Format::Chr, "a");
    let answer = sent(order(&mut device, &mut server, vec![rotate.clone()]));
    let mut again = server.answer(&answer, vec![rotate]);
    again.header.msg_id = "1".to_owned();
    assert_eq!(device.receive(&again), Next::Ended(Ending::RepeatedServerMessage));
    assert_eq!(device.log().effects().len(), 1);
}

#[test]
fn an_exec_that_comes_twice_is_seen_where_the_test_promised_none() {
    let mut device = device_that(Behaviour { execs_are_unique: true, ..Behaviour::default() });
    let rotate = |id: &str| set(Verb::Exec, "./Vendor/MSFT/BitLocker/RotateRecoveryPasswords", Format::Chr, id);
    let seen = violations_of(&mut device, vec![rotate("a"), rotate("b"), rotate("a")], |_| ());
    assert_eq!(seen, [Violation::ExecTwice]);
}

#[test]
fn a_device_that_broke_the_book_itself_does_not_complain() {
    let mut device = device();
    let first = device.start_session(Trigger::Schedule);
    device.excuse();
    let mut answer = Server::new().answer(&first, vec![]);
    answer.body.commands.truncate(1);
    device.receive(&answer);
    assert_content(&device);
}

#[test]
fn a_message_without_a_session_is_seen() {
    let mut device = device();
    let first = device.start_session(Trigger::Schedule);
    let mut server = Server::new();
    assert_eq!(device.receive(&server.answer(&first, vec![])), Next::Quiet);
    assert_eq!(device.receive(&server.answer(&first, vec![])), Next::Ended(Ending::NoSession));
    assert_eq!(device.complaints()[0].violation, Violation::NoSession);
}
