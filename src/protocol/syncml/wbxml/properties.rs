//! Properties of the codec over inputs that nobody thought of.

use proptest::prelude::*;

use super::tree::{self, Node};
use super::{content, encode, to_xml};
use crate::syncml::{
    Address, Command, Data, Format, Group, GroupKind, Item, Message, Meta, Request, SyncBody, SyncHdr, Verb, read,
    write,
};
use crate::xml::Limits;

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_never_give_broken_xml(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(xml) = to_xml(&bytes, &Limits::default()) {
            tree::parse(&xml);
        }
    }

    #[test]
    fn arbitrary_tokens_never_panic_and_never_give_broken_xml(tokens in tokens()) {
        let body = [&[0x02, 0xA4, 0x01, 0x6A, 0x05], b"ab\0cd".as_slice(), &tokens].concat();
        if let Ok(xml) = to_xml(&body, &Limits::default()) {
            tree::parse(&xml);
        }
    }

    #[test]
    fn a_cut_message_is_refused(message in message(), place in any::<prop::sample::Index>()) {
        let bytes = encode(&message);
        prop_assert!(to_xml(&bytes[..place.index(bytes.len())], &Limits::default()).is_err());
    }

    #[test]
    fn what_is_encoded_is_read_as_the_same_values(message in message()) {
        let root = tree::parse(&to_xml(&encode(&message), &Limits::default()).unwrap());
        let mut found = Vec::new();
        collect(&root, &mut found);
        let mut sent = Vec::new();
        for command in &message.body.commands {
            sent_by(command, &mut sent);
        }
        prop_assert_eq!(found, sent);
    }

    #[test]
    fn both_forms_are_read_alike(message in message()) {
        let limits = Limits::default();
        let from_text = read::read(&write::write(&message), &limits).unwrap();
        let from_binary = read::read(&to_xml(&encode(&message), &limits).unwrap(), &limits).unwrap();
        prop_assert_eq!(from_text, from_binary);
    }

    #[test]
    fn text_that_xml_cannot_carry_breaks_nothing(uri in any::<String>(), data in any::<String>()) {
        let item = Item { data: Some(data.as_str().into()), ..Item::target(uri.as_str()) };
        let message = wrap(vec![request(Verb::Replace, vec![item])]);
        match to_xml(&encode(&message), &Limits::default()) {
            Ok(xml) => { tree::parse(&xml); }
            Err(_) => prop_assert!(!content::is_xml_text(&uri) || !content::is_xml_text(&data)),
        }
    }
}

/// Mostly tokens that mean something, so that the stack gets deep and the pages change.
fn tokens() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(vec![0x01]),
        4 => (5_u8..0x3D).prop_map(|tag| vec![tag | 0x40]),
        2 => (5_u8..0x3D).prop_map(|tag| vec![tag]),
        2 => (0_u8..3).prop_map(|page| vec![0x00, page]),
        2 => "[a-z<&]{0,4}".prop_map(|text| [b"\x03".as_slice(), text.as_bytes(), b"\0"].concat()),
        1 => (0_u8..6).prop_map(|index| vec![0x83, index]),
        1 => (0_u8..4).prop_map(|index| vec![0x44, index]),
        1 => prop::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| {
            [&[0xC3, u8::try_from(bytes.len()).unwrap()], bytes.as_slice()].concat()
        }),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| [vec![0x6D], pieces.concat()].concat())
}

fn xml_text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,20}", "[a-z<>&\\]\r\n\t\u{e4}\u{f000}\u{1F600}]{0,20}", "[a-z]{120,140}",]
}

fn value() -> impl Strategy<Value = (Option<Format>, Data)> {
    prop_oneof![
        xml_text().prop_map(|text| (None, Data::Text(text))),
        xml_text().prop_map(|text| (Some(Format::Chr), Data::Text(text))),
        Just((Some(Format::Xml), Data::Markup("<a b=\"1\">2</a>".to_owned()))),
        (prop_oneof![Just(Format::B64), Just(Format::Bin)], "([A-Za-z0-9+/]{4}){0,60}")
            .prop_map(|(format, text)| (Some(format), Data::Text(text))),
    ]
}

prop_compose! {
    fn item()(uri in "\\./[A-Za-z/%&]{0,20}", (format, data) in value(), has_data in any::<bool>(), more_data in any::<bool>())
        -> Item {
        let meta = format.map(|format| Meta { format: Some(format), ..Meta::default() });
        Item { meta, data: has_data.then_some(data), more_data, ..Item::target(uri) }
    }
}

fn request(verb: Verb, items: Vec<Item>) -> Command {
    Command::Request(Request { verb, cmd_id: "7".to_owned(), no_resp: false, meta: None, items })
}

fn single() -> impl Strategy<Value = Command> {
    let verb = prop_oneof![Just(Verb::Add), Just(Verb::Replace), Just(Verb::Exec), Just(Verb::Get)];
    (verb, prop::collection::vec(item(), 0..4)).prop_map(|(verb, items)| request(verb, items))
}

fn message() -> impl Strategy<Value = Message> {
    let group = prop::collection::vec(single(), 0..4).prop_map(|commands| {
        Command::Group(Group { kind: GroupKind::Atomic, cmd_id: "8".to_owned(), no_resp: true, meta: None, commands })
    });
    prop::collection::vec(prop_oneof![3 => single(), 1 => group], 0..4).prop_map(wrap)
}

fn wrap(commands: Vec<Command>) -> Message {
    let header = SyncHdr {
        ver_dtd: "1.2".to_owned(),
        session_id: "1".to_owned(),
        msg_id: "1".to_owned(),
        target: Address::uri("d"),
        source: Address::uri("s"),
        ..SyncHdr::default()
    };
    Message { header, body: SyncBody { commands, is_final: true }, oddities: Vec::new() }
}

/// Node and value of each item, in order.
fn sent_by(command: &Command, sent: &mut Vec<(String, Option<String>)>) {
    match command {
        Command::Request(request) => sent.extend(
            request
                .items
                .iter()
                .map(|item| (item.target_uri().unwrap().to_owned(), item.data.clone().map(Data::into_string))),
        ),
        Command::Group(group) => group.commands.iter().for_each(|command| sent_by(command, sent)),
        _ => {}
    }
}

fn collect(node: &Node, found: &mut Vec<(String, Option<String>)>) {
    let child = |node: &Node, name: &str| node.children.iter().find(|child| child.name == name).cloned();
    if node.name == "Item" {
        let uri = child(&child(node, "Target").unwrap(), "LocURI").unwrap().text;
        found.push((uri, child(node, "Data").map(|data| data.text)));
    }
    node.children.iter().for_each(|child| collect(child, found));
}
