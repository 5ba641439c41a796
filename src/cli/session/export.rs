//! `transom session export`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::show::messages;
use crate::{
    admin::{DeviceJson, Explored, MAX_LIMIT, SessionDetail, SessionExport, SessionQuery},
    cli::{
        Global, Output,
        client::{Client, ClientError, connected},
        progress::Progress,
        shown::count,
    },
    ui::export,
};

/// Write everything that is kept of a session, or of all sessions of a device, as one document
///
/// With what was said in words, the messages themselves without secrets, and the events. As HTML it is one file to send to
/// somebody: it loads nothing and runs nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// Id of the session
    #[arg(value_name = "ID", required_unless_present = "device", conflicts_with = "device")]
    id: Option<String>,
    /// All sessions of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// What to write; HTML is for one session
    #[arg(long, value_enum, default_value_t = Format::Json, conflicts_with = "device")]
    format: Format,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a session is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For programs
    Json,
    /// For people
    Html,
}

const EXAMPLES: &str = "Examples:
  transom session export 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44 --format html --out session.html
  transom session export 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44 --out session.json
  transom session export --device 1A2B | jq '.sessions[].session.id'";

/// Everything of one device.
#[derive(Debug, Serialize)]
struct ExportedDevice {
    device: DeviceJson,
    /// Newest first.
    sessions: Vec<SessionExport>,
}

impl Export {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| match (&self.id, &self.device) {
            (Some(id), _) if self.format == Format::Html => {
                let (detail, messages) = (client.session(id).await?, messages(&client, id).await?);
                // Which command a line is only leads to a page of the server, which the file does without.
                let file = export::session(Explored { detail, messages, commands: Vec::new() });
                self.write_text(file, 1, output)
            }
            (Some(id), _) => {
                let document = session(&client, id).await?;
                self.write(&document, 1, output)
            }
            (None, device) => {
                let document = device_document(&client, device.as_deref().unwrap_or_default()).await?;
                self.write(&document, document.sessions.len(), output)
            }
        })
    }

    fn write(&self, document: &impl Serialize, sessions: usize, output: &mut Output) -> anyhow::Result<()> {
        let Some(path) = &self.out else { return output.document(document) };
        let text = serde_json::to_string_pretty(document)?;
        Self::save(path, text + "\n", sessions, output)
    }

    fn write_text(&self, text: String, sessions: usize, output: &mut Output) -> anyhow::Result<()> {
        match &self.out {
            Some(path) => Self::save(path, text, sessions, output),
            None => output.text(text),
        }
    }

    fn save(path: &Path, text: String, sessions: usize, output: &mut Output) -> anyhow::Result<()> {
        fs::write(path, text).with_context(|| format!("can't write {}", path.display()))?;
        if output.is_json() {
            return output.document(&serde_json::json!({ "file": path, "sessions": sessions }));
        }
        output.text(format!("Wrote {} to {}.", count(sessions, "session"), path.display()))
    }
}

async fn session(client: &Client, id: &str) -> Result<SessionExport, ClientError> {
    let detail = client.session(id).await?;
    let messages = messages(client, id).await?;
    let SessionDetail { session, conversation, events, truncated } = detail;
    Ok(SessionExport { session, conversation, messages, events, truncated })
}

async fn device_document(client: &Client, id: &str) -> Result<ExportedDevice, ClientError> {
    let device = client.device(id).await?;
    let mut progress = Progress::new();
    let mut sessions = Vec::new();
    let mut cursor = None;
    loop {
        let device_id = Some(id.to_owned());
        let query = SessionQuery { device_id, limit: Some(MAX_LIMIT), cursor, ..SessionQuery::default() };
        let page = client.sessions(&query).await?;
        for listed in page.items {
            progress.say(&format!("exporting session {}", sessions.len() + 1));
            match session(client, &listed.id).await {
                Ok(exported) => sessions.push(exported),
                // It grew too old while the others were read.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(ExportedDevice { device, sessions });
        }
    }
}
