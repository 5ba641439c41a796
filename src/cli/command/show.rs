//! `transom command show`: one command with all that is known of it.

use std::fmt::Write as _;

use clap::Args;

use crate::{
    admin::{AttemptJson, CommandJson, ItemJson},
    cli::{
        Global, Output,
        client::connected,
        shown::{Ink, Paint, line, lines, short, time},
    },
    model::CommandState,
};

/// Longest value that is shown without `--full`.
const VALUE: usize = 200;

/// Show one command: where it stands, what the device answered for each node, and which session carried it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom command show 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44
  transom command show 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44 --json")]
pub(super) struct Show {
    /// Id of the command
    #[arg(value_name = "ID")]
    id: String,
    /// Show long values to their end
    #[arg(long)]
    full: bool,
}

impl Show {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let command = client.command(&self.id).await?;
            if output.is_json() {
                return output.document(&command);
            }
            let longest = if self.full { usize::MAX } else { VALUE };
            output.text(told_to(&command, Paint::of_output(), longest))
        })
    }
}

/// A command for people, long values shortened.
pub(super) fn told(command: &CommandJson, paint: Paint) -> String {
    told_to(command, paint, VALUE)
}

// Writing to a String does not fail.
fn told_to(command: &CommandJson, paint: Paint, longest: usize) -> String {
    let mut text = String::new();
    let what = format!("{} {}", line(&command.kind), line(&command.target));
    let _ = writeln!(text, "Command {}: {}", line(&command.id), paint.ink(Ink::Strong, &what));
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<10} {value}");
        }
    };
    fact("device", &line(&command.device_id));
    fact("user", &command.user.as_deref().map(line).unwrap_or_default());
    fact("state", &paint.ink(ink_of(&command.state), &line(&command.state)));
    fact("why", &reason_of(command));
    fact("remedy", &command.remedy.as_deref().map(line).unwrap_or_default());
    fact("retry", &command.retry_at.map(|at| format!("not before {}", time(at))).unwrap_or_default());
    fact("ordered", &format!("{} by {}", time(command.created_at), line(&command.created_by)));
    fact("place", &format!("number {} in the queue of the device", command.sequence));
    fact("batch", &command.batch_id.as_deref().map(line).unwrap_or_default());
    fact("not before", &command.not_before.map(time).unwrap_or_default());
    fact("expires", &command.expires_at.map(time).unwrap_or_default());
    fact("after", &command.depends_on.iter().map(|id| line(id)).collect::<Vec<_>>().join(", "));
    fact("settled", &command.settled_at.map(time).unwrap_or_default());
    fact("group", &command.group_status.map(|code| code.to_string()).unwrap_or_default());
    for item in command.items.iter().flatten() {
        text.push_str(&item_told(item, paint, longest));
    }
    for (place, attempt) in command.attempts.iter().flatten().enumerate() {
        text.push_str(&attempt_told(place + 1, attempt));
    }
    text
}

fn reason_of(command: &CommandJson) -> String {
    let Some(reason) = &command.reason else { return String::new() };
    let mut text = command.reason_text.as_deref().map_or_else(|| line(reason), line);
    if let Some(detail) = &command.reason_detail {
        let _ = write!(text, " ({})", line(detail));
    }
    if let Some(since) = command.since {
        let _ = write!(text, " Since {}", time(since));
        if let Some(count) = command.count.filter(|count| *count > 1) {
            let _ = write!(text, ", {count} times");
        }
        text.push('.');
    }
    text
}

fn item_told(item: &ItemJson, paint: Paint, longest: usize) -> String {
    let mut text = format!("\n{} {}", line(&item.kind), line(&item.target));
    let asks = item.kind == "get";
    if let Some(data) = item.data.as_deref().filter(|_| !asks) {
        let format = item.format.as_deref().map(|format| format!(" ({})", line(format))).unwrap_or_default();
        let _ = write!(text, " = {}{format}", value(data, longest));
    }
    text.push('\n');
    let Some(status) = item.status else {
        text.push_str("  no answer yet\n");
        return text;
    };
    let said = format!("{status} {}", line(item.status_text.as_deref().unwrap_or_default()));
    let ink = if item.error.is_some() { Ink::Bad } else { Ink::Good };
    let _ = write!(text, "  -> {}", paint.ink(ink, &said));
    if let Some(data) = item.data.as_deref().filter(|_| asks) {
        let _ = write!(text, ": {}", value(data, longest));
    }
    text.push('\n');
    for below in &item.below {
        let _ = writeln!(text, "     {} = {}", line(&below.uri), value(&below.data, longest));
    }
    if let Some(error) = &item.error {
        let code = if error.code == status.to_string() { String::new() } else { format!("{}: ", line(&error.code)) };
        let _ = writeln!(text, "     {code}{}", line(&error.meaning));
        if let Some(cause) = &error.cause {
            let _ = writeln!(text, "     likely cause: {}", line(cause));
        }
        if !error.remedy.is_empty() {
            let _ = writeln!(text, "     {}", line(&error.remedy));
        }
    }
    text
}

fn value(data: &str, longest: usize) -> String {
    match data {
        "" => "(empty)".to_owned(),
        data if longest == usize::MAX => lines(data),
        data => short(data, longest),
    }
}

