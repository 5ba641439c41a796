//! `transom push`: how devices are woken.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::{
    Global, Output,
    client::connected,
    shown::{line, time},
};
use crate::admin::{PushJson, PushServiceJson};

/// Waking devices: see how pushes go
#[derive(Debug, Args)]
pub(super) struct Push {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Status(Status),
}

/// Show whether there is a token for WNS, what waits, and how many devices can be woken
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom push status
  transom push status --json")]
struct Status {}

impl Push {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let Verb::Status(Status {}) = self.verb;
        connected(global, async |client| {
            let service = client.push_service().await?;
            if output.is_json() {
                return output.document(&service);
            }
            output.text(told(&service))
        })
    }
}

// Writing to a String does not fail.
fn told(service: &PushServiceJson) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    if !service.configured {
        fact("push", "not configured: devices come when their schedule says so ([push] in transom.toml)".to_owned());
    }
    match (service.token_ends, &service.problem) {
        (_, Some(problem)) => {
            let since = service.problem_at.map(|at| format!(" (at {})", time(at))).unwrap_or_default();
            fact("token", format!("none: {}{since}", line(problem)));
        }
        (Some(ends), None) => fact("token", format!("good until {}", time(ends))),
        (None, None) => fact("token", "none yet: one is asked for when a push waits".to_owned()),
    }
    if let Some(until) = service.paused_until {
        fact("paused", format!("until {}, as WNS asked", time(until)));
    }
    fact("waiting", format!("{} to be sent", service.waiting));
    fact("awaited", format!("{} taken by WNS, the device has not come yet", service.awaiting));
    for (state, count) in &service.channels {
        fact("channels", format!("{count} {}", line(state)));
    }
    text
}

/// How a device is woken, in lines of a name and a value.
pub(super) fn told_of_device(push: &PushJson) -> Vec<(&'static str, String)> {
    let because = push.reason.as_deref().map(|reason| format!(": {}", line(reason))).unwrap_or_default();
    let mut facts = vec![("push", format!("channel {}{because}", push.channel.as_str()))];
    if let Some(text) = push.status_text.as_deref().filter(|_| push.status != Some(0)) {
        facts.push(("", format!("the device says: {}", line(text))));
    }
    if push.pushes > 0 {
        let count = format!("{} pushes taken by WNS, {} woke it, {} did not", push.pushes, push.woke, push.slept);
        facts.push(("", count));
    }
    if let Some(since) = push.awaiting_since {
        facts.push(("", format!("pushed at {}, and it has not come yet", time(since))));
    }
    if let Some(due) = push.due_at {
        facts.push(("", format!("a push waits and goes out at {}", time(due))));
    }
    if let Some(last) = &push.last {
        let detail = last.detail.as_deref().map(|detail| format!(": {}", line(detail))).unwrap_or_default();
        facts.push(("", format!("last push at {} {}{detail}", time(last.at), last.outcome.as_str())));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_problem_with_the_token_is_told_in_the_words_of_who_refused_it() {
        let service: PushServiceJson = serde_json::from_value(serde_json::json!({
            "configured": true, "token_ends": null, "problem": "the token endpoint answered 400: invalid_request\u{1b}",
            "problem_at": "2027-01-15T08:00:00Z", "paused_until": null, "waiting": 3, "awaiting": 1,
            "channels": {"live": 2},
        }))
        .unwrap();
        assert_eq!(
            told(&service),
            "token      none: the token endpoint answered 400: invalid_request\\u{1b} (at 2027-01-15 08:00:00Z)
waiting    3 to be sent
awaited    1 taken by WNS, the device has not come yet
channels   2 live
"
        );
    }

    #[test]
    fn a_device_that_did_not_wake_shows_it() {
        let push: PushJson = serde_json::from_value(serde_json::json!({
            "channel": "live", "status": 0, "status_text": "x", "pushes": 3, "woke": 1, "slept": 1,
            "awaiting_since": "2027-01-15T08:00:00Z",
            "last": {"outcome": "accepted", "at": "2027-01-15T08:00:00Z", "detail": "the device is disconnected"},
        }))
        .unwrap();
        let told: Vec<String> = told_of_device(&push).into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            told,
            [
                "channel live",
                "3 pushes taken by WNS, 1 woke it, 1 did not",
                "pushed at 2027-01-15 08:00:00Z, and it has not come yet",
                "last push at 2027-01-15 08:00:00Z accepted: the device is disconnected",
            ]
        );
    }
}
