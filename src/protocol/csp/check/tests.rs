//! Instructions as authors write them, and what is said about them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MAX_ITEMS, Problem, check};
use crate::csp::{Instruction, Operation, Setting};
use crate::syncml::wbxml::{encode, to_xml};
use crate::syncml::{
    Address, Command, Format, Group, GroupKind, Item, Message, Meta, Request, SyncBody, SyncHdr, Verb,
};
use crate::xml::Limits;

const MAX_DATA: usize = 1000;

fn problems(value: &Value) -> Vec<(String, String)> {
    let instruction: Instruction = serde_json::from_value(value.clone()).unwrap();
    let found = check(&instruction, MAX_DATA).err().unwrap_or_default();
    found.into_iter().map(|Problem { at, what }| (at, what)).collect()
}

fn right(value: &Value) {
    assert_eq!(problems(value), [], "{value}");
}

/// The only problem, its place and a part of what is said.
fn wrong(value: &Value, at: &str, says: &str) {
    let found = problems(value);
    let [(place, what)] = found.as_slice() else { panic!("{value}: {found:?}") };
    assert_eq!(place, at, "{value}: {what}");
    assert!(what.contains(says), "{value}: {what}");
}

fn one(kind: &str, item: &Value) -> Value {
    json!({"kind": kind, "items": [item]})
}

fn atomic(commands: &[Value]) -> Value {
    json!({"kind": "atomic", "commands": commands})
}

#[test]
fn what_works_passes() {
    right(&one("get", &json!({"target": "./DevDetail/SwV"})));
    right(&one("get", &json!({"target": "./Vendor/MSFT/X?list=StructData"})));
    right(&one("delete", &json!({"target": "./X"})));
    right(&one("replace", &json!({"target": "./X", "format": "int", "data": "12"})));
    right(&one("replace", &json!({"target": "./X", "data": ""})));
    right(&one("add", &json!({"target": "./X", "format": "node"})));
    right(&one("exec", &json!({"target": "./Device/Vendor/MSFT/Reboot/RebootNow"})));
    right(&one("exec", &json!({"target": "./Device/Vendor/MSFT/RemoteWipe/doWipe", "data": "1"})));
    right(&json!({"kind": "get", "items": [{"target": "./A"}, {"target": "./User/B"}, {"target": "./A"}]}));
    // An MSI install begins with an Add that carries nothing.
    let node = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BA%7D/DownloadInstall";
    right(&json!({"kind": "sequence", "commands": [
        {"kind": "add", "items": [{"target": node}]},
        {"kind": "exec", "items": [{"target": node, "format": "xml", "type": "text/plain", "data": "<MsiInstallJob/>"}]},
        {"kind": "get", "items": [{"target": "./User/Vendor/MSFT/X"}]},
    ]}));
    right(&one("replace", &json!({"target": "./X", "type": "application/x-nodemon-nonexistent"})));
}

#[test]
fn there_must_be_something_to_do() {
    wrong(&json!({"kind": "get", "items": []}), "items", "at least one node");
    wrong(&json!({"kind": "atomic", "commands": []}), "commands", "at least one command");
    wrong(&json!({"kind": "sequence", "commands": []}), "commands", "at least one command");
    wrong(&atomic(&[json!({"kind": "delete", "items": []})]), "commands[0].items", "at least one node");
}

#[test]
fn exec_runs_one_node() {
    let items = json!([{"target": "./A"}, {"target": "./B"}]);
    wrong(&json!({"kind": "exec", "items": items}), "items", "this one has 2: write one exec for each");
}

#[test]
fn get_and_delete_only_name_their_node() {
    wrong(&one("get", &json!({"target": "./A", "data": "1"})), "items[0].data", "leave \"data\" out");
    wrong(&one("delete", &json!({"target": "./A", "format": "int"})), "items[0].format", "a delete only names");
    wrong(&one("get", &json!({"target": "./A", "type": "text/plain"})), "items[0].type", "leave \"type\" out");
}

#[test]
fn a_value_must_be_there() {
    wrong(&one("replace", &json!({"target": "./A"})), "items[0].data", "with \"\" for an empty text");
    wrong(&one("replace", &json!({"target": "./A", "format": "int"})), "items[0].data", "the value is missing");
    wrong(&one("add", &json!({"target": "./A", "format": "chr"})), "items[0].data", "the value is missing");
    wrong(&one("add", &json!({"target": "./A", "type": "text/plain"})), "items[0].data", "the value is missing");
}

