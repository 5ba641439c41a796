//! `transom session list`.

use clap::Args;

use crate::{
    admin::{SessionJson, SessionQuery},
    cli::{
        Global, Output,
        client::connected,
        input::{self, Moment},
        now,
        shown::{line, table, time},
    },
};

/// List sessions, newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Only those of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only those that began then or later: a time, or how long ago, such as 24h
    #[arg(long, value_name = "WHEN", value_parser = input::moment)]
    from: Option<Moment>,
    /// Only those that began before: a time, or how long ago, such as 1h
    #[arg(long, value_name = "WHEN", value_parser = input::moment)]
    until: Option<Moment>,
    /// Only those in which all these words were said: a node or its last part, a Status, an error code, a word of a value
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

const EXAMPLES: &str = "Examples:
  transom session list --device 1A2B
  transom session list --text 'AllowCamera 404'
  transom session list --from 24h --until 2026-11-20T22:00:00Z";

impl List {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = SessionQuery {
            device_id: self.device,
            from: self.from.map(|moment| moment.rfc3339_ago(now())),
            until: self.until.map(|moment| moment.rfc3339_ago(now())),
            text: self.text,
            limit: self.limit,
            cursor: self.cursor,
        };
        connected(global, async |client| {
            let page = client.sessions(&query).await?;
            output.page(&page, "no sessions", table_of)
        })
    }
}

fn table_of(sessions: &[SessionJson]) -> String {
    let rows = sessions.iter().map(|session| {
        [
            line(&session.id),
            line(&session.device_id),
            time(session.started_at),
            line(&session.phase),
            whose(session),
            session.messages.to_string(),
            format!("{} of {}", session.commands_answered, session.commands_sent),
        ]
    });
    table(&["ID", "DEVICE", "BEGAN", "STATE", "FOR", "MESSAGES", "ANSWERED"], rows)
}

/// What a session is for, or for whom.
fn whose(session: &SessionJson) -> String {
    match (&*session.kind, &session.user) {
        ("user", Some(user)) => line(user),
        ("mixed", _) => "all".to_owned(),
        (kind, _) => line(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::telling::tests::detail;

    #[test]
    fn the_table_has_a_line_for_each_session() {
        let mut session = detail().session;
        session.device_id = "D\u{9b}31m".to_owned();
        let shown = table_of(&[session]);
        assert!(shown.contains("S1   D\\u{9b}31m   2027-01-15 08:00:00Z   quiet   all   2          1 of 2"), "{shown}");
    }
}
