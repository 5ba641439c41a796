//! The words by which a session is found again: nodes, Status codes, errors, and what values say.
//!
//! Both sides of the search stand here, so that what is asked for has the form in which it was noted. Values are
//! redacted before a word is taken of them, and each message gives a bounded number of words.

use std::collections::BTreeSet;

use transom_protocol::syncml::{Command, Item, Message, StatusClass, hresult, redact::redact_value_also};

use crate::model::SecretNodes;

/// Most words of one message and its reply.
const MOST: usize = 64;

/// Most words of one value.
const OF_VALUE: usize = 8;

/// How much of a value is read, in characters.
const READ: usize = 256;

/// Longest word, in characters; of a longer one the beginning counts.
const LONGEST: usize = 200;

/// Shortest word that says something.
const SHORTEST: usize = 2;

/// Most words that one search asks for.
const ASKED: usize = 6;

/// What was said in a message and in the reply to it.
pub(super) fn words_said(message: &Message, reply: &Message, nodes: &SecretNodes) -> BTreeSet<String> {
    let mut said = Said { words: BTreeSet::new(), nodes };
    message.body.commands.iter().chain(&reply.body.commands).for_each(|command| said.command(command));
    said.words
}

/// The words of a search as they were noted, where there are any: `404`, `0x86000002`, `-2046820350`, a `LocURI` or the
/// last part of one, a word of a value.
pub fn words_asked_for(text: &str) -> Vec<String> {
    let words = text.split_whitespace().map(|word| {
        let word = word.trim_matches(['"', '\'']);
        error_code(word).unwrap_or_else(|| folded(word.trim_start_matches("./").trim_end_matches('/')))
    });
    let words: BTreeSet<String> = words.filter(|word| word.chars().count() >= SHORTEST).take(ASKED).collect();
    // Long words are rarer, and the first one decides how much there is to look at.
    let mut words: Vec<String> = words.into_iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

struct Said<'a> {
    words: BTreeSet<String>,
    nodes: &'a SecretNodes,
}

impl Said<'_> {
    fn command(&mut self, command: &Command) {
        match command {
            Command::Status(status) => {
                if status.cmd_ref != "0" && !matches!(status.code.class(), StatusClass::Done | StatusClass::Buffered) {
                    self.word(&status.code.to_string());
                }
                if let Some(error) = &status.original_error {
                    self.word(&error_code(error).unwrap_or_else(|| folded(error)));
                }
            }
            Command::Results(results) => {
                let about = results.source_ref.as_deref().or(results.target_ref.as_deref());
                results.items.iter().for_each(|item| self.value(item.source_uri().or(about), item));
            }
            Command::Alert(alert) => {
                for item in &alert.items {
                    let uri = item.source_uri();
                    if let Some(uri) = uri {
                        self.node(uri);
                    }
                    item.meta.iter().filter_map(|meta| meta.mime.as_deref()).for_each(|kind| self.word(kind));
                    self.value(uri, item);
                }
            }
            Command::Request(request) => {
                for item in &request.items {
                    let uri = item.target_uri().or(item.source_uri());
                    if let Some(uri) = uri {
                        self.node(uri);
                    }
                    self.value(uri, item);
                }
            }
            Command::Group(group) => group.commands.iter().for_each(|command| self.command(command)),
            Command::Unreadable(_) => {}
        }
    }

    /// The whole address and its last part.
    fn node(&mut self, uri: &str) {
        let uri = uri.split('?').next().unwrap_or_default().trim_start_matches("./").trim_end_matches('/');
        self.word(uri);
        if let Some((_, last)) = uri.rsplit_once('/') {
            self.word(last);
        }
    }

    fn value(&mut self, uri: Option<&str>, item: &Item) {
        let text = item.text();
        // A piece of a value can't be told from a piece of a secret.
        if item.more_data || text.is_empty() {
            return;
        }
        let shown = redact_value_also(uri.unwrap_or_default(), text, &|uri| self.nodes.hold(uri));
        // Markup and encoded things are no words.
        if shown.contains('<') {
            return;
        }
        let read: String = shown.chars().take(READ).collect();
        for word in read.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"')).take(OF_VALUE) {
            self.word(word);
        }
    }

    fn word(&mut self, word: &str) {
        if self.words.len() < MOST && word.chars().take(SHORTEST).count() == SHORTEST {
            self.words.insert(folded(word));
        }
    }
}

fn folded(word: &str) -> String {
    word.chars().take(LONGEST).collect::<String>().to_lowercase()
}

/// The one spelling of an error code, for those that are long enough to be one.
fn error_code(text: &str) -> Option<String> {
    if let Some(known) = hresult(text) {
        return Some(known.code.to_lowercase());
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match digits {
        Some(digits) if digits.len() == 8 => u32::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => text.parse::<i32>().ok().filter(|number| *number < 0).map(i32::cast_unsigned),
    };
    number.map(|number| format!("0x{number:08x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use transom_protocol::syncml::read;
    use transom_protocol::xml::Limits;

    fn message(body: &str) -> Message {
        let text = format!(
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>S</LocURI></Target><Source><LocURI>D</LocURI></Source>\
             </SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
        );
        read::read(&text, &Limits::default()).unwrap()
    }

    fn said(body: &str) -> BTreeSet<String> {
        words_said(&message(body), &message("<Final/>"), &SecretNodes::default())
    }

    #[test]
    fn what_was_said_is_found_as_people_write_it() {
        let words = said(
            "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Replace</Cmd>\
             <Data msft:originalerror=\"0x86000002\" xmlns:msft=\"http://schemas.microsoft.com/MobileDevice/MDM\">404</Data></Status>\
             <Replace><CmdID>3</CmdID><Item><Target><LocURI>./Vendor/MSFT/Policy/Config/Camera/AllowCamera</LocURI></Target>\
             <Data>Fabrikam Contoso</Data></Item></Replace>",
        );
        for text in [
            "404",
            "0x86000002",
            "-2046820350",
            "allowcamera",
            "./Vendor/MSFT/Policy/Config/Camera/AllowCamera",
            "Fabrikam",
            "CONTOSO 404",
        ] {
            let asked = words_asked_for(text);
            assert!(
                !asked.is_empty() && asked.iter().all(|word| words.contains(word)),
                "{text}: {asked:?} in {words:?}"
            );
        }
        assert!(!words.contains(&words_asked_for("Fabrik")[0]));
    }

    #[test]
    fn secrets_and_pieces_of_values_are_no_words() {
        let words = said(
            "<Replace><CmdID>3</CmdID><Item><Target><LocURI>./Vendor/MSFT/WiFi/Profile/Home/WlanXml</LocURI></Target>\
             <Data>hunter2-plain</Data></Item></Replace>\
             <Results><CmdID>4</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Item><Source><LocURI>./A/B</LocURI></Source>\
             <Data>half-of-it</Data><MoreData/></Item></Results>",
        );
        assert!(words.iter().all(|word| !word.contains("hunter2") && !word.contains("half")), "{words:?}");
    }

    #[test]
    fn a_message_gives_a_bounded_number_of_words() {
        let replace = |number: usize| {
            format!(
                "<Replace><CmdID>{}</CmdID><Item><Target><LocURI>./A/N{number}</LocURI></Target><Data>{}</Data></Item></Replace>",
                number + 1,
                "word ".repeat(20)
            )
        };
        let words = said(&(0..200).map(replace).collect::<String>());
        assert_eq!(words.len(), MOST);
        assert!(words_asked_for(&"x y zz ".repeat(100)).len() <= ASKED);
        assert!(words_asked_for("   \"  ").is_empty());
    }
}
