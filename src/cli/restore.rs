//! `transom restore`: an installation from a backup.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bytesize::ByteSize;
use clap::Args;
use serde_json::json;

use super::{
    Global, Installation, Output,
    backup::{
        manifest::{Database, Manifest},
        passphrase, read,
    },
    hinted,
    init::is_taken,
    now, open_store, progress,
    shown::{count, line},
};
use crate::{
    config::{DataFolder, DatabaseUrl},
    management::restored::{PutRight, put_right},
    store::DatabaseUrl as StoreUrl,
};

/// Make an installation from a backup, in a new data folder
///
/// Every hash is held against the backup's own description before anything is put in place, and an installation that is
/// there is never overwritten. Commands with an Exec that waited when the backup was made may have run since: they become
/// unknown and are not sent. Everybody signs in again. What happened after the backup is lost: docs/operations.md says
/// what that means for devices.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// File with its passphrase, where it is sealed
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Only read it and see whether it is whole
    #[arg(long)]
    check: bool,
    /// PostgreSQL: its database was restored as well, and what may have been sent since is to be put right in it
    #[arg(long, conflicts_with = "check")]
    database_restored: bool,
}

const EXAMPLES: &str = "Examples:
  transom restore transom-backup.tar.gz.sealed --check
  transom restore transom-backup.tar.gz --data /var/lib/transom
  transom restore FILE --data DIR --database-restored      after pg_restore";

/// What became of the database.
enum Restored {
    /// It came out of the backup, or was restored beside it, and goes on.
    Whole(PutRight),
    /// It is elsewhere, and was not touched.
    Elsewhere,
}

impl Restore {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        if self.check {
            return self.told_of_check(&self.read(None)?, output);
        }
        let data = std::path::absolute(&global.data).context("can't tell where the data folder is")?;
        if is_taken(&data)? {
            return Err(hinted(
                format!("{} exists already and is not empty", data.display()),
                "an installation is never overwritten; choose another folder with --data, or move that one away",
            ));
        }
        let parent = data.parent().unwrap_or(&data);
        fs::create_dir_all(parent).with_context(|| format!("can't create {}", parent.display()))?;
        let staging = tempfile::Builder::new()
            .prefix(".transom-restore-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .with_context(|| format!("can't write to {}", parent.display()))?;
        let manifest = self.read(Some(staging.path()))?;
        let installation = Installation::open(DataFolder::new(staging.path()), &[])?;
        installation.authorities().context("the certificate authority in the backup can't be used")?;
        if let Err(error) = installation.identity() {
            progress::warn(&format!("the server certificate can't be read yet: {error:#}"));
        }
        let restored = self.database(&installation, &manifest, staging.path())?;
        drop(installation);
        fs::rename(staging.path(), &data).map_err(|error| {
            hinted(
                format!("can't move the installation to {}: {error}", data.display()),
                "when it is a mounted volume, use a folder below it",
            )
        })?;
        // It is no longer where it was made, so there is nothing to clean up.
        let _ = staging.keep();
        File::open(parent).and_then(|parent| parent.sync_all()).context("can't write the data folder")?;
        told(&manifest, &restored, &data, global, output)
    }

    fn read(&self, into: Option<&Path>) -> anyhow::Result<Manifest> {
        let passphrase = || match passphrase::given(self.passphrase_file.as_deref())? {
            Some(given) => Ok(given),
            None => passphrase::asked("Passphrase of the backup: "),
        };
        read::read(&self.file, into, passphrase).with_context(|| format!("{} can't be restored", self.file.display()))
    }

