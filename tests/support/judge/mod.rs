//! The independent judge: holds every reply of the server against the specification.
//!
//! Its rules are written from the specification, with another XML library than the server's, and it never looks at the
//! code that wrote the reply. Feed it each exchange of a test, in order, through [`Judge::exchange`]; it keeps what it
//! needs of each session, so exchanges of many devices may be mixed. It knows no secrets: whether a credential was right
//! is taken from the reply, whether the reply fits that is judged.
//!
//! | module | what |
//! |---|---|
//! | [`rule`] | every rule in a sentence, with its source |
//! | `client` | what the client said, read leniently |
//! | `form`, `model`, `parts` | bytes, XML, order of elements, the reply taken apart |
//! | `header`, `answers`, `challenge` | `SyncHdr`, Statuses, Chal |
//! | `commands`, `items`, `flow`, `large_object` | our commands, alone and in their moment |
//! | `memory` | what spans a session |

mod answers;
mod cases;
mod challenge;
mod client;
mod commands;
mod flow;
mod form;
mod header;
mod items;
mod large_object;
mod memory;
mod model;
mod parts;
pub(crate) mod rule;
pub(crate) mod wbxml;

use std::collections::BTreeMap;
use std::fmt;

use roxmltree::{Document, ParsingOptions};

use client::ClientMessage;
use commands::Known;
use memory::{Exchange, Lives, Memory, Nonces};
use parts::Parts;
pub(crate) use rule::Rule;

/// Media type of XML messages.
const XML: &str = "application/vnd.syncml.dm+xml";
/// Media type of binary messages.
const WBXML: &str = "application/vnd.syncml.dm+wbxml";

/// What a client posted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// `Content-Type`, parameters included.
    pub(crate) content_type: &'a str,
    /// The body as it went over the wire.
    pub(crate) body: &'a [u8],
}

/// What the server answered with HTTP status 200.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    /// `Content-Type`, parameters included.
    pub(crate) content_type: &'a str,
    /// The body as it went over the wire.
    pub(crate) body: &'a [u8],
}

/// A rule that a reply broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The rule.
    pub(crate) rule: Rule,
    /// How it was broken.
    pub(crate) what: String,
}

/// Judges exchanges, session by session.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    sessions: BTreeMap<(String, String), Lives>,
    nonces: Nonces,
}

impl Judge {
    /// A judge that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Judges one exchange, and remembers it.
    pub(crate) fn exchange(&mut self, request: &Request<'_>, reply: &Reply<'_>) -> Vec<Violation> {
        let mut findings = Findings::default();
        if media_type(request.content_type) != media_type(reply.content_type) {
            let (theirs, ours) = (request.content_type, reply.content_type);
            findings.add(Rule::ContentType, format!("{ours:?} in answer to {theirs:?}"));
        }
        let binary = media_type(reply.content_type) == WBXML;
        if let Some(text) = text_of_reply(reply, binary, &mut findings) {
            self.judge(&text, binary, request, reply, &mut findings);
        }
        findings.0
    }

    /// Judges one exchange and panics, with both messages, when the reply breaks a rule.
    pub(crate) fn assert_exchange(&mut self, request: &Request<'_>, reply: &Reply<'_>) {
        let violations = self.exchange(request, reply);
        let show = |body| String::from_utf8_lossy(body).into_owned();
        let (theirs, ours) = (show(request.body), show(reply.body));
        assert!(violations.is_empty(), "{}\nrequest: {theirs}\nreply: {ours}", list(&violations));
    }

    /// A message that the server may have processed, and whose reply nobody saw.
    pub(crate) fn lost(&mut self, request: &Request<'_>) {
        if let Some(client) = read_client(request) {
            self.sessions.entry(key(&client)).or_default().life_of(&client, request.body).lose();
        }
    }

    /// Ends all sessions and says what was left undone in them. Only for a test in which they ended as they should.
    pub(crate) fn session_end(&mut self) -> Vec<Violation> {
        let mut findings = Findings::default();
        for lives in std::mem::take(&mut self.sessions).values() {
            lives.end(&mut findings);
        }
        findings.0
    }

