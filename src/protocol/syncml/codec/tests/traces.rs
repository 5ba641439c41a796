//! Messages that real devices sent. They are not ours, so they are read where they lie: in `$TRANSOM_SHARED`, or in a
//! folder `shared` beside the repository. Without them these tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};

use crate::syncml::codec::{Encoding, decode};
use crate::syncml::{Command, redact, write};
use crate::xml::Limits;

use super::fixtures::files;
use super::golden::canonical;

/// Every SyncML message that a client sent.
fn messages() -> Vec<PathBuf> {
    let shared = std::env::var_os("TRANSOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let traces = shared.join("traces");
    if !traces.is_dir() {
        println!("skipped: there are no traces at {}", traces.display());
        return Vec::new();
    }
    let messages: Vec<PathBuf> = files(&traces, Path::is_dir)
        .iter()
        .flat_map(|device| files(device, |path| path.extension().is_some_and(|extension| extension == "xml")))
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.contains("<SyncML") && !path.to_string_lossy().contains("response")
        })
        .collect();
    assert!(messages.len() >= 8, "only {} messages in {}", messages.len(), traces.display());
    messages
}

#[test]
fn messages_of_devices_are_understood_whole() {
    for path in messages() {
        let name = path.display();
        let body = fs::read(&path).unwrap();
        let decoded =
            decode(Encoding::Xml, &body, &Limits::default()).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(decoded.text.as_bytes(), body, "{name}");
        let message = decoded.message;
        assert_eq!(message.oddities, [], "{name}");
        assert!(message.body.is_final && !message.body.commands.is_empty(), "{name}");
        assert!(!message.body.commands.iter().any(|command| matches!(command, Command::Unreadable(_))), "{name}");

        let again = decode(Encoding::Xml, write::write(&message).as_bytes(), &Limits::default()).unwrap();
        assert_eq!(again.message, canonical(message), "{name}");
    }
}

#[test]
fn credentials_of_devices_are_hidden_and_nothing_else() {
    for path in messages() {
        let text = fs::read_to_string(&path).unwrap();
        let wanted = match text.split_once("</Meta><Data>") {
            Some((before, after)) if before.contains("<Cred>") && !before.contains("</Cred>") => {
                format!("{before}</Meta><Data>{}{}", redact::REDACTED, &after[after.find("</Data>").unwrap()..])
            }
            _ => text.clone(),
        };
        assert_eq!(redact::redact(&text), wanted, "{}", path.display());
    }
}
