//! `transom init`.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use transom_protocol::session::Timestamp;

use super::{Global, Installation, Output, hinted, server_names};
use crate::{
    admin::SecretText,
    config::{self, DataFolder, DatabaseUrl, Host, Settings},
    pki::{AuthorityFiles, AuthorityKey, CertificateAuthority, DataKey, write_public, write_secret},
};

/// Make an installation: settings, keys, certificate authority, server certificate
///
/// Everything goes into a new data folder, or nothing is left behind. The server certificate comes from the
/// installation's own authority, so that it works at once with devices that trust that root; a public certificate
/// replaces it by the settings of the device door.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Init {
    /// Name or address under which devices reach this server
    #[arg(long, value_name = "NAME")]
    host: Host,
    #[arg(long, value_name = "URL", default_value = "sqlite:transom.db", help = DATABASE)]
    database: DatabaseUrl,
    /// Kind of the authority's key: p256, or rsa2048 where something on the way can't do the other
    #[arg(long, value_name = "KIND", default_value_t)]
    ca_key: AuthorityKey,
}

const DATABASE: &str = "sqlite:FILE, or postgres://USER:PASSWORD@SERVER/NAME";

const EXAMPLES: &str = "Examples:
  transom init --host mdm.example.com
  transom init --data /var/lib/transom --host mdm.example.com --database postgres://transom:secret@db/transom";

/// A file of a new installation.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    file: String,
    what: &'static str,
}

/// What a new installation has in its database.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    files: Vec<Made>,
    link: Option<SecretText>,
}

#[derive(Debug, Serialize)]
struct Report {
    data: PathBuf,
    host: String,
    database: String,
    files: Vec<Made>,
    /// Where the first operator comes in, once and within a day.
    link: Option<SecretText>,
    next: String,
}

impl Init {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let now = Timestamp(jiff::Timestamp::now().as_millisecond());
        let data = std::path::absolute(&global.data).context("can't tell where the data folder is")?;
        let (files, link) = make_with(&data, &self.host, &self.database, self.ca_key, now, prepare_store)?;
        let next = format!("transom serve --data {}", global.data.display());
        let report =
            Report { data, host: self.host.to_string(), database: self.database.to_string(), files, link, next };
        if output.is_json() { output.document(&report) } else { output.text(report.to_text()) }
    }
}

impl Report {
    fn to_text(&self) -> String {
        let mut lines = vec![format!("Made an installation for {} in {}", self.host, self.data.display())];
        lines.extend(self.files.iter().map(|made| format!("  {:<14}{}", made.file, made.what)));
        lines.push(format!("  {:<14}{}", "database", self.database));
        lines.push(format!("\nNext: {}", self.next));
        if let Some(link) = &self.link {
            lines.push(format!(
                "Then open this in a browser to make the first operator. It is good once, for a day:\n  {}",
                link.secret().expose()
            ));
        }
        lines.join("\n")
    }
}

/// Makes what lies in the database: its schema and the first token of the admin API.
pub(super) fn prepare_store(installation: &Installation) -> anyhow::Result<Prepared> {
    let (token, link) = super::instance::prepare(installation)?;
    let file = installation.folder.admin_token();
    write_secret(&file, format!("{}\n", token.expose()).as_bytes())?;
    Ok(Prepared {
        files: vec![Made {
            file: "admin.token".to_owned(),
            what: "token for the admin API, used by commands on this machine",
        }],
        link: Some(link),
    })
}

/// Makes the folder beside its place, and moves it there when all of it is there.
pub(super) fn make(
    data: &Path,
    host: &Host,
    database: &DatabaseUrl,
    now: Timestamp,
    prepare_store: impl FnOnce(&Installation) -> anyhow::Result<Prepared>,
) -> anyhow::Result<Vec<Made>> {
    make_with(data, host, database, AuthorityKey::default(), now, prepare_store).map(|(files, _)| files)
}