#[test]
fn a_value_has_its_format() {
    wrong(&one("replace", &json!({"target": "./A", "format": "int", "data": "x"})), "items[0].data", "whole decimal");
    wrong(
        &one("exec", &json!({"target": "./A", "format": "null", "data": "x"})),
        "items[0].data",
        "leave \"data\" out",
    );
    wrong(&one("add", &json!({"target": "./A", "data": "a\u{1}"})), "items[0].data", "base64 with the format \"b64\"");
    wrong(&one("add", &json!({"target": "./A", "format": "string", "data": "a"})), "items[0].format", "write \"chr\"");
}

#[test]
fn a_value_is_not_larger_than_the_limit() {
    right(&one("replace", &json!({"target": "./A", "data": "x".repeat(MAX_DATA)})));
    let value = one("replace", &json!({"target": "./A", "data": "x".repeat(MAX_DATA + 1)}));
    wrong(&value, "items[0].data", "has 1001 bytes, 1000 are the most");
}

#[test]
fn only_a_get_asks() {
    for kind in ["delete", "exec"] {
        wrong(&one(kind, &json!({"target": "./A?list=Struct"})), "items[0].target", "write ./A");
    }
    wrong(&one("replace", &json!({"target": "./A?prop=Name", "data": "x"})), "items[0].target", "only a get");
}

#[test]
fn a_type_is_a_mime_type() {
    wrong(&one("add", &json!({"target": "./A", "type": "", "data": "x"})), "items[0].type", "is empty");
    wrong(&one("add", &json!({"target": "./A", "type": "a/b\n", "data": "x"})), "items[0].type", "no MIME type");
}

#[test]
fn an_atomic_holds_no_get() {
    let value = atomic(&[one("delete", &json!({"target": "./A"})), one("get", &json!({"target": "./A"}))]);
    wrong(&value, "commands[1].kind", "Windows refuses a get inside an atomic");
}

#[test]
fn an_atomic_has_one_scope() {
    let device = one("delete", &json!({"target": "./Device/Vendor/MSFT/A"}));
    let user = one("delete", &json!({"target": "./User/Vendor/MSFT/A"}));
    let plain = one("delete", &json!({"target": "./Vendor/MSFT/A"}));
    right(&atomic(&[device.clone(), plain.clone()]));
    right(&atomic(std::slice::from_ref(&user)));
    wrong(&atomic(&[device.clone(), plain, user.clone()]), "commands[2].items[0].target", "a ./User node can't share");
    wrong(&atomic(&[user.clone(), device.clone()]), "commands[1].items[0].target", "a device node can't share");
    right(&json!({"kind": "sequence", "commands": [device, user]}));
}

#[test]
fn an_atomic_does_not_add_and_replace_one_node() {
    let add = one("add", &json!({"target": "./Device/Vendor/A/{x}", "data": "1"}));
    let replace = one("replace", &json!({"target": "./vendor/a/%7BX%7D", "data": "1"}));
    let other = one("replace", &json!({"target": "./Vendor/A/y", "data": "1"}));
    wrong(&atomic(&[add.clone(), replace.clone()]), "commands[1].items[0].target", "add and replace of one node");
    wrong(&atomic(&[replace.clone(), other.clone(), add.clone()]), "commands[2].items[0].target", "add and replace");
    right(&atomic(&[add.clone(), other]));
    right(&json!({"kind": "sequence", "commands": [add, replace]}));
}

#[test]
fn what_ends_the_session_is_in_no_group() {
    let reboot = one("exec", &json!({"target": "./Device/Vendor/MSFT/Reboot/RebootNow"}));
    let before = one("delete", &json!({"target": "./A"}));
    for kind in ["atomic", "sequence"] {
        let value = json!({"kind": kind, "commands": [before, reboot]});
        wrong(&value, "commands[1].items[0].target", "send it as a command of its own, after the group");
    }
    // To ask for the node, or to set it, ends nothing.
    let get = one("get", &json!({"target": "./Device/Vendor/MSFT/Reboot/RebootNow"}));
    right(&json!({"kind": "sequence", "commands": [get]}));
}

#[test]
fn too_much_at_once_is_said_once() {
    let item = json!({"target": "./A", "data": "1"});
    let items = |count| json!({"kind": "get", "items": vec![item.clone(); count]});
    wrong(&items(MAX_ITEMS + 1), "items", "501 nodes are too many");
    let command = json!({"kind": "delete", "items": [{"target": "./A"}]});
    let commands = |count| json!({"kind": "sequence", "commands": vec![command.clone(); count]});
    right(&commands(500));
    wrong(&commands(501), "commands", "501 commands are too many");
    let halves = json!({"kind": "delete", "items": vec![json!({"target": "./A"}); 300]});
    wrong(&json!({"kind": "sequence", "commands": [halves, halves]}), "commands", "600 nodes are too many");
}

