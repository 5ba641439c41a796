//! A session as a person would tell it: each command with its answer beside it, whichever message brought it.
//!
//! Reads the journal's redacted messages and decides nothing; what it can't read it says so.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;
use transom_protocol::syncml::{
    AlertCode, Command, Explained, Item, Message, Request, Results, Status, StatusClass, StatusCode, Verb, hresult,
    read, redact,
};
use transom_protocol::xml::Limits;
use utoipa::ToSchema;

use crate::model::{from_rfc3339, rfc3339};

/// One exchange of the journal.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    /// When the device's message came.
    pub at: Timestamp,
    /// The device's message, redacted.
    pub request: &'a str,
    /// Our reply, redacted; empty when there was none.
    pub reply: &'a str,
}

/// One line of the telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// When it was said.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The how-manieth exchange of the session, from 1.
    pub exchange: usize,
    /// `MsgID` of the message that says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// `CmdID` of what says it, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd_id: Option<String>,
    /// Who said it.
    pub speaker: Speaker,
    /// What: `Get`, `Replace`, `Alert`, `sign-in`, …
    pub what: String,
    /// The node, or what the line is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The value that was set, or what an alert said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The answer, when the line is a command and it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// How a command was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The exchange whose message brought it, from 1.
    #[serde(default)]
    pub exchange: usize,
    /// Status code.
    pub status: u16,
    /// The code in words.
    pub status_text: String,
    /// Whether this is good, bad, or not yet known.
    pub verdict: Verdict,
    /// The value that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What the code means, when it is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// What is likely behind it, when it is bad and the meaning does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do, when it is bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The device's own error code behind the Status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_error: Option<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The device.
    Device,
    /// This server.
    Server,
}

/// Good, bad or open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AnswerVerdict)]
pub enum Verdict {
    /// Done.
    Good,
    /// Failed, or undone.
    Bad,
    /// The end comes later.
    Open,
}

