//! `transom session show`.

use anyhow::ensure;
use clap::Args;

use super::{raw, telling};
use crate::{
    admin::{MAX_LIMIT, MessageJson, PageJson, Part},
    cli::{
        Global, Output,
        client::{Client, ClientError, connected},
        shown::Paint,
    },
};

/// Longest value that is shown without `--full`.
const VALUE: usize = 120;

/// Show one session as a person would tell it: who said what, to which node, and how it was answered
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// Id of the session
    #[arg(value_name = "ID")]
    id: String,
    /// Show the messages themselves, with their headers; secrets are left out
    #[arg(long)]
    raw: bool,
    /// Show long values to their end
    #[arg(long)]
    full: bool,
}

const EXAMPLES: &str = "Examples:
  transom session show 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44
  transom session show 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44 --raw | less";

impl Show {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            if self.raw {
                let items = messages(&client, &self.id).await?;
                if output.is_json() {
                    return output.document(&PageJson { items, next_cursor: None });
                }
                ensure!(!items.is_empty(), "nothing is kept of its messages");
                return output.text(raw::told(&items, Paint::of_output()));
            }
            let session = client.session(&self.id).await?;
            if output.is_json() {
                return output.document(&session);
            }
            let longest = if self.full { usize::MAX } else { VALUE };
            output.text(telling::told(&session, Paint::of_output(), longest))
        })
    }
}

/// All messages of a session.
pub(super) async fn messages(client: &Client, session: &str) -> Result<Vec<MessageJson>, ClientError> {
    let mut messages = Vec::new();
    let mut cursor = None;
    loop {
        let page = client.messages(session, &Part { limit: Some(MAX_LIMIT), cursor }).await?;
        messages.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(messages);
        }
    }
}
