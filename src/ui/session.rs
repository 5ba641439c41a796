//! A session as a conversation: each message with how it came, each command with its answer beside it.

use std::collections::HashMap;

use askama::Template;

use super::text::{Folded, filters, micros, size, span};
use super::{Frame, words};
use crate::admin::{ErrorJson, EventJson, Explored, MessageJson, SessionJson};
use crate::management::conversation::{Answer, Line, Speaker, Verdict};
use crate::model::{StatusCode, Timestamp};

/// Commands to nodes; what they carry is a value that is set.
const SETS: [&str; 3] = ["Add", "Replace", "Exec"];

/// The page of a session.
#[derive(Template)]
#[template(path = "session.html", config = "src/ui/askama.toml")]
pub struct SessionPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What is told.
    pub told: &'a Conversation,
}

/// What of the page changes while the session goes on.
#[derive(Template)]
#[template(path = "conversation.html", config = "src/ui/askama.toml")]
pub struct ConversationPart<'a> {
    /// What is told.
    pub told: &'a Conversation,
}

/// A session, ready to be shown.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// The session.
    pub session: SessionJson,
    /// Its messages.
    pub exchanges: Vec<ExchangeView>,
    /// What else happened.
    pub events: Vec<EventJson>,
    /// Whether there is more than is shown.
    pub truncated: bool,
    /// What is left out.
    pub only: Only,
    /// Lines that tell of a problem, in the whole session.
    pub problems: usize,
}

/// How much is shown of a value.
type Fold = fn(&str) -> Folded;

/// Which lines are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Only {
    /// All.
    #[default]
    All,
    /// Those that tell of a problem.
    Problems,
    /// Those of one command.
    Command(String),
}

/// A message with the reply to it.
#[derive(Debug, Clone)]
pub struct ExchangeView {
    /// Counts from 1.
    pub number: usize,
    /// As it is kept; its bodies are not looked at here.
    pub message: MessageJson,
    /// After the first message of the session.
    pub since_start: String,
    /// What was said.
    pub rows: Vec<RowView>,
}

/// One line of a conversation.
#[derive(Debug, Clone)]
pub struct RowView {
    /// What an address may point at.
    pub anchor: String,
    /// The line.
    pub line: Line,
    /// The target in words.
    pub target: String,
    /// What it carries.
    pub value: Option<Folded>,
    /// The command that it is, where it is one of ours.
    pub command: Option<String>,
    /// The answer, where there is one.
    pub answer: Option<AnswerView>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct AnswerView {
    /// The answer.
    pub answer: Answer,
    /// `good`, `bad` or `open`.
    pub class: &'static str,
    /// The value that came back.
    pub value: Option<Folded>,
    /// How long it took.
    pub took: String,
    /// What it means, where it is not good.
    pub error: Option<ErrorJson>,
}

impl Conversation {
    /// Of what is kept, for a page.
    pub fn new(explored: Explored, only: Only) -> Self {
        Self::of(explored, only, Folded::new)
    }

    /// All of what is kept, for a file.
    pub fn whole(explored: Explored) -> Self {
        Self::of(explored, Only::All, Folded::all)
    }

    fn of(explored: Explored, only: Only, fold: Fold) -> Self {
        let Explored { detail, messages, commands } = explored;
        let commands: HashMap<(String, String), String> = commands
            .into_iter()
            .map(|(message, cmd_id, command)| ((message.to_string(), cmd_id.to_string()), command.0))
            .collect();
        let began = messages.first().map_or(detail.session.started_at, |message| message.received_at);
        let mut exchanges: Vec<ExchangeView> = messages
            .into_iter()
            .zip(1..)
            .map(|(message, number)| ExchangeView {
                number,
                since_start: span(message.received_at.0.saturating_sub(began.0)),
                message,
                rows: Vec::new(),
            })
            .collect();
        let mut problems = 0;
        let mut group: Option<(usize, String)> = None;
        let mut named: HashMap<String, usize> = HashMap::new();
        for (line, place) in detail.conversation.into_iter().zip(1..) {
            let mut row = RowView::new(line, place, &commands, fold);
            // A command with several items has a line for each: the first is found by the command alone.
            let again = named.entry(row.anchor.clone()).and_modify(|count| *count += 1).or_insert(1);
            if *again > 1 {
                row.anchor = format!("{}-{again}", row.anchor);
            }
            // What stands in an Atomic is of the command that the Atomic is.
            match (&row.command, row.line.what.as_str()) {
                (Some(command), "Atomic" | "Sequence") => group = Some((row.line.exchange, command.clone())),
                (None, "Get" | "Add" | "Replace" | "Delete" | "Exec") if row.line.speaker == Speaker::Server => {
                    row.command =
                        group.as_ref().filter(|(exchange, _)| *exchange == row.line.exchange).map(|(_, id)| id.clone());
                }
                (Some(_), _) => group = None,
                _ => {}
            }
            problems += usize::from(row.is_problem());
            let Some(exchange) = exchanges.get_mut(row.line.exchange.saturating_sub(1)) else { continue };
            if only.shows(&row) {
                exchange.rows.push(row);
            }
        }
        if only != Only::All {
            exchanges.retain(|exchange| !exchange.rows.is_empty() || (only == Only::Problems && exchange.is_problem()));
        }
        let (session, events) = (detail.session, detail.events);
        Self { session, exchanges, events, truncated: detail.truncated, only, problems }
    }

