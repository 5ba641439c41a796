//! A session in words.

use std::fmt::Write as _;

use crate::{
    admin::{SessionDetail, SessionJson},
    cli::{
        device::event_told,
        shown::{Ink, Paint, line, lines, short, time, time_of_day},
    },
    management::conversation::{Answer, Line, Speaker, Verdict},
};

/// Commands to nodes; what they carry is a value that is set.
const SETS: [&str; 3] = ["Add", "Replace", "Exec"];

/// Width of the time of day, and what stands there when it is the same.
const BLANK: &str = "            ";

/// A session for people.
// Writing to a String does not fail.
pub(super) fn told(detail: &SessionDetail, paint: Paint, longest: usize) -> String {
    let session = &detail.session;
    let mut text =
        format!("Session {} of device {}\n", line(&session.id), paint.ink(Ink::Strong, &line(&session.device_id)));
    let _ = writeln!(text, "  began      {}, last message {}", time(session.started_at), time(session.last_at));
    let _ = writeln!(text, "  state      {}", phase(&session.phase));
    let _ = writeln!(text, "  sign-in    {}", line(&session.authentication));
    let _ = writeln!(text, "  kind       {}", kind(&session.kind));
    let _ = writeln!(text, "  user       {}", user(session));
    let _ = writeln!(
        text,
        "  messages   {} of the device (its SessionID {}); {} commands sent, {} answered",
        session.messages,
        line(&session.session_id),
        session.commands_sent,
        session.commands_answered
    );
    text.push('\n');
    let mut before = None;
    for said in &detail.conversation {
        let clock =
            if before == Some(said.at) { BLANK.to_owned() } else { paint.ink(Ink::Faint, &time_of_day(said.at)) };
        before = Some(said.at);
        let _ = writeln!(text, "{clock}  {}  {}", speaker(said.speaker), said_in_words(said, longest));
        if let Some(answer) = &said.answer {
            for (place, row) in answer_rows(answer, paint, longest).iter().enumerate() {
                let mark = if place == 0 { "-> " } else { "   " };
                let _ = writeln!(text, "{BLANK}          {mark}{row}");
            }
        }
    }
    if detail.conversation.is_empty() {
        text.push_str("Nothing is kept of what was said.\n");
    }
    if detail.truncated {
        text.push_str("It went on; --raw shows all of it.\n");
    }
    if !detail.events.is_empty() {
        text.push_str("\nEvents\n");
    }
    for event in &detail.events {
        let _ = writeln!(text, "  {}", event_told(event));
    }
    text
}

pub(super) const fn speaker(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Device => "device",
        Speaker::Server => "server",
    }
}

/// What was said, without its answer.
pub(super) fn said_in_words(said: &Line, longest: usize) -> String {
    let mut text = line(&said.what);
    if let Some(target) = &said.target {
        let _ = write!(text, " {}", line(target));
    }
    if let Some(shown) = &said.value {
        let sign = if SETS.contains(&said.what.as_str()) { " =" } else { ":" };
        let _ = write!(text, "{sign} {}", value(shown, longest));
    }
    text
}

/// The answer, and under it what it means when it is not good.
pub(super) fn answer_rows(answer: &Answer, paint: Paint, longest: usize) -> Vec<String> {
    let ink = match answer.verdict {
        Verdict::Good => Ink::Good,
        Verdict::Bad => Ink::Bad,
        Verdict::Open => Ink::Open,
    };
    let code = if answer.status == 0 { String::new() } else { format!("{} ", answer.status) };
    let mut first = paint.ink(ink, &format!("{code}{}", line(&answer.status_text)));
    if let Some(shown) = &answer.value {
        let _ = write!(first, ": {}", value(shown, longest));
    }
    let mut rows = vec![first];
    if let Some(code) = &answer.original_error {
        rows.push(format!("the device's own code: {}", line(code)));
    }
    rows.extend(answer.meaning.as_deref().map(line));
    rows.extend(answer.cause.as_deref().map(|cause| format!("likely cause: {}", line(cause))));
    rows.extend(answer.remedy.as_deref().map(line));
    rows
}

fn value(text: &str, longest: usize) -> String {
    match text {
        "" => "(empty)".to_owned(),
        text if longest == usize::MAX => lines(text),
        text => short(text, longest),
    }
}

fn phase(word: &str) -> String {
    match word {
        "open" => "open: the device is expected to go on".to_owned(),
        "quiet" => "quiet: both sides have said all".to_owned(),
        "aborted_by_device" => "ended: the device broke it off".to_owned(),
        "aborted_by_server" => "ended: the server broke it off".to_owned(),
        "replaced" => "ended: the device began another one".to_owned(),
        "timed_out" => "ended: the device did not go on in time".to_owned(),
        "unenrolled" => "ended: the device left management".to_owned(),
        other => line(other),
    }
}