fn make_with(
    data: &Path,
    host: &Host,
    database: &DatabaseUrl,
    ca_key: AuthorityKey,
    now: Timestamp,
    prepare_store: impl FnOnce(&Installation) -> anyhow::Result<Prepared>,
) -> anyhow::Result<(Vec<Made>, Option<SecretText>)> {
    if is_taken(data)? {
        return Err(hinted(
            format!("{} exists already and is not empty", data.display()),
            "an installation is never overwritten; choose another folder with --data",
        ));
    }
    let parent = data.parent().unwrap_or(data);
    fs::create_dir_all(parent).with_context(|| format!("can't create {}", parent.display()))?;
    let staging = tempfile::Builder::new()
        .prefix(".transom-init-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .with_context(|| format!("can't write to {}", parent.display()))?;
    let folder = DataFolder::new(staging.path());
    let made = furnish(&folder, host, database, ca_key, now, prepare_store)?;
    File::open(staging.path()).and_then(|folder| folder.sync_all()).context("can't write the data folder")?;
    fs::rename(staging.path(), data).map_err(|error| {
        hinted(
            format!("can't move the new installation to {}: {error}", data.display()),
            "when it is a mounted volume, use a folder below it",
        )
    })?;
    // It is no longer where it was made, so there is nothing to clean up.
    let _ = staging.keep();
    // The move itself is on disk when the parent is.
    File::open(parent).and_then(|parent| parent.sync_all()).context("can't write the data folder")?;
    Ok(made)
}

fn furnish(
    folder: &DataFolder,
    host: &Host,
    database: &DatabaseUrl,
    ca_key: AuthorityKey,
    now: Timestamp,
    prepare_store: impl FnOnce(&Installation) -> anyhow::Result<Prepared>,
) -> anyhow::Result<(Vec<Made>, Option<SecretText>)> {
    let settings = Settings { host: host.clone(), database: database.clone(), ..Settings::default() };
    let key = DataKey::generate()?;
    let authority = CertificateAuthority::create_with(ca_key, &authority_name(host), now)?;
    let server = authority.issue_server(&server_names(host), now)?;
    // The settings may hold the password of the database.
    write_secret(&folder.settings(), config::initial_file(host, database).as_bytes())?;
    key.save(&folder.key())?;
    AuthorityFiles::new(folder.authority(), folder.authority_key()).create(&authority, &key)?;
    write_public(&folder.resolve(&settings.device_door.certificate), &server.chain_pem()?)?;
    write_secret(&folder.resolve(&settings.device_door.key), &server.key_pem()?)?;
    let made = |file: &str, what| Made { file: file.to_owned(), what };
    let mut files = vec![
        made("transom.toml", "settings"),
        made("transom.key", "key for everything that is encrypted here; keep a copy elsewhere"),
        made("ca.pem", "root certificate, for devices to trust"),
        made("ca.key", "its private key, encrypted"),
        made("server.pem", "server certificate, valid for 397 days"),
        made("server.key", "its private key"),
    ];
    let prepared = prepare_store(&Installation::new(folder.clone(), settings, key))?;
    files.extend(prepared.files);
    Ok((files, prepared.link))
}

/// What the authority of a host is called.
pub(super) fn authority_name(host: &Host) -> String {
    format!("Transom CA for {host}")
}

/// Whether there is something at the place of a new data folder.
pub(super) fn is_taken(data: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(data) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(true),
        Err(error) => Err(error).with_context(|| format!("can't read {}", data.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn make_at(data: &Path) -> anyhow::Result<Vec<Made>> {
        make(data, &"mdm.example.test".parse().unwrap(), &DatabaseUrl::default(), NOW, |_| Ok(Prepared::default()))
    }

    #[test]
    fn what_init_made_can_be_opened() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("deep/data");
        make_at(&data).unwrap();
        let installation = Installation::open(DataFolder::new(&data), &[]).unwrap();
        assert_eq!(installation.settings.host.to_string(), "mdm.example.test");
        assert_eq!(installation.database_url(), format!("sqlite:{}", data.join("transom.db").display()));
        installation.identity().unwrap();
        installation.authority().unwrap();
        assert!(installation.admin_identity().unwrap().is_none());
    }

    #[test]
    fn keys_and_settings_are_for_their_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        make_at(&data).unwrap();
        let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        for secret in ["transom.toml", "transom.key", "ca.key", "server.key"] {
            assert_eq!(mode(secret), 0o600, "{secret}");
        }
        assert_eq!(mode("."), 0o700);
    }

    #[test]
    fn an_installation_is_never_overwritten() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        make_at(&data).unwrap();
        let key = fs::read(data.join("transom.key")).unwrap();
        let error = make_at(&data).unwrap_err();
        assert!(error.to_string().ends_with("exists already and is not empty"), "{error}");
        assert_eq!(fs::read(data.join("transom.key")).unwrap(), key);
        let empty = place.path().join("empty");
        fs::create_dir(&empty).unwrap();
        make_at(&empty).unwrap();
        assert!(empty.join("transom.toml").exists());
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let failing = |installation: &Installation| {
            assert!(installation.folder.key().exists());
            Err(anyhow::anyhow!("the database is not there"))
        };
        let made = make(&data, &Host::default(), &DatabaseUrl::default(), NOW, failing);
        assert_eq!(made.unwrap_err().to_string(), "the database is not there");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_printed_shows_no_password() {
        let report = Report {
            data: "/data".into(),
            host: "localhost".into(),
            database: "postgres://transom:hunter2@db/mdm".parse::<DatabaseUrl>().unwrap().to_string(),
            files: Vec::new(),
            link: None,
            next: String::new(),
        };
        assert!(!report.to_text().contains("hunter2"));
        assert!(!serde_json::to_string(&report).unwrap().contains("hunter2"));
    }
}
