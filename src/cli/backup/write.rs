//! Writing a backup: a tar of what the data folder holds, compressed, sealed where a passphrase is given.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use anyhow::Context as _;
use bytesize::ByteSize;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::manifest::{self, Database, Entry, Manifest};
use crate::{
    cli::{Installation, hinted, progress::Progress},
    config::DatabaseUrl,
    model::{Secret, hex},
    pki::passphrase::SealingWriter,
    store::{self, snapshot},
};

/// What is said of progress, it is said so often.
const SAID_EVERY: Duration = Duration::from_millis(200);

/// A file that goes into the backup.
struct Source {
    path: PathBuf,
    name: String,
}

/// Where the bytes go.
enum Target {
    Plain(BufWriter<NamedTempFile>),
    Sealed(SealingWriter<BufWriter<NamedTempFile>>),
}

/// Writes a backup beside its place and moves it there when it is whole. Never overwrites.
pub(super) fn write(
    installation: &Installation,
    out: &Path,
    with_diagnostics: bool,
    passphrase: Option<&Secret<String>>,
    made_at: String,
) -> anyhow::Result<(Manifest, u64)> {
    if out.exists() {
        return Err(hinted(format!("{} exists already", out.display()), "choose another file with --out"));
    }
    let beside = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cant = || format!("can't write to {}", beside.display());
    // Nobody changes the authorities while they are read.
    let _lock = installation.lock_authorities()?;
    let mut progress = Progress::new();
    // A folder that only its owner may enter, for a copy of the database that SQLite makes readable as it likes.
    let private = tempfile::Builder::new()
        .prefix(".transom-backup-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(beside)
        .with_context(cant)?;
    let (database, copy) = copied(installation, private.path(), &mut progress)?;
    let mut manifest = Manifest::new(made_at, installation.settings.host.to_string(), database);
    manifest.diagnostics = with_diagnostics;
    manifest.elsewhere = elsewhere(installation);
    let sources = sources(installation, with_diagnostics)?;

    let file = NamedTempFile::new_in(private.path()).with_context(cant)?;
    let target = match passphrase {
        Some(passphrase) => Target::Sealed(SealingWriter::new(BufWriter::new(file), passphrase)?),
        None => Target::Plain(BufWriter::new(file)),
    };
    let mut archive = tar::Builder::new(GzEncoder::new(target, Compression::fast()));
    for source in copy.into_iter().chain(sources) {
        let entry = append(&mut archive, &source, &mut progress)
            .with_context(|| format!("can't put {} into the backup", source.path.display()))?;
        manifest.files.push(entry);
    }
    let text = serde_json::to_vec_pretty(&manifest)?;
    archive.append_data(&mut header(text.len() as u64, 0o600), manifest::NAME, text.as_slice()).with_context(cant)?;
    let finish = || {
        let file = archive.into_inner()?.finish()?.finish()?;
        file.as_file().sync_all()?;
        let bytes = file.as_file().metadata()?.len();
        file.persist_noclobber(out).map_err(|error| error.error)?;
        File::open(beside)?.sync_all()?;
        Ok::<_, io::Error>(bytes)
    };
    let bytes = finish().with_context(|| format!("can't write {}", out.display()))?;
    Ok((manifest, bytes))
}

/// A copy of the database as it is now, where it is a file of ours.
fn copied(
    installation: &Installation,
    private: &Path,
    progress: &mut Progress,
) -> anyhow::Result<(Database, Option<Source>)> {
    let DatabaseUrl::Sqlite(file) = &installation.settings.database else { return Ok((Database::Postgres, None)) };
    let from = installation.folder.resolve(file);
    let within = from.strip_prefix(installation.folder.path()).ok().and_then(Path::to_str);
    let name = within.unwrap_or("transom.db").to_owned();
    let copy = private.join("database");
    let expected = AtomicU64::new(0);
    let made = std::thread::scope(|scope| {
        let (ended, has_ended) = mpsc::channel::<()>();
        let copying = scope.spawn({
            let (from, copy, expected) = (&from, &copy, &expected);
            move || {
                // Dropped when the copy is made or can't be.
                let _ended = ended;
                snapshot(from, copy, |bytes| expected.store(bytes, Ordering::Relaxed))
            }
        });
        while has_ended.recv_timeout(SAID_EVERY) == Err(RecvTimeoutError::Timeout) {
            let so_far = fs::metadata(&copy).map_or(0, |copy| copy.len());
            let all = expected.load(Ordering::Relaxed).max(so_far);
            progress.say(&format!("copying the database: {} of {}", ByteSize(so_far), ByteSize(all)));
        }
        copying.join().unwrap_or(Err(store::Error::Panicked))
    });
    let made = made.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        anyhow::anyhow!("can't copy the database {}: {error}{cause}", from.display())
    })?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).context("can't copy the database")?;
    let database = Database::Sqlite { file: name.clone(), migrations: made.migrations };
    Ok((database, Some(Source { path: copy, name })))
}