fn kind(word: &str) -> String {
    match word {
        "mixed" => "for the device and its user".to_owned(),
        "device" => "for the device, beside those of its users".to_owned(),
        "user" => "for one user, beside that of the device".to_owned(),
        other => line(other),
    }
}

/// Whose session it is, and who is signed in.
fn user(session: &SessionJson) -> String {
    let Some(name) = &session.user else { return login(&session.login) };
    let word = if session.user_verified { "by a token that was checked" } else { "by the device's word; not checked" };
    format!("{} ({word}); {}", line(name), login(&session.login))
}

fn login(word: &str) -> String {
    match word {
        "user" => "the enrolled user is signed in".to_owned(),
        "others" => "another user is signed in".to_owned(),
        "none" => "nobody is signed in".to_owned(),
        "unknown" | "" => "the device did not say who is signed in".to_owned(),
        other => line(other),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::session) fn detail() -> SessionDetail {
        serde_json::from_value(serde_json::json!({
            "id": "S1", "device_id": "D1", "session_id": "5A",
            "started_at": "2027-01-15T08:00:00Z", "last_at": "2027-01-15T08:00:01.250Z",
            "phase": "quiet", "authentication": "digest", "login": "user",
            "messages": 2, "commands_sent": 2, "commands_answered": 1,
            "truncated": false,
            "conversation": [
                {"at": "2027-01-15T08:00:00Z", "exchange": 1, "speaker": "device", "what": "sign-in"},
                {"at": "2027-01-15T08:00:00Z", "exchange": 1, "speaker": "server", "what": "sign-in accepted",
                 "value": "212 Authentication accepted"},
                {"at": "2027-01-15T08:00:00Z", "exchange": 1, "speaker": "server", "what": "Get",
                 "target": "./DevDetail/SwV",
                 "answer": {"at": "2027-01-15T08:00:01.250Z", "status": 200, "status_text": "OK", "verdict": "good",
                            "value": "10.0.26100.1"}},
                {"at": "2027-01-15T08:00:00Z", "exchange": 1, "speaker": "server", "what": "Replace",
                 "target": "./A", "value": "12",
                 "answer": {"at": "2027-01-15T08:00:01.250Z", "status": 404, "status_text": "Not found",
                            "verdict": "bad", "meaning": "There is no such node.", "remedy": "Look for it.",
                            "original_error": "0x86000002"}},
                {"at": "2027-01-15T08:00:01.250Z", "exchange": 2, "speaker": "device", "what": "Alert 1226",
                 "target": "com.example:x", "value": "a\r\n\u{1b}[2J"},
                {"at": "2027-01-15T08:00:01.250Z", "exchange": 2, "speaker": "server", "what": "nothing more to do"}
            ],
            "events": [
                {"id": "V1", "device_id": "D1", "session_id": "S1", "at": "2027-01-15T08:00:01.250Z", "kind": "alert",
                 "code": "1226"}
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_session_is_told_as_a_person_would() {
        assert_eq!(
            told(&detail(), Paint::PLAIN, 120),
            "Session S1 of device D1
  began      2027-01-15 08:00:00Z, last message 2027-01-15 08:00:01Z
  state      quiet: both sides have said all
  sign-in    digest
  kind       for the device and its user
  user       the enrolled user is signed in
  messages   2 of the device (its SessionID 5A); 2 commands sent, 1 answered

08:00:00.000  device  sign-in
              server  sign-in accepted: 212 Authentication accepted
              server  Get ./DevDetail/SwV
                      -> 200 OK: 10.0.26100.1
              server  Replace ./A = 12
                      -> 404 Not found
                         the device's own code: 0x86000002
                         There is no such node.
                         Look for it.
08:00:01.250  device  Alert 1226 com.example:x: a\\r\\n\\u{1b}[2J
              server  nothing more to do

Events
  2027-01-15 08:00:01Z  alert 1226
"
        );
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut detail = detail();
        detail.conversation.clear();
        detail.events.clear();
        detail.truncated = true;
        let text = told(&detail, Paint::PLAIN, 120);
        assert!(text.ends_with("\nNothing is kept of what was said.\nIt went on; --raw shows all of it.\n"), "{text}");
    }

    #[test]
    fn values_are_cut_where_they_are_long() {
        let mut said = detail().conversation.remove(3);
        said.value = Some("y".repeat(200));
        assert!(said_in_words(&said, 10).ends_with("= yyyyyyyyyy… (200 characters)"));
        assert!(said_in_words(&said, usize::MAX).ends_with(&"y".repeat(200)));
        said.value = Some(String::new());
        assert_eq!(said_in_words(&said, 10), "Replace ./A = (empty)");
    }
}
