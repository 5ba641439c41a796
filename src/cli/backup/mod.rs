//! `transom backup`: one file from which an installation can begin again, made while the server runs.

pub(super) mod manifest;
pub(super) mod passphrase;
pub(super) mod read;
mod write;

use std::{io::Write as _, path::PathBuf};

use anyhow::Context as _;
use bytesize::ByteSize;
use clap::Args;
use serde_json::json;

use self::manifest::{Database, Manifest};
use super::{
    Global, Installation, Output, now, progress,
    shown::{count, line},
};
use crate::model::rfc3339_text;

/// Write a backup of this installation into one file, while the server runs or not
///
/// Holds the database as it is at one moment (SQLite), the settings, the keys and the certificates, with a hash of each.
/// It is made by whoever may read the data folder and does not go through the server. Without a passphrase the file holds
/// the keys in clear: whoever has it can speak for the server. With PostgreSQL the database is backed up by `pg_dump`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Backup {
    /// Where to write it; it must not exist [default: transom-backup-HOST-TIME.tar.gz]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Seal it with a passphrase, from --passphrase-file, `TRANSOM_BACKUP_PASSPHRASE` or the terminal
    #[arg(long)]
    encrypt: bool,
    /// File with the passphrase; it is sealed then
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// With the archives of diagnostics that devices have sent
    #[arg(long)]
    with_diagnostics: bool,
}

const EXAMPLES: &str = "Examples:
  transom backup --encrypt
  transom backup --data /var/lib/transom --out /backup/transom.tar.gz.sealed --passphrase-file passphrase
  transom restore FILE --check             see whether a backup is whole";

impl Backup {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let installation = Installation::open(global.folder(), &[])?;
        let passphrase = match (self.encrypt, &self.passphrase_file) {
            (false, None) => None,
            (_, file) => Some(passphrase::chosen(file.as_deref())?),
        };
        let at = rfc3339_text(now());
        let out = self.out.unwrap_or_else(|| file_name(&installation, &at, passphrase.is_some()));
        let (manifest, bytes) = write::write(&installation, &out, self.with_diagnostics, passphrase.as_ref(), at)?;
        note(&installation, &manifest, bytes);
        let out = out.display().to_string();
        if output.is_json() {
            return output.document(&json!({
                "file": out, "bytes": bytes, "sealed": passphrase.is_some(), "made_at": manifest.made_at,
                "version": manifest.version, "database": manifest.database, "files": manifest.files.len(),
                "elsewhere": manifest.elsewhere, "diagnostics": manifest.diagnostics,
            }));
        }
        if passphrase.is_none() {
            progress::warn("the backup is not sealed and holds all keys: whoever reads it can speak for the server");
        }
        output.text(told(&manifest, &out, bytes))
    }
}

fn file_name(installation: &Installation, at: &str, is_sealed: bool) -> PathBuf {
    let time: String = at.chars().take(19).map(|character| if character == ':' { '-' } else { character }).collect();
    let host = installation.settings.host.to_string().replace(':', "-");
    let end = if is_sealed { "tar.gz.sealed" } else { "tar.gz" };
    PathBuf::from(format!("transom-backup-{host}-{time}.{end}"))
}

/// Leaves word of the last backup in the data folder, for who watches over its age.
fn note(installation: &Installation, manifest: &Manifest, bytes: u64) {
    let path = installation.folder.last_backup();
    let noted = || {
        let folder = path.parent().context("it has a folder")?;
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&json!({ "made_at": manifest.made_at, "bytes": bytes }))?)?;
        file.persist(&path)?;
        anyhow::Ok(())
    };
    if let Err(error) = noted() {
        progress::warn(&format!("can't note the backup in {}: {error:#}", path.display()));
    }
}

fn told(manifest: &Manifest, out: &str, bytes: u64) -> String {
    let mut lines = vec![format!(
        "Wrote {} ({}): {}, {} before compression.",
        line(out),
        ByteSize(bytes),
        count(manifest.files.len(), "file"),
        ByteSize(manifest.bytes())
    )];
    if manifest.database == Database::Postgres {
        lines.push(
            "The database is not in it: back it up with pg_dump as well. Both belong together: the database can't be read \
             without the key in this file."
                .to_owned(),
        );
    }
    lines.extend(manifest.elsewhere.iter().map(|path| format!("Not in it, because it lies elsewhere: {}", line(path))));
    lines.push(format!("Try it: transom restore {} --check", line(out)));
    lines.join("\n")
}
