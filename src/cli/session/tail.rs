//! `transom session tail`.

use std::{collections::BTreeSet, time::Duration};

use clap::Args;
use serde::Serialize;
use tokio::time::sleep;

use super::{
    follow::{Follower, News},
    telling::{answer_rows, said_in_words, speaker},
};
use crate::{
    admin::{MAX_LIMIT, SessionQuery},
    cli::{
        Global, Output,
        client::{Client, ClientError, connected},
        input,
        progress::warn,
        shown::{Ink, Paint, line, time_of_day},
    },
    model::{Timestamp, rfc3339_text},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Sessions that began longer ago are over: their time has run out.
const OLDEST: i64 = 60 * 60 * 1000;

/// Pages of sessions in one look.
const PAGES: usize = 20;

/// Longest value in a line.
const VALUE: usize = 120;

/// Failures in a row after which following ends.
const PATIENCE: u32 = 10;

/// Follow what is said, as it is said, until Ctrl-C
///
/// With --json, all lines come as one document at the end.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Tail {
    /// Only with this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// End after so long
    #[arg(long = "for", value_name = "DURATION", value_parser = input::duration)]
    duration: Option<Duration>,
}

const EXAMPLES: &str = "Examples:
  transom session tail
  transom session tail --device 1A2B --for 30s";

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Lines {
    lines: Vec<News>,
}

impl Tail {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            // The server's clock: ours may be another.
            let since = client.status().await?.now;
            let mut follower = Follower::new(since);
            let mut lines = Vec::new();
            let end = async {
                match self.duration {
                    Some(duration) => sleep(duration).await,
                    None => std::future::pending().await,
                }
            };
            let follow = self.follow(&client, since, &mut follower, &mut lines, output);
            tokio::select! {
                ended = follow => return ended,
                _ = tokio::signal::ctrl_c() => {}
                () = end => {}
            }
            if output.is_json() { output.document(&Lines { lines }) } else { Ok(()) }
        })
    }

    async fn follow(
        &self,
        client: &Client,
        since: Timestamp,
        follower: &mut Follower,
        lines: &mut Vec<News>,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let paint = Paint::of_output();
        let mut failures = 0;
        loop {
            match self.look(client, since, follower).await {
                Ok(news) if output.is_json() => lines.extend(news),
                Ok(news) => {
                    for news in &news {
                        output.text(told(news, paint))?;
                    }
                    failures = 0;
                }
                Err(error @ (ClientError::Unreachable { .. } | ClientError::Unreadable { .. }))
                    if failures < PATIENCE =>
                {
                    if failures == 0 {
                        warn(&format!("{error}; trying again"));
                    }
                    failures += 1;
                }
                Err(error) => return Err(error.into()),
            }
            sleep(PAUSE).await;
        }
    }

    /// What is new since the last look, oldest session first.
    async fn look(&self, client: &Client, since: Timestamp, follower: &mut Follower) -> Result<Vec<News>, ClientError> {
        let mut listed = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES {
            let query = SessionQuery {
                device_id: self.device.clone(),
                from: Some(rfc3339_text(since.plus_millis(-OLDEST))),
                limit: Some(MAX_LIMIT),
                cursor,
                ..SessionQuery::default()
            };
            let page = client.sessions(&query).await?;
            listed.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let mut news = Vec::new();
        for session in
            listed.iter().rev().filter(|session| follower.wants(session)).map(|session| &session.id).collect::<Vec<_>>()
        {
            news.extend(follower.news(&client.session(session).await?));
        }
        follower.keep(&listed.into_iter().map(|session| session.id).collect::<BTreeSet<_>>());
        Ok(news)
    }
}

/// One line; an answer names what it answers.
fn told(news: &News, paint: Paint) -> String {
    let said = &news.line;
    let answer = said.answer.as_ref().map(|answer| answer_rows(answer, paint, VALUE).join("; "));
    let (at, who) = match &said.answer {
        Some(answer) if news.is_answer => (answer.at, "device"),
        _ => (said.at, speaker(said.speaker)),
    };
    let mut text = format!(
        "{}  {}  {who}  {}",
        paint.ink(Ink::Faint, &time_of_day(at)),
        line(&news.device_id),
        said_in_words(said, VALUE)
    );
    if let Some(answer) = answer {
        text.push_str(" -> ");
        text.push_str(&answer);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::telling::tests::detail;

    fn news(place: usize, is_answer: bool) -> News {
        News {
            session_id: "S1".to_owned(),
            device_id: "D1".to_owned(),
            is_answer,
            line: detail().conversation.swap_remove(place),
        }
    }

    #[test]
    fn a_line_says_when_who_and_what_and_how_it_was_answered() {
        assert_eq!(told(&news(0, false), Paint::PLAIN), "08:00:00.000  D1  device  sign-in");
        assert_eq!(
            told(&news(2, true), Paint::PLAIN),
            "08:00:01.250  D1  device  Get ./DevDetail/SwV -> 200 OK: 10.0.26100.1"
        );
        assert_eq!(
            told(&news(3, false), Paint::PLAIN),
            "08:00:00.000  D1  server  Replace ./A = 12 -> 404 Not found; the device's own code: 0x86000002; \
             There is no such node.; Look for it."
        );
    }

    #[test]
    fn a_line_is_one_line_whatever_a_device_said() {
        let shown = told(&news(4, false), Paint::PLAIN);
        assert!(!shown.chars().any(char::is_control), "{shown}");
    }
}
