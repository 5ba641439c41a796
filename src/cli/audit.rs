//! `transom audit`: who did what, and the proof that nobody has changed the record of it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Global, Output,
    client::connected,
    hinted,
    shown::{short, table, time},
};
use crate::admin::{AuditJson, AuditQuery, MAX_LIMIT};
use crate::model::hex;

/// Longest name in a table.
const VALUE: usize = 40;

/// The audit log: who did what, to what, when and from where
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Export(Export),
    Verify(Verify),
}

/// List entries, newest first
#[derive(Debug, Args)]
struct List {
    /// Only those of this person or token
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only those of this action, or of all that begin so when it ends in a dot
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only those that were done to this, such as a device by its id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Print every entry as a line of JSON, newest first
#[derive(Debug, Args)]
#[command(after_help = "Example:
  transom audit export > audit.jsonl && transom audit verify --file audit.jsonl")]
struct Export {}

/// Walk along the chain of hashes and tell whether every entry is there and as it was written
#[derive(Debug, Args)]
struct Verify {
    /// Look at an export instead of the server
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Walked {
    intact: bool,
    entries: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
}

impl Audit {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::List(list) => {
                let query = AuditQuery {
                    actor: list.actor,
                    action: list.action,
                    subject: list.subject,
                    limit: list.limit,
                    cursor: list.cursor,
                    ..AuditQuery::default()
                };
                connected(global, async |client| {
                    let page = client.audit(&query).await?;
                    output.page(&page, "no entries", table_of)
                })
            }
            Verb::Export(Export {}) => connected(global, async |client| {
                let mut query = AuditQuery { limit: Some(MAX_LIMIT), ..AuditQuery::default() };
                loop {
                    let page = client.audit(&query).await?;
                    for entry in &page.items {
                        output.text(serde_json::to_string(entry)?)?;
                    }
                    let Some(next) = page.next_cursor else { return Ok(()) };
                    query.cursor = Some(next);
                }
            }),
            Verb::Verify(Verify { file: Some(file) }) => {
                let walked = walk(&file)?;
                if output.is_json() {
                    output.document(&walked)?;
                }
                match walked.broken_at {
                    Some(seq) => Err(broken(seq)),
                    None if output.is_json() => Ok(()),
                    None => output.text(format!("{} entries, each as it was written.", walked.entries)),
                }
            }
            Verb::Verify(Verify { file: None }) => connected(global, async |client| {
                let proof = client.audit_proof().await?;
                if output.is_json() {
                    output.document(&proof)?;
                }
                match proof.broken_at {
                    Some(seq) => Err(broken(seq)),
                    None if output.is_json() => Ok(()),
                    None => output.text(format!(
                        "Entries {} to {}, each as it was written.\nHead: {}",
                        proof.first, proof.last, proof.head
                    )),
                }
            }),
        }
    }
}

fn broken(seq: i64) -> anyhow::Error {
    hinted(
        format!("entry {seq} is not there, or not as it was written"),
        "somebody changed the record outside of the server; compare it with a backup or an earlier export",
    )
}

/// Looks at an export: each entry must be the link behind the next one in the file, which is the one before it.
fn walk(file: &Path) -> anyhow::Result<Walked> {
    let open = || -> anyhow::Result<Vec<AuditJson>> {
        let lines = BufReader::new(std::fs::File::open(file)?).lines();
        lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
    };
    let mut entries = open().with_context(|| format!("can't read {}", file.display()))?;
    entries.sort_by_key(|entry| entry.seq);
    let pairs = entries.iter().zip(entries.iter().skip(1));
    // The first proves nothing: what stood before it is not in the file.
    let bad = pairs.clone().find(|(before, entry)| {
        let known = bytes_of(&before.hash).map(|before| hex(&entry.link(&before)));
        entry.seq != before.seq + 1 || known.as_ref() != Some(&entry.hash)
    });
    Ok(Walked { intact: bad.is_none(), entries: entries.len(), broken_at: bad.map(|(_, entry)| entry.seq) })
}

fn bytes_of(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn table_of(entries: &[AuditJson]) -> String {
    let rows = entries.iter().map(|entry| {
        [
            entry.seq.to_string(),
            time(entry.at),
            short(&entry.actor, VALUE),
            entry.from.map_or_else(String::new, |from| from.to_string()),
            short(&entry.action, VALUE),
            short(&entry.subject, VALUE),
        ]
    });
    table(&["NO", "WHEN", "WHO", "FROM", "WHAT", "TO"], rows)
}