/// Tells a session. `exchanges` are in the order in which they happened.
pub fn tell(exchanges: &[Told<'_>]) -> Vec<Line> {
    let mut teller = Teller::default();
    for (number, told) in exchanges.iter().enumerate() {
        teller.at = told.at;
        teller.exchange = number + 1;
        match read_back(told.request) {
            Some(message) => teller.device(&message),
            None if told.request.is_empty() => {}
            None => {
                teller.line(Speaker::Device, "unreadable message", None, None);
            }
        }
        if let Some(message) = read_back(told.reply) {
            teller.server(&message);
        }
    }
    teller.lines
}

fn read_back(text: &str) -> Option<Message> {
    // What stands in the journal was read once; only its size is bounded here.
    read::read(text, &Limits { bytes: usize::MAX, elements: usize::MAX, ..Limits::default() }).ok()
}

#[derive(Default)]
struct Teller {
    at: Timestamp,
    exchange: usize,
    /// `MsgID` of the message that is read.
    message: String,
    lines: Vec<Line>,
    /// Lines of our commands, by our `MsgID` and `CmdID`.
    asked: BTreeMap<(String, String), Vec<usize>>,
    /// Lines whose value comes in pieces, of which there are more to come.
    unfinished: BTreeSet<usize>,
}

impl Teller {
    fn line(&mut self, speaker: Speaker, what: &str, target: Option<&str>, value: Option<&str>) -> usize {
        self.lines.push(Line {
            at: self.at,
            exchange: self.exchange,
            message: self.message.clone(),
            cmd_id: None,
            speaker,
            what: what.to_owned(),
            target: target.filter(|text| !text.is_empty()).map(str::to_owned),
            value: value.map(str::to_owned),
            answer: None,
        });
        self.lines.len() - 1
    }

    fn named(&mut self, line: usize, cmd_id: &str) {
        if let Some(line) = self.lines.get_mut(line) {
            line.cmd_id = Some(cmd_id.to_owned());
        }
    }

    fn device(&mut self, message: &Message) {
        self.message.clone_from(&message.header.msg_id);
        if message.header.cred.is_some() {
            let name = message.header.source.loc_name.as_deref();
            self.line(Speaker::Device, "sign-in", name, None);
        }
        for command in &message.body.commands {
            match command {
                Command::Status(status) => self.status(status),
                Command::Results(results) => self.results(results),
                Command::Alert(alert) => match alert.code {
                    Some(AlertCode::CLIENT_INITIATED) => {
                        self.line(Speaker::Device, "session", Some("started by the device"), None);
                    }
                    Some(AlertCode::SERVER_INITIATED) => {
                        self.line(Speaker::Device, "session", Some("started after a push"), None);
                    }
                    code => {
                        let what = code.map_or_else(|| "Alert".to_owned(), |code| format!("Alert {code}"));
                        if alert.items.is_empty() {
                            self.line(Speaker::Device, &what, code.map(AlertCode::name), None);
                        }
                        for item in &alert.items {
                            let kind = item.meta.as_ref().and_then(|meta| meta.mime.as_deref());
                            let target = item.source_uri().or(kind);
                            self.line(Speaker::Device, &what, target, Some(item.text()));
                        }
                    }
                },
                Command::Request(request) => self.request(Speaker::Device, request, None),
                Command::Group(group) => {
                    self.line(Speaker::Device, group.kind.as_str(), None, None);
                }
                Command::Unreadable(element) => {
                    self.line(Speaker::Device, "unreadable element", Some(&element.name), Some(&element.why));
                }
            }
        }
    }

    fn server(&mut self, message: &Message) {
        let msg_id = message.header.msg_id.clone();
        self.message.clone_from(&msg_id);
        for command in &message.body.commands {
            match command {
                Command::Status(status) if status.cmd_ref == "0" => self.header_status(status),
                Command::Status(status) if status.code.class() == StatusClass::Failed => {
                    let text = format!("{} {}", status.code, status.code.name());
                    let target = format!("{} of the device", status.cmd);
                    self.line(Speaker::Server, "refused", Some(&target), Some(&text));
                }
                Command::Alert(alert) => {
                    let what = alert.code.map_or_else(|| "Alert".to_owned(), |code| format!("Alert {code}"));
                    self.line(Speaker::Server, &what, alert.code.map(AlertCode::name), None);
                }
                Command::Request(request) => self.request(Speaker::Server, request, Some(&msg_id)),
                Command::Group(group) => {
                    let line = self.line(Speaker::Server, group.kind.as_str(), None, None);
                    self.named(line, &group.cmd_id);
                    self.asked.insert((msg_id.clone(), group.cmd_id.clone()), vec![line]);
                    for child in &group.commands {
                        if let Command::Request(request) = child {
                            self.request(Speaker::Server, request, Some(&msg_id));
                        }
                    }
                }
                Command::Status(_) | Command::Results(_) | Command::Unreadable(_) => {}
            }
        }
        let nothing_more = message.body.commands.iter().all(|command| matches!(command, Command::Status(_)));
        let challenged = message.body.commands.iter().any(|command| {
            matches!(command, Command::Status(status) if status.code.class() == StatusClass::Failed && status.cmd_ref == "0")
        });
        if nothing_more && !challenged && message.body.is_final {
            self.line(Speaker::Server, "nothing more to do", None, None);
        }
    }

    fn header_status(&mut self, status: &Status) {
        let what = match status.code {
            StatusCode::OK => return,
            StatusCode::AUTHENTICATED => "sign-in accepted",
            StatusCode::MISSING_CREDENTIALS => "asked for credentials",
            StatusCode::INVALID_CREDENTIALS => "credentials refused",
            _ => "message refused",
        };
        let text = format!("{} {}", status.code, status.code.name());
        self.line(Speaker::Server, what, None, Some(&text));
    }

    fn request(&mut self, speaker: Speaker, request: &Request, msg_id: Option<&str>) {
        let mut lines = Vec::new();
        for item in &request.items {
            let target = item.target_uri().or(item.source_uri());
            let value = item.data.as_ref().map(|_| item.text());
            let line = self.line(speaker, request.verb.as_str(), target, value);
            self.named(line, &request.cmd_id);
            lines.push(line);
        }
        if let Some(msg_id) = msg_id {
            self.asked.insert((msg_id.to_owned(), request.cmd_id.clone()), lines);
        }
    }

    fn status(&mut self, status: &Status) {
        if status.cmd_ref == "0" {
            if status.code.class() == StatusClass::Failed {
                let text = format!("{} {}", status.code, status.code.name());
                self.line(Speaker::Device, "refused the message", None, Some(&text));
            }
            return;
        }
        let Some(lines) = self.asked.get(&(status.msg_ref.clone(), status.cmd_ref.clone())).cloned() else {
            let text = format!("{} {}", status.code, status.code.name());
            self.line(Speaker::Device, "answered what was not asked", Some(&status.cmd), Some(&text));
            return;
        };
        let references: Vec<&String> = status.target_refs.iter().chain(&status.source_refs).collect();
        let (at, exchange) = (self.at, self.exchange);
        for place in lines {
            let Some(line) = self.lines.get_mut(place) else { continue };
            let named = |target: &String| references.iter().any(|reference| same_node(reference, target));
            if references.is_empty() || line.target.as_ref().is_some_and(named) {
                let value = line.answer.take().and_then(|answer| answer.value);
                line.answer = Some(Answer::new((at, exchange), status, value));
            }
        }
    }

    fn results(&mut self, results: &Results) {
        let key = |text: &Option<String>| text.clone().unwrap_or_else(|| "1".to_owned());
        let lines = self.asked.get(&(key(&results.msg_ref), key(&results.cmd_ref))).cloned().unwrap_or_default();
        for item in &results.items {
            let uri = item.source_uri().or(results.source_ref.as_deref()).or(results.target_ref.as_deref());
            let line = lines.iter().copied().find(|place| {
                let target = self.lines.get(*place).and_then(|line| line.target.as_deref()).unwrap_or_default();
                uri.is_none_or(|uri| same_node(uri, target))
            });
            let shown = shown_value(uri, item);
            let continues = line.is_some_and(|place| self.unfinished.remove(&place));
            if let Some(place) = line.filter(|_| item.more_data) {
                self.unfinished.insert(place);
            }
            match line.and_then(|place| self.lines.get_mut(place)).filter(|line| line.what == Verb::Get.as_str()) {
                Some(line) => match &mut line.answer {
                    Some(Answer { value: Some(value), .. }) if continues => value.push_str(&shown),
                    Some(answer) => answer.value = Some(shown),
                    None => line.answer = Some(Answer::value_only((self.at, self.exchange), shown)),
                },
                None => {
                    self.line(Speaker::Device, "value", uri, Some(&shown));
                }
            }
        }
    }
}

fn shown_value(uri: Option<&str>, item: &Item) -> String {
    redact::redact_value(uri.unwrap_or_default(), item.text()).into_owned()
}

/// Whether two spellings name the same node. A node that was asked for with a query is answered without it.
fn same_node(one: &str, other: &str) -> bool {
    let parsed = other.parse::<transom_protocol::csp::LocUri>();
    parsed.map_or_else(|_| one.eq_ignore_ascii_case(other), |uri| uri.names_same_node(one))
}

impl Answer {
    fn new((at, exchange): (Timestamp, usize), status: &Status, value: Option<String>) -> Self {
        let code = status.code;
        let verdict = match code.class() {
            StatusClass::Done => Verdict::Good,
            StatusClass::Accepted | StatusClass::Buffered | StatusClass::Later => Verdict::Open,
            StatusClass::RolledBack | StatusClass::Failed => Verdict::Bad,
        };
        let known = status.original_error.as_deref().and_then(hresult);
        let explain = |text: &'static str| (verdict != Verdict::Good && !text.is_empty()).then(|| text.to_owned());
        Self {
            at,
            exchange,
            status: code.0,
            status_text: code.name().to_owned(),
            verdict,
            value,
            meaning: explain(known.map_or(code.meaning(), |known| known.meaning)),
            cause: known.map_or_else(|| code.cause(), Explained::cause).and_then(explain),
            remedy: explain(known.map_or(code.remedy(), |known| known.remedy)),
            original_error: status.original_error.clone(),
        }
    }

    /// A value whose Status has not come yet.
    fn value_only((at, exchange): (Timestamp, usize), value: String) -> Self {
        Self {
            at,
            exchange,
            status: 0,
            status_text: "no Status yet".to_owned(),
            verdict: Verdict::Open,
            value: Some(value),
            meaning: None,
            cause: None,
            remedy: None,
            original_error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(header: &str, body: &str) -> String {
        format!(
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>1</SessionID>{header}</SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
        )
    }

    fn of_device(number: u32, body: &str) -> String {
        let ends = "<Target><LocURI>S</LocURI></Target><Source><LocURI>D</LocURI></Source>";
        message(&format!("<MsgID>{number}</MsgID>{ends}"), body)
    }

    fn of_server(number: u32, body: &str) -> String {
        let ends = "<Target><LocURI>D</LocURI></Target><Source><LocURI>S</LocURI></Source>";
        message(&format!("<MsgID>{number}</MsgID>{ends}"), body)
    }

    /// Our Get of two nodes, and what the device says in its messages after that.
    fn answers(said: &[&str]) -> Vec<Line> {
        let get = "<Get><CmdID>2</CmdID><Item><Target><LocURI>./A</LocURI></Target></Item>\
                   <Item><Target><LocURI>./B</LocURI></Target></Item></Get><Final/>";
        let mut texts = vec![(of_device(1, "<Final/>"), of_server(1, get))];
        texts.extend((2..).zip(said).map(|(number, body)| (of_device(number, body), String::new())));
        let told: Vec<_> = texts.iter().map(|(request, reply)| Told { at: Timestamp(0), request, reply }).collect();
        tell(&told)
    }

    fn status(code: u16, target: &str) -> String {
        format!(
            "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Get</Cmd>{target}<Data>{code}</Data></Status>"
        )
    }

    fn results(uri: &str, data: &str, more: &str) -> String {
        format!(
            "<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Item><Source><LocURI>{uri}</LocURI></Source>\
             <Data>{data}</Data>{more}</Item></Results>"
        )
    }

    #[test]
    fn an_answer_stands_with_the_node_that_it_names() {
        let both = status(200, "<TargetRef>./A</TargetRef>") + &status(404, "<TargetRef>./B</TargetRef>");
        let lines = answers(&[&(both + &results("./A", "x", ""))]);
        let [a, b] = lines.as_slice() else { panic!("{lines:?}") };
        let (a, b) = (a.answer.as_ref().unwrap(), b.answer.as_ref().unwrap());
        assert_eq!((a.status, a.verdict, a.value.as_deref()), (200, Verdict::Good, Some("x")));
        assert_eq!((b.status, b.verdict, b.value.as_deref()), (404, Verdict::Bad, None));
        assert!(b.meaning.is_some() && a.meaning.is_none());
    }

    #[test]
    fn a_value_that_comes_in_pieces_is_told_whole() {
        let more = "<MoreData/>";
        let lines = answers(&[&results("./A", "one ", more), &results("./A", "two", ""), &status(200, "")]);
        assert_eq!(lines[0].answer.as_ref().unwrap().value.as_deref(), Some("one two"));
        let lines = answers(&[&results("./A", "old", ""), &results("./A", "new", "")]);
        assert_eq!(lines[0].answer.as_ref().unwrap().value.as_deref(), Some("new"));
        assert_eq!(lines[0].answer.as_ref().unwrap().verdict, Verdict::Open);
    }

    #[test]
    fn what_was_not_asked_and_what_can_not_be_read_is_told() {
        let stranger = status(200, "").replace("<CmdRef>2</CmdRef>", "<CmdRef>9</CmdRef>");
        let lines = answers(&[&stranger, "</nonsense>"]);
        assert!(lines.iter().any(|line| line.what == "answered what was not asked"), "{lines:?}");
        assert!(lines.iter().any(|line| line.what == "unreadable message"), "{lines:?}");
    }
}