fn attempt_told(number: usize, attempt: &AttemptJson) -> String {
    let answered = match attempt.answered_at {
        Some(at) => format!("answered {}", time(at)),
        None => "not answered".to_owned(),
    };
    format!(
        "\nattempt {number}: sent {} in message {} as CmdID {}, {answered}\n  look: transom session show {}\n",
        time(attempt.sent_at),
        attempt.message,
        attempt.cmd_id,
        line(&attempt.session_id)
    )
}

fn ink_of(state: &str) -> Ink {
    match CommandState::parse(state) {
        Some(CommandState::Succeeded) => Ink::Good,
        Some(CommandState::Failed | CommandState::Expired) => Ink::Bad,
        Some(CommandState::Unknown | CommandState::Queued | CommandState::Sent | CommandState::Deferred) => Ink::Open,
        _ => Ink::Faint,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::admin::{ErrorJson, ValueJson};
    use transom_protocol::session::Timestamp;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    pub(in crate::cli::command) fn command() -> CommandJson {
        serde_json::from_value(serde_json::json!({
            "id": "C1",
            "device_id": "D1",
            "sequence": 7,
            "kind": "get",
            "target": "./DevDetail/SwV",
            "state": "succeeded",
            "reason": null,
            "created_at": "2027-01-15T08:00:00Z",
            "created_by": "init",
            "expires_at": null,
        }))
        .unwrap()
    }

    fn item() -> ItemJson {
        ItemJson {
            kind: "get".to_owned(),
            target: "./DevDetail/SwV".to_owned(),
            status: Some(200),
            status_text: Some("OK".into()),
            error: None,
            format: Some("chr".to_owned()),
            data: Some("10.0.26100.1".to_owned()),
            below: Vec::new(),
        }
    }

    #[test]
    fn a_command_is_told_with_its_nodes_and_attempts() {
        let mut command = command();
        command.items = Some(vec![item()]);
        command.attempts = Some(vec![AttemptJson {
            session_id: "S1".to_owned(),
            message: 2,
            cmd_id: 3,
            sent_at: NOW,
            answered_at: Some(NOW.plus_millis(1000)),
            sent_in: "X1".to_owned(),
            answered_in: None,
        }]);
        assert_eq!(
            told(&command, Paint::PLAIN),
            "Command C1: get ./DevDetail/SwV
  device     D1
  state      succeeded
  ordered    2027-01-15 08:00:00Z by init
  place      number 7 in the queue of the device

get ./DevDetail/SwV
  -> 200 OK: 10.0.26100.1

attempt 1: sent 2027-01-15 08:00:00Z in message 2 as CmdID 3, answered 2027-01-15 08:00:01Z
  look: transom session show S1
"
        );
    }

    #[test]
    fn an_error_is_told_with_its_meaning_and_what_to_do() {
        let failed = ItemJson {
            kind: "replace".to_owned(),
            status: Some(500),
            status_text: Some("Command failed".into()),
            format: Some("int".to_owned()),
            data: Some("12\u{1b}".to_owned()),
            error: Some(ErrorJson {
                cause: Some("It was taken out.".to_owned()),
                code: "0x86000002".to_owned(),
                name: "NOT_FOUND".to_owned(),
                meaning: "There is no such node.".to_owned(),
                remedy: "Look for it.".to_owned(),
            }),
            ..item()
        };
        assert_eq!(
            item_told(&failed, Paint::PLAIN, VALUE),
            "
replace ./DevDetail/SwV = 12\\u{1b} (int)
  -> 500 Command failed
     0x86000002: There is no such node.
     likely cause: It was taken out.
     Look for it.
"
        );
    }

    #[test]
    fn a_reason_is_told_in_its_own_words() {
        let mut command = command();
        command.reason = Some("retry_later".into());
        command.reason_text = Some("The device asked to try again later.".into());
        command.reason_detail = Some("503".to_owned());
        command.since = Some(NOW);
        command.count = Some(3);
        assert_eq!(
            reason_of(&command),
            "The device asked to try again later. (503) Since 2027-01-15 08:00:00Z, 3 times."
        );
    }

    #[test]
    fn long_values_are_cut_unless_all_is_wanted() {
        let long = ItemJson { data: Some("x".repeat(VALUE + 1)), ..item() };
        assert!(item_told(&long, Paint::PLAIN, VALUE).contains("x… (201 characters)"));
        assert!(item_told(&long, Paint::PLAIN, usize::MAX).contains(&"x".repeat(VALUE + 1)));
    }

    #[test]
    fn values_below_and_missing_answers_are_told() {
        let below = ValueJson { uri: "./A/B".to_owned(), format: "chr".to_owned(), data: String::new() };
        let asked = ItemJson { below: vec![below], ..item() };
        assert!(item_told(&asked, Paint::PLAIN, VALUE).contains("     ./A/B = (empty)\n"));
        let open = ItemJson { status: None, status_text: None, data: None, ..item() };
        assert_eq!(item_told(&open, Paint::PLAIN, VALUE), "\nget ./DevDetail/SwV\n  no answer yet\n");
    }
}