    fn judge(&mut self, text: &str, binary: bool, request: &Request<'_>, reply: &Reply<'_>, findings: &mut Findings) {
        let options = ParsingOptions { allow_dtd: binary, ..ParsingOptions::default() };
        let document = match Document::parse_with_options(text, options) {
            Ok(document) => document,
            Err(error) => return findings.add(Rule::WellFormed, error.to_string()),
        };
        if !form::check_tree(&document, findings) {
            return;
        }
        let Some(mut parts) = Parts::of(document.root_element()) else { return };
        header::check_alone(parts.header, findings);
        header::check_command_ids(parts.body, findings);
        let Some(client) = read_client(request) else {
            return commands::check(&parts, Known { text: !binary, open_object: None }, findings);
        };
        parts.unasked = client.no_resp && parts.statuses.is_empty();

        let lives = self.sessions.entry(key(&client)).or_default();
        let memory = lives.life_of(&client, request.body);
        if memory.is_repeat(request.body) {
            if !memory.answered_with(reply.body) {
                findings.add(Rule::SameReply, "a message that came twice was answered in two ways");
            }
            return;
        }
        judge_exchange(&parts, &client, reply.body.len(), !binary, memory, &mut self.nonces, findings);
        memory.last = Some(Exchange {
            request: request.body.to_vec(),
            reply: reply.body.to_vec(),
            refused: !parts.is_accepted(),
        });
        lives.settle();
    }
}

/// Judges a reply in its session.
fn judge_exchange(
    parts: &Parts<'_, '_>,
    client: &ClientMessage,
    bytes: usize,
    text: bool,
    memory: &mut Memory,
    nonces: &mut Nonces,
    findings: &mut Findings,
) {
    large_object::hear(&mut memory.download, client);
    let open_object = memory.download.as_ref().map(|download| download.target.as_str());
    let stale = memory.is_stale(client);
    commands::check(parts, Known { text, open_object }, findings);
    header::check_against(parts.header, client, findings);
    memory.check_number(parts, client, findings);
    answers::check(parts, client, stale, findings);
    challenge::check(parts, client, findings);
    memory.check_challenge(parts, client, nonces, findings);
    flow::check_size(parts, bytes, client, memory, findings);
    if stale {
        if !parts.commands.is_empty() {
            findings.add(Rule::Stale, format!("commands in answer to MsgID {}", client.msg_id));
        }
        return memory.learn_stale();
    }
    flow::check(parts, client, memory, findings);
    let download = if parts.is_accepted() {
        large_object::check(parts, client, memory, findings)
    } else {
        memory.download.clone()
    };
    memory.learn(parts, client, download);
}

/// Panics with a list when there is a violation.
pub(crate) fn assert_clean(violations: &[Violation]) {
    assert!(violations.is_empty(), "{}", list(violations));
}

fn list(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} ({}; {})", self.rule, self.what, self.rule.says(), self.rule.source())
    }
}

/// Violations so far.
#[derive(Debug, Default)]
struct Findings(Vec<Violation>);

impl Findings {
    fn add(&mut self, rule: Rule, what: impl Into<String>) {
        self.0.push(Violation { rule, what: what.into() });
    }
}

fn key(client: &ClientMessage) -> (String, String) {
    (client.source.to_lowercase(), client.session_id.clone())
}

/// Media type without parameters.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The reply as XML text; `None` when that can't be had or when reading on makes no sense.
fn text_of_reply(reply: &Reply<'_>, binary: bool, findings: &mut Findings) -> Option<String> {
    if !binary {
        return form::check_bytes(reply.body, findings).map(str::to_owned);
    }
    form::check_wbxml_header(reply.body, findings);
    if !wbxml::is_installed() {
        return None;
    }
    let text = wbxml::to_xml(reply.body);
    if text.is_none() {
        findings.add(Rule::WellFormed, "wbxml2xml refuses the body");
    }
    text
}

fn read_client(request: &Request<'_>) -> Option<ClientMessage> {
    match media_type(request.content_type).as_str() {
        XML => ClientMessage::read(&client::decode(request.body)?, false),
        WBXML if wbxml::is_installed() => ClientMessage::read(&wbxml::to_xml(request.body)?, true),
        _ => None,
    }
}
