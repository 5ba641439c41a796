//! `transom enrollment attempts`: who was let in, who was refused, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;

use crate::admin::{EnrollmentAttemptJson, EnrollmentAttemptQuery};
use crate::cli::{
    Global, Output,
    client::connected,
    shown::{line, short, table, time},
};
use crate::model::AttemptOutcome;

/// Longest text in a table.
const VALUE: usize = 80;

/// List attempts to enroll, newest first: who was let in, who was refused, and why
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom enrollment attempts --refused
  transom enrollment attempts --user ada@contoso.com
  transom enrollment attempts --trace 2493ee37beeb4cb9833ccadde9067645    the id in the event log of the device")]
pub(super) struct Attempts {
    /// Only those that were refused
    #[arg(long)]
    refused: bool,
    /// Only those of this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only those of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only those with this trace id
    #[arg(long, value_name = "ID")]
    trace: Option<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

impl Attempts {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = EnrollmentAttemptQuery {
            user: self.user,
            device_id: self.device,
            trace_id: self.trace,
            outcome: self.refused.then(|| AttemptOutcome::Refused.as_str().to_owned()),
            limit: self.limit,
            cursor: self.cursor,
        };
        connected(global, async |client| {
            let page = client.enrollment_attempts(&query).await?;
            if output.is_json() {
                return output.document(&page);
            }
            if page.items.is_empty() {
                return output.text("no attempts");
            }
            output.text(told(&page.items))?;
            match page.next_cursor {
                Some(cursor) => output.text(format!("\nThere are more: --cursor {}", line(&cursor))),
                None => Ok(()),
            }
        })
    }
}

// Writing to a String does not fail.
fn told(attempts: &[EnrollmentAttemptJson]) -> String {
    let rows = attempts.iter().map(|attempt| {
        let said = |text: &Option<String>| text.as_deref().map(|text| short(text, VALUE)).unwrap_or_default();
        [
            time(attempt.last_at),
            said(&attempt.user),
            if attempt.device_name.is_some() { said(&attempt.device_name) } else { said(&attempt.device_id) },
            line(&attempt.peer),
            attempt.step.as_str().to_owned(),
            what(attempt),
        ]
    });
    let mut text = table(&["WHEN", "USER", "DEVICE", "FROM", "STEP", "WHAT"], rows);
    let mut remedies = BTreeMap::new();
    for attempt in attempts {
        if let (Some(reason), Some(remedy)) = (&attempt.reason, &attempt.remedy) {
            remedies.insert(reason, remedy);
        }
    }
    if !remedies.is_empty() {
        text.push_str("\n\nWhat helps\n");
    }
    for (reason, remedy) in remedies {
        let _ = writeln!(text, "  {}: {}", line(reason), line(remedy));
    }
    text
}

fn what(attempt: &EnrollmentAttemptJson) -> String {
    let Some(reason) = &attempt.reason else { return attempt.outcome.as_str().to_owned() };
    let times = if attempt.count > 1 { format!(", {} times", attempt.count) } else { String::new() };
    let code = attempt.hresult.as_deref().map(|code| format!(" [{}]", line(code))).unwrap_or_default();
    let detail = attempt.detail.as_deref().map(|detail| format!(": {}", short(detail, VALUE))).unwrap_or_default();
    format!("{}{detail}{times}{code}", line(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_what_helps() {
        let attempt: EnrollmentAttemptJson = serde_json::from_value(serde_json::json!({
            "id": "A1", "at": "2027-01-15T08:00:00Z", "last_at": "2027-01-15T08:05:00Z", "count": 3,
            "peer": "192.0.2.7", "user": "ada\u{1b}", "device_id": "D1", "hardware_hash": null, "device_name": "PC",
            "step": "policies", "outcome": "refused", "reason": "wrong_password", "detail": "the password is wrong",
            "remedy": "set another", "fault": "authentication", "hresult": "0x80180002", "enrollment_id": null,
            "trace_id": "t",
        }))
        .unwrap();
        let enrolled = EnrollmentAttemptJson {
            outcome: AttemptOutcome::Enrolled,
            reason: None,
            remedy: None,
            device_name: None,
            ..attempt.clone()
        };
        let shown = told(&[attempt.clone(), enrolled, attempt]);
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[2].starts_with("2027-01-15 08:05:00Z   ada\\u{1b}   PC"), "{shown}");
        assert!(lines[2].ends_with("wrong_password: the password is wrong, 3 times [0x80180002]"), "{shown}");
        assert!(lines[3].contains("D1") && lines[3].ends_with("enrolled"), "{shown}");
        assert!(shown.ends_with("What helps\n  wrong_password: set another\n"), "{shown}");
    }
}
