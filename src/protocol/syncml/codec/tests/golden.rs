//! Every folder of `fixtures/syncml` is a message as it came, `request.xml`, and what we make of it:
//!
//! - `canonical.xml`: the same message as we would write it; absent when the request is written so already
//! - `redacted.xml`: what may be stored and shown; absent when there is nothing to hide
//! - `notes.txt`: what the reader tolerated or could not understand; absent when there was nothing
//!
//! `refused/` holds what is not read, and `refused/expected.txt` says why. `BLESS=1` rewrites all but the requests.

use std::fs;
use std::path::Path;

use crate::syncml::codec::{Encoding, decode};
use crate::syncml::{Command, Data, Item, Message, redact, write};
use crate::xml::Limits;

use super::fixtures;

/// Compares a file with what it should hold; nothing means that it should not exist.
fn compare(file: &Path, actual: Option<&str>) {
    let expected = fs::read_to_string(file).ok();
    let actual = actual.map(|text| format!("{text}\n"));
    if std::env::var_os("BLESS").is_some() {
        match &actual {
            Some(actual) => fs::write(file, actual).unwrap(),
            None if expected.is_some() => fs::remove_file(file).unwrap(),
            None => {}
        }
        return;
    }
    assert_eq!(expected, actual, "{} (BLESS=1 rewrites it)", file.display());
}

#[test]
fn messages_are_read_written_redacted_and_noted() {
    let cases = fixtures::cases("request.xml");
    assert!(cases.len() >= 20, "there are only {} cases", cases.len());
    for (case, file) in cases {
        let body = fs::read(&file).unwrap();
        let decoded =
            decode(Encoding::Xml, &body, &Limits::default()).unwrap_or_else(|refusal| panic!("{case}: {refusal}"));
        let request = decoded.text.trim_end();

        let canonical = write::write(&decoded.message);
        compare(&file.with_file_name("canonical.xml"), (canonical != request).then_some(&canonical));

        let redacted = redact::redact(request);
        compare(&file.with_file_name("redacted.xml"), (redacted != request).then_some(&redacted));

        let notes = notes(&decoded.message);
        compare(&file.with_file_name("notes.txt"), (!notes.is_empty()).then_some(&notes.join("\n")));
    }
}

#[test]
fn canonical_messages_read_as_the_same_message() {
    for (case, file) in fixtures::cases("request.xml") {
        let message = decode(Encoding::Xml, &fs::read(file).unwrap(), &Limits::default()).unwrap().message;
        let written = write::write(&message);
        let again = decode(Encoding::Xml, written.as_bytes(), &Limits::default()).unwrap().message;
        assert_eq!(again.oddities, [], "{case}");
        assert_eq!(again, canonical(message), "{case}");
        assert_eq!(write::write(&again), written, "{case}");
    }
}

#[test]
fn hostile_messages_are_refused_and_said_why() {
    let mut lines = Vec::new();
    for (name, file) in fixtures::refused() {
        let body = fs::read(&file).unwrap();
        match decode(Encoding::Xml, &body, &Limits::default()) {
            Ok(_) => panic!("{name} was read"),
            Err(refusal) => lines.push(format!("{name}: {}: {refusal}", refusal.reason.code())),
        }
    }
    assert!(lines.len() >= 40, "there are only {} messages", lines.len());
    compare(&fixtures::folder().join("refused/expected.txt"), Some(&lines.join("\n")));
}

/// What a reader of our own writing gets: no oddities, nothing unreadable, markup as text.
pub(super) fn canonical(mut message: Message) -> Message {
    message.oddities.clear();
    commands(&mut message.body.commands);
    message
}

fn commands(list: &mut Vec<Command>) {
    list.retain(|command| !matches!(command, Command::Unreadable(_)));
    for command in list {
        match command {
            Command::Group(group) => commands(&mut group.commands),
            Command::Request(request) => items(&mut request.items),
            Command::Alert(alert) => items(&mut alert.items),
            Command::Status(status) => items(&mut status.items),
            Command::Results(results) => items(&mut results.items),
            Command::Unreadable(_) => {}
        }
    }
}

fn items(list: &mut [Item]) {
    for item in list {
        item.data = item.data.take().map(|data| Data::Text(data.into_string()));
    }
}

fn notes(message: &Message) -> Vec<String> {
    let oddities = message.oddities.iter().map(|oddity| format!("{}: {}", oddity.path, oddity.what));
    let unreadable = message.body.commands.iter().filter_map(|command| match command {
        Command::Unreadable(command) => Some(format!("{} {}: {}", command.name, command.cmd_id, command.why)),
        _ => None,
    });
    oddities.chain(unreadable).collect()
}
