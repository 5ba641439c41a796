//! What holds for every message and for every body.

use std::fs;

use crate::syncml::codec::{Encoding, decode};
use crate::syncml::{Command, Data, Message, read, redact, write};
use crate::xml::{Limits, text};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::fixtures;
use super::generated::message;
use super::golden::canonical;

fn read(text: &str) -> Message {
    read::read(text, &Limits::default()).unwrap_or_else(|refusal| panic!("{refusal}: {text}"))
}

/// What a codec must do with any body whatsoever: end, without panic, and agree with itself.
fn survives(body: &[u8]) {
    let limits = Limits::default();
    let Ok(text) = text(body, &limits) else { return };
    let redacted = redact::redact(&text);
    if let Ok(decoded) = decode(Encoding::Xml, body, &limits) {
        let written = write::write(&decoded.message);
        let again = read(&written);
        assert_eq!(again, canonical(decoded.message));
        assert_eq!(write::write(&again), written);
        // What was read can be shown, and hiding twice is hiding once.
        assert_eq!(redact::redact(&redacted), redacted);
        let shown = read(&redacted);
        assert_eq!(shown.body.commands.len(), again.body.commands.len() + unreadable(&shown));
    }
}

fn unreadable(message: &Message) -> usize {
    message.body.commands.iter().filter(|command| matches!(command, Command::Unreadable(_))).count()
}

/// Pieces of which messages are made, whole and broken.
const PIECES: [&str; 40] = [
    "<SyncML>",
    "<SyncML xmlns='SYNCML:SYNCML1.2'>",
    "</SyncML>",
    "<SyncHdr>",
    "</SyncHdr>",
    "<SyncHdr/>",
    "<SyncBody>",
    "</SyncBody>",
    "<Status>",
    "</Status>",
    "<Results>",
    "</Results>",
    "<Atomic>",
    "</Atomic>",
    "<Get>",
    "</Get>",
    "<Item>",
    "</Item>",
    "<Target><LocURI>./a</LocURI></Target>",
    "<Source><LocURI>./b/Password</LocURI></Source>",
    "<Meta><Format>int</Format></Meta>",
    "<Data>",
    "</Data>",
    "<Data>200</Data>",
    "<CmdID>1</CmdID>",
    "<Final/>",
    "<Cred>",
    "</Cred>",
    "<MoreData/>",
    "&lt;password&gt;",
    "&lt;/password&gt;",
    "<keyMaterial>",
    "</keyMaterial>",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "&#13;",
    "<x y='z'>",
    "text",
];

/// One way to spoil a body.
#[derive(Debug, Clone)]
enum Spoil {
    Byte(Index, u8),
    Cut(Index, Index),
    Repeat(Index, Index),
    Piece(Index, &'static str),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Spoil::Byte(at, byte)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Spoil::Cut(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Spoil::Repeat(from, to)),
        (any::<Index>(), select(&PIECES[..])).prop_map(|(at, piece)| Spoil::Piece(at, piece)),
    ]
}

impl Spoil {
    fn apply(&self, body: &mut Vec<u8>) {
        let place = |index: &Index| index.index(body.len() + 1);
        match self {
            Self::Byte(at, byte) => {
                let at = place(at);
                if let Some(old) = body.get_mut(at) {
                    *old = *byte;
                }
            }
            Self::Cut(from, to) | Self::Repeat(from, to) => {
                let (from, to) = (place(from).min(place(to)), place(from).max(place(to)).min(place(from) + 200));
                let range = from..to.max(from);
                if matches!(self, Self::Cut(..)) {
                    body.drain(range);
                } else {
                    let part = body[range].to_vec();
                    body.splice(from..from, part);
                }
            }
            Self::Piece(at, piece) => {
                let at = place(at);
                body.splice(at..at, piece.bytes());
            }
        }
    }
}

fn fixture_bodies() -> Vec<Vec<u8>> {
    let requests = fixtures::cases("request.xml").into_iter().chain(fixtures::refused());
    requests.map(|(_, file)| fs::read(file).unwrap()).collect()
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(message in message()) {
        prop_assert_eq!(read(&write::write(&message)), message);
    }

    #[test]
    fn command_len_is_what_a_command_adds(message in message()) {
        let commands: usize = message.body.commands.iter().map(write::command_len).sum();
        let mut without = message.clone();
        without.body.commands.clear();
        prop_assert_eq!(write::write(&message).len(), write::write(&without).len() + commands);
    }

    #[test]
    fn writing_is_plain(message in message()) {
        let text = write::write(&message);
        prop_assert!(text.starts_with("<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD"));
        prop_assert!(text.ends_with("</SyncBody></SyncML>"));
        prop_assert!(!text.contains(['\r', '\0']) && !text.contains("<![CDATA[") && !text.contains("<!--"));
    }

    #[test]
    fn characters_that_xml_forbids_become_one_that_it_allows(data in vec(any::<char>(), 0..20)) {
        let forbidden = |c: &char| matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}');
        let text = "<SyncML><SyncHdr/><SyncBody><Alert><Item><Data/></Item></Alert></SyncBody></SyncML>";
        let mut message = read(text);
        let set = |message: &mut Message, data: String| match message.body.commands.as_mut_slice() {
            [Command::Alert(alert)] => alert.items[0].data = Some(Data::Text(data)),
            other => panic!("{other:?}"),
        };
        set(&mut message, data.iter().collect());
        let back = read(&write::write(&message));
        set(&mut message, data.iter().map(|c| if forbidden(c) { '\u{FFFD}' } else { *c }).collect());
        prop_assert_eq!(back, message);
    }

    #[test]
    fn any_bytes_are_survived(body in vec(any::<u8>(), 0..200)) {
        survives(&body);
    }

    #[test]
    fn any_soup_of_pieces_is_survived(pieces in vec(select(&PIECES[..]), 0..60)) {
        let soup = pieces.concat();
        survives(soup.as_bytes());
        survives(format!("<SyncML><SyncHdr/><SyncBody>{soup}</SyncBody></SyncML>").as_bytes());
    }

    #[test]
    fn spoiled_messages_are_survived(mut body in select(fixture_bodies()), spoils in vec(spoil(), 0..6)) {
        for spoil in &spoils {
            spoil.apply(&mut body);
        }
        survives(&body);
    }

    #[test]
    fn generated_messages_are_redacted_without_being_broken(message in message()) {
        survives(write::write(&message).as_bytes());
    }
}
