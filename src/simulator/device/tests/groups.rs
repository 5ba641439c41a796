//! Atomic and Sequence.

use super::*;

const A: &str = "./Vendor/MSFT/Policy/Config/Area/A";
const B: &str = "./Vendor/MSFT/Policy/Config/Area/B";
const C: &str = "./Vendor/MSFT/Policy/Config/Area/C";

fn put(uri: &str, data: &str) -> Command {
    set(Verb::Replace, uri, Format::Int, data)
}

fn codes(message: &Message) -> Vec<(&str, u16)> {
    statuses_of(message)[1..].iter().map(|status| (status.0, status.3)).collect()
}

#[test]
fn an_atomic_that_succeeds_is_200_before_its_children() {
    let (mut device, mut server) = (device(), Server::new());
    let atomic = group(GroupKind::Atomic, vec![put(A, "1"), put(B, "2")]);
    let answer = sent(order(&mut device, &mut server, vec![atomic]));
    assert_eq!(statuses_of(&answer)[1], ("5", "Atomic", None, 200));
    assert_eq!(codes(&answer), [("5", 200), ("6", 200), ("7", 200)]);
    assert_eq!(device.log().effects().len(), 2);
    assert_content(&device);
}

#[test]
fn a_failed_atomic_undoes_what_was_done_and_does_not_do_the_rest() {
    let (mut device, mut server) = (device(), Server::new());
    let atomic = group(GroupKind::Atomic, vec![put(A, "1"), put(B, "none"), put(C, "3")]);
    let answer = sent(order(&mut device, &mut server, vec![put(C, "0"), atomic]));
    assert_eq!(codes(&answer), [("5", 200), ("6", 507), ("7", 216), ("8", 500), ("9", 215)]);
    assert_eq!(device.tree().value(A), None);
    assert_eq!(device.tree().value(C).as_deref(), Some("0"));
    assert_eq!(device.log().effects().len(), 1);
}

#[test]
fn items_behind_a_failed_one_are_not_executed() {
    let (mut device, mut server) = (device(), Server::new());
    let items = vec![item(A, Format::Int, "1"), item("./DevDetail/SwV", Format::Chr, "x"), item(B, Format::Int, "2")];
    let atomic = group(GroupKind::Atomic, vec![request(Verb::Replace, items)]);
    let answer = sent(order(&mut device, &mut server, vec![atomic]));
    assert_eq!(codes(&answer), [("5", 507), ("6", 216), ("6", 405), ("6", 215)]);
    assert_eq!(device.tree().value(A), None);
}

#[test]
fn a_get_in_an_atomic_is_500_and_nothing_is_done() {
    let (mut device, mut server) = (device(), Server::new());
    let atomic = group(GroupKind::Atomic, vec![put(A, "1"), get(&["./DevInfo/Man"]), put(B, "2")]);
    let answer = sent(order(&mut device, &mut server, vec![atomic]));
    assert_eq!(codes(&answer), [("5", 507), ("6", 215), ("7", 500), ("8", 215)]);
    assert!(device.log().effects().is_empty());
}

#[test]
fn a_nested_atomic_is_refused() {
    let (mut device, mut server) = (device(), Server::new());
    let inner = group(GroupKind::Atomic, vec![put(B, "2")]);
    let answer = sent(order(&mut device, &mut server, vec![group(GroupKind::Atomic, vec![put(A, "1"), inner])]));
    assert_eq!(codes(&answer), [("5", 507), ("6", 215), ("7", 500), ("8", 215)]);
}

#[test]
fn add_and_replace_of_one_node_in_one_atomic_is_refused() {
    let (mut device, mut server) = (device(), Server::new());
    let atomic = group(GroupKind::Atomic, vec![set(Verb::Add, A, Format::Int, "1"), put(A, "2")]);
    let answer = sent(order(&mut device, &mut server, vec![atomic]));
    assert_eq!(codes(&answer), [("5", 507), ("6", 216), ("7", 500)]);
}

#[test]
fn an_exec_in_a_failed_atomic_has_no_consequence() {
    let (mut device, mut server) = (device(), Server::new());
    let reboot = request(Verb::Exec, vec![Item::target("./Vendor/MSFT/Reboot/RebootNow")]);
    let atomic = group(GroupKind::Atomic, vec![reboot, put(A, "none")]);
    let answer = sent(order(&mut device, &mut server, vec![atomic]));
    assert_eq!(codes(&answer), [("5", 507), ("6", 216), ("7", 500)]);
    assert_eq!(device.receive(&server.answer(&answer, vec![])), Next::Quiet);
    assert_eq!(device.boots(), 0);
    assert!(device.log().effects().is_empty());
}

#[test]
fn a_sequence_is_done_in_order_and_goes_on_after_a_failure() {
    let (mut device, mut server) = (device(), Server::new());
    let sequence = group(GroupKind::Sequence, vec![put(A, "1"), get(&["./DevInfo/Nope"]), get(&[A])]);
    let answer = sent(order(&mut device, &mut server, vec![sequence]));
    assert_eq!(codes(&answer), [("5", 200), ("6", 200), ("7", 404), ("8", 200)]);
    assert_eq!(results_of(&answer)[0].items[0].text(), "1");
}