    /// Puts the database where the settings say it is, and puts right in it what it can't know.
    fn database(&self, installation: &Installation, manifest: &Manifest, staging: &Path) -> anyhow::Result<Restored> {
        match (&installation.settings.database, &manifest.database) {
            (DatabaseUrl::Postgres(_), _) if !self.database_restored => return Ok(Restored::Elsewhere),
            (DatabaseUrl::Postgres(_), _) => {}
            (DatabaseUrl::Sqlite(_), Database::Postgres) => {
                return Err(hinted(
                    "the settings name an SQLite file, and the backup is of an installation with PostgreSQL",
                    "look whether TRANSOM_DATABASE is set",
                ));
            }
            (DatabaseUrl::Sqlite(file), Database::Sqlite { file: name, .. }) => {
                anyhow::ensure!(read::is_plain(name), "the backup names no database");
                let (from, to) = (staging.join(name), installation.folder.resolve(file));
                if from != to {
                    place(&from, &to)?;
                }
            }
        }
        let url: StoreUrl = installation.database_url().parse()?;
        let store = open_store(installation).with_context(|| format!("the database {url} can't be restored"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("can't start")?;
        let done = runtime.block_on(put_right(&store, Some(manifest.made_at.clone()), now()));
        Ok(Restored::Whole(done.context("can't put right what happened after the backup")?))
    }

    fn told_of_check(&self, manifest: &Manifest, output: &mut Output) -> anyhow::Result<()> {
        if output.is_json() {
            return output
                .document(&json!({ "file": self.file.display().to_string(), "whole": true, "backup": manifest }));
        }
        output.text(format!(
            "{} is whole: {} of {}, made {} by release {} for {}.",
            self.file.display(),
            count(manifest.files.len(), "file"),
            ByteSize(manifest.bytes()),
            line(&manifest.made_at),
            line(&manifest.version),
            line(&manifest.host)
        ))
    }
}

/// Moves the database to a place outside of the data folder where nothing is.
fn place(from: &Path, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        return Err(hinted(
            format!("there is a database already: {}", to.display()),
            "nothing is overwritten; move it away first",
        ));
    }
    let moved = || {
        let mut target =
            std::os::unix::fs::OpenOptionsExt::mode(File::options().write(true).create_new(true), 0o600).open(to)?;
        std::io::copy(&mut File::open(from)?, &mut target)?;
        target.sync_all()?;
        fs::remove_file(from)
    };
    moved().with_context(|| format!("can't write {}", to.display()))
}

fn told(
    manifest: &Manifest,
    restored: &Restored,
    data: &Path,
    global: &Global,
    output: &mut Output,
) -> anyhow::Result<()> {
    let next = format!("transom serve --data {}", global.data.display());
    let right = match restored {
        Restored::Whole(right) => Some(*right),
        Restored::Elsewhere => None,
    };
    if output.is_json() {
        return output.document(&json!({
            "data": data.display().to_string(), "host": manifest.host, "made_at": manifest.made_at,
            "version": manifest.version, "files": manifest.files.len(), "database_restored": right.is_some(),
            "commands_doubted": right.map(|right| right.doubted), "signed_out": right.map(|right| right.signed_out),
            "elsewhere": manifest.elsewhere, "diagnostics": manifest.diagnostics, "next": next,
        }));
    }
    let mut lines = vec![format!(
        "Restored the installation for {} from the backup of {} (release {}) into {}: {}.",
        line(&manifest.host),
        line(&manifest.made_at),
        line(&manifest.version),
        data.display(),
        count(manifest.files.len(), "file")
    )];
    match right {
        Some(PutRight { doubted: 0, .. }) => {}
        Some(PutRight { doubted, .. }) => lines.push(format!(
            "{} waited that may have run after the backup: unknown now, and not sent. \
             Look at them with: transom command list --state unknown",
            count(doubted, "command")
        )),
        None => lines.push(
            "The database is not in the backup. If it was restored as well, restore again with --database-restored, \
             so that nothing runs twice. If it is in use, this is one more instance on it."
                .to_owned(),
        ),
    }
    if !manifest.diagnostics {
        lines.push("Archives of diagnostics are not in the backup.".to_owned());
    }
    lines.extend(manifest.elsewhere.iter().map(|path| format!("Needed, and not in the backup: {}", line(path))));
    lines.push(
        "What was done after the backup is lost. Devices that were blocked, tokens that were taken back and operators \
         that were disabled since are as they were before: see to them before the server runs."
            .to_owned(),
    );
    lines.push(format!("\nNext: {next}"));
    output.text(lines.join("\n"))
}