/// Every file of the data folder but the database, what a running server leaves there, and archives unless wanted.
fn sources(installation: &Installation, with_diagnostics: bool) -> anyhow::Result<Vec<Source>> {
    let folder = &installation.folder;
    let mut left_out = vec![folder.path().join("run")];
    if !with_diagnostics {
        left_out.push(folder.resolve(&installation.settings.diagnostics.folder));
    }
    if let DatabaseUrl::Sqlite(file) = &installation.settings.database {
        let file = folder.resolve(file);
        let beside = |end: &str| PathBuf::from(format!("{}{end}", file.display()));
        left_out.extend(["", "-wal", "-shm", "-journal"].map(beside));
    }
    let mut found = Vec::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(inside) = folders.pop() {
        let cant = || format!("can't read {}", inside.display());
        for entry in fs::read_dir(&inside).with_context(cant)? {
            let path = entry.with_context(cant)?.path();
            if left_out.contains(&path) {
                continue;
            }
            // A link to a file is a file here; a link to a folder could lead anywhere.
            if path.is_dir() {
                if !path.is_symlink() {
                    folders.push(path);
                }
            } else if path.is_file() {
                let name = path.strip_prefix(folder.path()).ok().and_then(Path::to_str);
                let name = name.with_context(|| format!("the name of {} is not UTF-8", path.display()))?.to_owned();
                found.push(Source { path, name });
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Files that the settings name outside of the data folder.
fn elsewhere(installation: &Installation) -> Vec<String> {
    let settings = &installation.settings;
    let named = [
        &settings.device_door.certificate,
        &settings.device_door.key,
        &settings.admin_door.certificate,
        &settings.admin_door.key,
        &settings.push.roots,
        &settings.webhooks.roots,
        &settings.push.client_secret_file,
        &settings.openid.client_secret_file,
        &settings.openid.ca,
        &settings.entra.ca,
        &settings.entra.terms,
        &settings.certificate_sign_in.issuers,
    ];
    let folder = &installation.folder;
    let named = named.into_iter().filter(|path| !path.as_os_str().is_empty()).map(|path| folder.resolve(path));
    let outside = named.filter(|path| !path.starts_with(folder.path()));
    outside.map(|path| path.display().to_string()).collect()
}

/// Puts a file into the archive; gives its hash.
fn append(
    archive: &mut tar::Builder<GzEncoder<Target>>,
    source: &Source,
    progress: &mut Progress,
) -> io::Result<Entry> {
    let file = File::open(&source.path)?;
    let about = file.metadata()?;
    let mut reader =
        Hashing { from: file.take(about.len()), hash: Sha256::new(), bytes: 0, progress, name: &source.name };
    archive.append_data(&mut header(about.len(), about.permissions().mode() & 0o777), &source.name, &mut reader)?;
    if reader.bytes != about.len() {
        return Err(io::Error::other("it became shorter while it was read; try again"));
    }
    Ok(Entry { name: source.name.clone(), bytes: reader.bytes, sha256: hex(&reader.hash.finalize()) })
}

fn header(bytes: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(mode);
    header.set_mtime(0);
    header
}

/// Reads, and knows what was read.
struct Hashing<'a, R> {
    from: R,
    hash: Sha256,
    bytes: u64,
    progress: &'a mut Progress,
    name: &'a str,
}

/// Progress is said each time so many bytes more were read.
const SAID_EACH: u64 = 8 << 20;

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.hash.update(into.get(..count).unwrap_or_default());
        let before = self.bytes / SAID_EACH;
        self.bytes += count as u64;
        if self.bytes / SAID_EACH > before {
            self.progress.say(&format!("writing {}: {}", self.name, ByteSize(self.bytes)));
        }
        Ok(count)
    }
}

impl Target {
    fn finish(self) -> io::Result<NamedTempFile> {
        let buffered = match self {
            Self::Plain(file) => file,
            Self::Sealed(file) => file.finish()?,
        };
        buffered.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Sealed(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Sealed(file) => file.flush(),
        }
    }
}
