//! Messages made up by proptest, in the form that a reader gives back.

use crate::syncml::{
    Address, Alert, AlertCode, Chal, Command, Cred, Data, Format, Group, GroupKind, Item, Message, Meta, Request,
    Results, Status, StatusCode, SyncBody, SyncHdr, Verb,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

/// Characters that have gone wrong in other people's codecs, and any others that XML allows.
fn character() -> impl Strategy<Value = char> {
    let known: Vec<char> =
        "ab01<>&\"'/\\;:#%]![-?=./ \t\n\r\u{7F}\u{85}\u{A0}é\u{2028}\u{F000}\u{FEFF}\u{FFFD}😀".chars().collect();
    let allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    prop_oneof![4 => prop::sample::select(known), 1 => any::<char>().prop_map(move |c| if allowed(&c) { c } else { 'x' })]
}

/// Any text that XML can carry.
pub(super) fn text() -> impl Strategy<Value = String> {
    vec(character(), 0..24).prop_map(String::from_iter)
}

/// A text that is not empty and not padded, as identifiers are after reading.
fn word() -> impl Strategy<Value = String> {
    text().prop_map(|text| match text.trim_ascii() {
        "" => "x".to_owned(),
        word => word.to_owned(),
    })
}

/// A word, or nothing where an element is required.
fn maybe_word() -> impl Strategy<Value = String> {
    prop_oneof![9 => word(), 1 => Just(String::new())]
}

fn address() -> impl Strategy<Value = Address> {
    (maybe_word(), of(word())).prop_map(|(loc_uri, loc_name)| Address { loc_uri, loc_name })
}

fn any_meta() -> impl Strategy<Value = Meta> {
    let format = word().prop_map(|word| Format::from(word.as_str()));
    let known =
        prop::sample::select(vec!["chr", "int", "bool", "b64", "bin", "node", "null", "xml", "float", "date", "time"]);
    let format = prop_oneof![format, known.prop_map(Format::from)];
    (of(format), of(word()), of(word()), of(any::<u64>()), of(word()), of(any::<u64>()), of(any::<u64>())).prop_map(
        |(format, mime, mark, size, next_nonce, max_msg_size, max_obj_size)| Meta {
            format,
            mime,
            mark,
            size,
            next_nonce,
            max_msg_size,
            max_obj_size,
        },
    )
}

fn meta() -> impl Strategy<Value = Option<Meta>> {
    of(any_meta()).prop_map(|meta| meta.filter(|meta| *meta != Meta::default()))
}

fn cred() -> impl Strategy<Value = Option<Cred>> {
    of((meta(), text()).prop_map(|(meta, data)| Cred { meta, data }))
}

fn item() -> impl Strategy<Value = Item> {
    (of(address()), of(address()), meta(), of(text().prop_map(Data::Text)), any::<bool>())
        .prop_map(|(target, source, meta, data, more_data)| Item { target, source, meta, data, more_data })
}

fn request() -> impl Strategy<Value = Command> {
    let verbs = vec![Verb::Add, Verb::Replace, Verb::Delete, Verb::Get, Verb::Exec, Verb::Copy];
    (prop::sample::select(verbs), maybe_word(), any::<bool>(), meta(), vec(item(), 1..4)).prop_map(
        |(verb, cmd_id, no_resp, meta, mut items)| {
            if verb == Verb::Exec {
                items.truncate(1);
            }
            Command::Request(Request { verb, cmd_id, no_resp, meta, items })
        },
    )
}

fn alert() -> impl Strategy<Value = Command> {
    (maybe_word(), any::<bool>(), of(any::<u16>()), of(word()), vec(item(), 0..3)).prop_map(
        |(cmd_id, no_resp, code, correlator, items)| {
            Command::Alert(Alert { cmd_id, no_resp, code: code.map(AlertCode), correlator, items })
        },
    )
}

fn status() -> impl Strategy<Value = Command> {
    let refs = (maybe_word(), maybe_word(), maybe_word(), maybe_word(), vec(word(), 0..3), vec(word(), 0..3));
    let rest = (cred(), of(any_meta()), any::<u16>(), of(word()), vec(item(), 0..2));
    (refs, rest).prop_map(
        |((cmd_id, msg_ref, cmd_ref, cmd, target_refs, source_refs), (cred, chal, code, original_error, items))| {
            Command::Status(Status {
                cmd_id,
                msg_ref,
                cmd_ref,
                cmd,
                target_refs,
                source_refs,
                cred,
                chal: chal.map(|meta| Chal { meta }),
                code: StatusCode(code),
                original_error,
                items,
            })
        },
    )
}

fn results() -> impl Strategy<Value = Command> {
    (maybe_word(), of(word()), of(word()), meta(), of(word()), of(word()), vec(item(), 0..4)).prop_map(
        |(cmd_id, msg_ref, cmd_ref, meta, target_ref, source_ref, items)| {
            Command::Results(Results { cmd_id, msg_ref, cmd_ref, meta, target_ref, source_ref, items })
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![request(), alert(), status(), results()].prop_recursive(2, 8, 3, |command| {
        let kinds = prop::sample::select(vec![GroupKind::Atomic, GroupKind::Sequence]);
        (kinds, maybe_word(), any::<bool>(), meta(), vec(command, 0..3)).prop_map(
            |(kind, cmd_id, no_resp, meta, commands)| Command::Group(Group { kind, cmd_id, no_resp, meta, commands }),
        )
    })
}

fn header() -> impl Strategy<Value = SyncHdr> {
    let ids = (maybe_word(), maybe_word(), maybe_word(), maybe_word());
    (ids, address(), address(), of(word()), any::<bool>(), cred(), meta()).prop_map(
        |((ver_dtd, ver_proto, session_id, msg_id), target, source, resp_uri, no_resp, cred, meta)| SyncHdr {
            ver_dtd,
            ver_proto,
            session_id,
            msg_id,
            target,
            source,
            resp_uri,
            no_resp,
            cred,
            meta,
        },
    )
}

/// A whole message.
pub(super) fn message() -> impl Strategy<Value = Message> {
    (header(), vec(command(), 0..5), any::<bool>()).prop_map(|(header, commands, is_final)| Message {
        header,
        body: SyncBody { commands, is_final },
        oddities: Vec::new(),
    })
}