    /// Whether the device is expected to go on, so that there will be more to show.
    pub fn is_live(&self) -> bool {
        self.session.phase == "open"
    }

    /// What tells whether something is new.
    pub fn pulse(&self) -> String {
        pulse(&self.session)
    }

    pub(super) fn phase(&self) -> (&'static str, String) {
        words::phase(&self.session.phase)
    }

    pub(super) fn login(&self) -> String {
        words::login(&self.session.login)
    }

    pub(super) fn authentication(&self) -> String {
        words::authentication(&self.session.authentication)
    }

    pub(super) fn took(&self) -> String {
        span(self.session.last_at.0.saturating_sub(self.session.started_at.0))
    }

    fn filter(&self) -> &str {
        match &self.only {
            Only::All => "",
            Only::Problems => "problems",
            Only::Command(command) => command,
        }
    }

    /// Where a message stands: on this page, where it shows all of them.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates call methods with references")]
    fn place_of(&self, exchange: &usize) -> String {
        match self.only {
            Only::All => format!("#exchange{exchange}"),
            _ => format!("/sessions/{}#exchange{exchange}", self.session.id),
        }
    }

    fn command(&self) -> Option<&str> {
        if let Only::Command(command) = &self.only { Some(command) } else { None }
    }
}

/// What tells whether something is new in a session: it said more, or it ended.
pub fn pulse(session: &SessionJson) -> String {
    format!("{}-{}-{}", session.last_at.0, session.messages, session.phase)
}

impl Only {
    /// From a query.
    pub fn of(text: &str) -> Self {
        match text {
            "" => Self::All,
            "problems" => Self::Problems,
            command => Self::Command(command.to_owned()),
        }
    }

    fn shows(&self, row: &RowView) -> bool {
        match self {
            Self::All => true,
            Self::Problems => row.is_problem(),
            Self::Command(command) => row.command.as_ref() == Some(command),
        }
    }
}

impl ExchangeView {
    fn is_problem(&self) -> bool {
        self.outcome().0 == "bad"
    }

    pub(super) fn outcome(&self) -> (&'static str, String) {
        words::outcome(&self.message.outcome)
    }

    pub(super) fn duration(&self) -> String {
        micros(self.message.duration_us)
    }

    pub(super) fn sizes(&self) -> (String, String) {
        (size(self.message.request_size), size(self.message.reply_size))
    }

    pub(super) fn proofs(&self) -> Vec<(&'static str, String, String)> {
        self.message.proofs.iter().map(words::proof).collect()
    }
}

impl RowView {
    fn new(line: Line, place: usize, commands: &HashMap<(String, String), String>, fold: Fold) -> Self {
        let ours = line.speaker == Speaker::Server;
        let reference = line.cmd_id.clone().filter(|_| ours).map(|cmd_id| (line.message.clone(), cmd_id));
        let anchor =
            reference.as_ref().map_or_else(|| format!("line{place}"), |(message, cmd)| format!("m{message}c{cmd}"));
        Self {
            anchor,
            target: line.target.as_deref().map(words::target).unwrap_or_default(),
            value: line.value.as_deref().map(fold),
            command: reference.and_then(|reference| commands.get(&reference).cloned()),
            answer: line.answer.clone().map(|answer| AnswerView::new(answer, line.at, fold)),
            line,
        }
    }

    fn is_problem(&self) -> bool {
        let is_refusal = matches!(
            self.line.what.as_str(),
            "refused"
                | "refused the message"
                | "message refused"
                | "credentials refused"
                | "unreadable message"
                | "unreadable element"
                | "answered what was not asked"
        );
        is_refusal || self.answer.as_ref().is_some_and(|answer| answer.class == "bad")
    }

    pub(super) fn speaker(&self) -> &'static str {
        match self.line.speaker {
            Speaker::Device => "device",
            Speaker::Server => "server",
        }
    }

    /// Between what is said and the value.
    fn sign(&self) -> &'static str {
        if SETS.contains(&self.line.what.as_str()) { "=" } else { "" }
    }

    /// Whether there is more to say than fits on the line.
    fn has_detail(&self) -> bool {
        self.answer.is_some()
            || self.line.target.is_some()
            || self.value.as_ref().is_some_and(|value| value.whole.is_some())
    }
}

impl AnswerView {
    fn new(answer: Answer, asked: Timestamp, fold: Fold) -> Self {
        let class = match answer.verdict {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Open => "open",
        };
        Self {
            class,
            value: answer.value.as_deref().map(fold),
            took: span(answer.at.0.saturating_sub(asked.0)),
            error: ErrorJson::of(StatusCode(answer.status), answer.original_error.as_deref())
                .filter(|_| answer.status != 0),
            answer,
        }
    }
}