#[test]
fn everything_wrong_is_found_at_once() {
    let value = atomic(&[
        json!({"kind": "get", "items": [{"target": "./A", "data": "1"}]}),
        json!({"kind": "replace", "items": [{"target": "./A", "format": "bool", "data": "2"}, {"target": "./User/B"}]}),
    ]);
    let places: Vec<String> = problems(&value).into_iter().map(|(at, _)| at).collect();
    assert_eq!(
        places,
        [
            "commands[0].items[0].data",
            "commands[1].items[0].data",
            "commands[1].items[1].data",
            "commands[0].kind",
            "commands[1].items[1].target",
        ]
    );
}

#[test]
fn copy_is_refused() {
    let items = vec![Setting { target: "./A".parse().unwrap(), format: None, mime: None, data: Some(String::new()) }];
    let instruction = Instruction::Single(Operation { verb: Verb::Copy, items, if_exists: crate::csp::IfExists::Fail });
    let found = check(&instruction, MAX_DATA).unwrap_err();
    assert!(found.iter().any(|problem| problem.at == "kind"), "{found:?}");
}

proptest! {
    #[test]
    fn what_passes_can_be_sent(instruction in instruction()) {
        if check(&instruction, MAX_DATA).is_ok() {
            let xml = to_xml(&encode(&message(&instruction)), &Limits::default());
            prop_assert!(xml.is_ok(), "{:?}", xml);
            let json = serde_json::to_string(&instruction).unwrap();
            prop_assert_eq!(serde_json::from_str::<Instruction>(&json).unwrap(), instruction);
        }
    }
}

fn setting() -> impl Strategy<Value = Setting> {
    let target = prop_oneof![
        Just("./Device/Vendor/MSFT/Reboot/RebootNow"),
        Just("./User/A"),
        Just("./Vendor/A"),
        Just("./device/vendor/%41"),
        Just("./A?list=Struct"),
    ];
    let format = prop::option::of("chr|chr|chr|xml|xml|int|bool|b64|bin|node|null|float|date|time|odd");
    let data = prop::option::of(prop_oneof![
        any::<String>(),
        "[-0-9TZ:+]{0,20}",
        "[A-Za-z+/]{4,8}",
        "true|false|2026-11-20|03:00:00|1.5|",
        "<a/>|<a>.</a>|<a b='.'/>|&lt;|<[a-z]>",
    ]);
    let mime =
        prop_oneof![8 => Just(None), 1 => Just(Some("text/plain".to_owned())), 1 => any::<String>().prop_map(Some)];
    (target, format, mime, data).prop_map(|(target, format, mime, data)| Setting {
        target: target.parse().unwrap(),
        format: format.map(Format::from),
        mime,
        data,
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let verb = prop_oneof![
        1 => Just(Verb::Get),
        4 => Just(Verb::Add),
        4 => Just(Verb::Replace),
        1 => Just(Verb::Delete),
        4 => Just(Verb::Exec),
        1 => Just(Verb::Copy),
    ];
    (verb, prop::collection::vec(setting(), 1..3)).prop_map(|(verb, items)| Operation {
        verb,
        items,
        if_exists: crate::csp::IfExists::Fail,
    })
}

fn instruction() -> impl Strategy<Value = Instruction> {
    let kind = prop_oneof![Just(GroupKind::Atomic), Just(GroupKind::Sequence)];
    prop_oneof![
        3 => operation().prop_map(Instruction::Single),
        1 => (kind, prop::collection::vec(operation(), 0..3))
            .prop_map(|(kind, operations)| Instruction::Group { kind, operations }),
    ]
}

fn message(instruction: &Instruction) -> Message {
    let request = |operation: &Operation| {
        let item = |setting: &Setting| Item {
            meta: Some(Meta { format: setting.format.clone(), mime: setting.mime.clone(), ..Meta::default() }),
            data: setting.data.clone().map(Into::into),
            ..Item::target(setting.target.as_str())
        };
        let items = operation.items.iter().map(item).collect();
        Command::Request(Request { verb: operation.verb, cmd_id: "1".to_owned(), no_resp: false, meta: None, items })
    };
    let command = match instruction {
        Instruction::Single(operation) => request(operation),
        Instruction::Group { kind, operations } => Command::Group(Group {
            kind: *kind,
            cmd_id: "2".to_owned(),
            no_resp: false,
            meta: None,
            commands: operations.iter().map(request).collect(),
        }),
    };
    let header = SyncHdr { target: Address::uri("d"), source: Address::uri("s"), ..SyncHdr::default() };
    Message { header, body: SyncBody { commands: vec![command], is_final: true }, oddities: Vec::new() }
}
