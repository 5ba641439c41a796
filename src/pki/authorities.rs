//! Which authorities are trusted: the one that issues, and those before it whose certificates devices still hold.
//!
//! All of it is files of the data folder. `ca.pem` and `ca.key` are the one that issues; `ca-previous-<id>.pem` and
//! `.key` are one before it, with a line above the certificate that says until when it is trusted. A running server
//! looks at the files whenever it needs an authority, so that a rotation needs no restart.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use openssl::{error::ErrorStack, x509::X509};
use transom_protocol::session::Timestamp;

use super::{
    AuthorityId, CertificateAuthority, DataKey, Description, Error, ServerIdentity, authority::read_chain,
    certificate::timestamp, crypto, files,
};
use crate::model::{parse_rfc3339, rfc3339_text};

const TRUSTED_UNTIL: &str = "Trusted until: ";

/// An authority whose certificates are taken.
#[derive(Debug, Clone)]
pub struct TrustedAuthority {
    certificate: X509,
    root: Option<X509>,
    until: Timestamp,
}

/// The authority that issues and those before it.
#[derive(Debug, Clone)]
pub struct Authorities {
    issuing: CertificateAuthority,
    /// The one that issues comes first.
    all: Vec<TrustedAuthority>,
}

impl TrustedAuthority {
    fn new(certificate: X509, root: Option<X509>, until: Option<Timestamp>) -> Result<Self, Error> {
        let ends = timestamp(certificate.not_after()).map_err(crypto("can't read a certificate"))?;
        Ok(Self { certificate, root, until: until.map_or(ends, |until| until.min(ends)) })
    }

    /// The certificate that issued.
    pub fn certificate(&self) -> &X509 {
        &self.certificate
    }

    /// The root that devices trust.
    pub fn root(&self) -> &X509 {
        self.root.as_ref().unwrap_or(&self.certificate)
    }

    /// A short name for it.
    pub fn id(&self) -> Result<AuthorityId, Error> {
        AuthorityId::of(&self.certificate)
    }

    /// What there is to know of the certificate that issued.
    pub fn description(&self) -> Result<Description, Error> {
        Description::of(&self.certificate)
    }

    /// What there is to know of the root that devices trust.
    pub fn root_description(&self) -> Result<Description, Error> {
        Description::of(self.root())
    }

    /// The root that devices trust, as PEM.
    pub fn root_pem(&self) -> Result<Vec<u8>, Error> {
        self.root().to_pem().map_err(crypto("can't write the certificate"))
    }

    /// Whether it signed the certificate that a server shows.
    pub fn has_issued(&self, server: &ServerIdentity) -> bool {
        let signed = server
            .leaf()
            .zip(self.certificate.public_key().ok())
            .is_some_and(|(leaf, key)| leaf.verify(&key).unwrap_or_default());
        drop(ErrorStack::get());
        signed
    }

    /// Until when its certificates are taken.
    pub const fn until(&self) -> Timestamp {
        self.until
    }
}

impl Authorities {
    /// One authority, and none before it.
    pub fn of(issuing: CertificateAuthority) -> Result<Self, Error> {
        Self::with_previous(issuing, Vec::new())
    }

    fn with_previous(issuing: CertificateAuthority, previous: Vec<TrustedAuthority>) -> Result<Self, Error> {
        let root = issuing.chain().nth(1).cloned();
        let first = TrustedAuthority::new(issuing.certificate().clone(), root, None)?;
        Ok(Self { issuing, all: std::iter::once(first).chain(previous).collect() })
    }

    /// The one that issues.
    pub const fn issuing(&self) -> &CertificateAuthority {
        &self.issuing
    }

    /// All of them, the one that issues first.
    pub fn all(&self) -> &[TrustedAuthority] {
        &self.all
    }

    /// Those whose certificates are taken at `now`, the one that issues first.
    pub fn trusted(&self, now: Timestamp) -> impl Iterator<Item = &TrustedAuthority> {
        self.all.iter().filter(move |authority| now < authority.until)
    }

    /// Those before the one that issues, the ones whose time is over included.
    pub fn previous(&self) -> &[TrustedAuthority] {
        self.all.get(1..).unwrap_or_default()
    }
}

/// Where the authorities of an installation are kept.
#[derive(Debug, Clone)]
pub struct AuthorityFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl AuthorityFiles {
    /// The files of the authority that issues; those of others lie beside them.
    pub const fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Self { certificate, key }
    }

    /// Writes the first authority of an installation.
    pub fn create(&self, authority: &CertificateAuthority, data_key: &DataKey) -> Result<(), Error> {
        files::write_public(&self.certificate, &authority.chain_pem()?)?;
        files::write_secret(&self.key, &authority.key_pem(data_key)?)
    }

    /// Reads all of them.
    pub fn load(&self, data_key: &DataKey) -> Result<Authorities, Error> {
        let mut previous = Vec::new();
        for path in self.previous_files()? {
            let (certificate, root) = read_chain(&path)?;
            previous.push(TrustedAuthority::new(certificate, root, trusted_until(&path)?)?);
        }
        previous.sort_by_key(|authority| std::cmp::Reverse(authority.until));
        Authorities::with_previous(self.load_issuing(data_key)?, previous)
    }

    /// One before the one that issues, with its key: it still answers for what it has issued.
    pub fn load_previous(&self, id: &AuthorityId, data_key: &DataKey) -> Result<CertificateAuthority, Error> {
        let path = self.previous(id, "pem");
        if path.exists() {
            CertificateAuthority::load(&path, &self.previous(id, "key"), data_key)
        } else {
            Err(Error::NoSuchAuthority(id.clone()))
        }
    }

    /// Puts another authority in the place of the one that issues, which stays trusted until a time.
    ///
    /// The old one is beside its place before the new one is in it, and the key gets there before the certificate;
    /// a crash in between leaves a state that [`load`](Self::load) understands.
    pub fn replace(&self, next: &CertificateAuthority, until: Timestamp, data_key: &DataKey) -> Result<(), Error> {
        let old = self.load_issuing(data_key)?;
        let id = old.id()?;
        let head = format!("{TRUSTED_UNTIL}{}\n", rfc3339_text(until));
        let kept = [head.as_bytes(), &old.chain_pem()?].concat();
        write_anew(&self.previous(&id, "key"), |path| files::write_secret(path, &old.key_pem(data_key)?))?;
        write_anew(&self.previous(&id, "pem"), |path| files::write_public(path, &kept))?;
        write_anew(&self.next("pem"), |path| files::write_public(path, &next.chain_pem()?))?;
        write_anew(&self.next("key"), |path| files::write_secret(path, &next.key_pem(data_key)?))?;
        rename(&self.next("key"), &self.key)?;
        rename(&self.next("pem"), &self.certificate)?;
        // One that comes back is not before itself.
        self.remove(&next.id()?)
    }

    /// Ends the trust in an earlier authority, and deletes its key.
    pub fn retire(&self, id: &AuthorityId) -> Result<(), Error> {
        if self.previous(id, "pem").exists() { self.remove(id) } else { Err(Error::NoSuchAuthority(id.clone())) }
    }

    fn remove(&self, id: &AuthorityId) -> Result<(), Error> {
        for suffix in ["pem", "key"] {
            let path = self.previous(id, suffix);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::File { doing: "remove", path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn load_issuing(&self, data_key: &DataKey) -> Result<CertificateAuthority, Error> {
        match CertificateAuthority::load(&self.certificate, &self.key, data_key) {
            // A rotation that was cut short after its key had moved.
            Err(Error::Mismatch { .. }) if self.next("pem").exists() => {
                CertificateAuthority::load(&self.next("pem"), &self.key, data_key)
            }
            loaded => loaded,
        }
    }

    fn previous_files(&self) -> Result<Vec<PathBuf>, Error> {
        let folder = self.folder();
        let failed = |source| Error::File { doing: "read", path: folder.to_owned(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let id =
                name.strip_prefix(&format!("{}-previous-", self.stem())).and_then(|rest| rest.strip_suffix(".pem"));
            if id.and_then(AuthorityId::parse).is_some() {
                found.push(path);
            }
        }
        Ok(found)
    }

    fn previous(&self, id: &AuthorityId, suffix: &str) -> PathBuf {
        self.folder().join(format!("{}-previous-{id}.{suffix}", self.stem()))
    }

    fn next(&self, suffix: &str) -> PathBuf {
        self.folder().join(format!("{}-next.{suffix}", self.stem()))
    }

    fn folder(&self) -> &Path {
        match self.certificate.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    fn stem(&self) -> &str {
        self.certificate.file_stem().and_then(|stem| stem.to_str()).unwrap_or("ca")
    }

    /// What changes when any of the files does: files are only ever made, renamed and removed.
    fn stamp(&self) -> Option<Stamp> {
        let (file, folder) = (fs::metadata(&self.certificate).ok()?, fs::metadata(self.folder()).ok()?);
        Some(Stamp { inode: file.ino(), file: file.modified().ok()?, folder: folder.modified().ok()? })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    file: SystemTime,
    folder: SystemTime,
}

/// Writes a file in the place of one that a rotation which was cut short may have left.
fn write_anew(path: &Path, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let _ = fs::remove_file(path);
    write(path)
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let rename = || {
        fs::rename(from, to)?;
        to.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    };
    rename().map_err(|source| Error::File { doing: "write", path: to.to_owned(), source })
}

/// The line above the certificate; without one it is trusted until it ends.
fn trusted_until(path: &Path) -> Result<Option<Timestamp>, Error> {
    let content = files::read_public(path)?;
    let text = String::from_utf8_lossy(&content);
    let Some(line) = text.lines().find_map(|line| line.strip_prefix(TRUSTED_UNTIL)) else { return Ok(None) };
    let wrong = || Error::Content { path: path.to_owned(), expected: "a time behind \"Trusted until:\"" };
    parse_rfc3339(line).map(Some).ok_or_else(wrong)
}

/// The authorities as they are on disk now.
#[derive(Debug)]
pub struct LiveAuthorities {
    source: Option<(AuthorityFiles, DataKey)>,
    loaded: RwLock<(Option<Stamp>, Arc<Authorities>)>,
}

impl LiveAuthorities {
    /// Reads them for the first time.
    pub fn open(files: AuthorityFiles, data_key: DataKey) -> Result<Self, Error> {
        let stamp = files.stamp();
        let loaded = (stamp, Arc::new(files.load(&data_key)?));
        Ok(Self { source: Some((files, data_key)), loaded: RwLock::new(loaded) })
    }

    /// Some that never change.
    pub fn fixed(authorities: Authorities) -> Self {
        Self { source: None, loaded: RwLock::new((None, Arc::new(authorities))) }
    }

    /// What they are now. Looks at the files, and reads them when they have changed; those that can't be read change
    /// nothing.
    pub fn current(&self) -> Arc<Authorities> {
        let (seen, authorities) = self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((files, data_key)) = &self.source else { return authorities };
        let stamp = files.stamp();
        if stamp.is_none() || stamp == seen {
            return authorities;
        }
        match files.load(data_key) {
            Ok(new) => {
                let new = Arc::new(new);
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = (stamp, Arc::clone(&new));
                new
            }
            Err(error) => {
                tracing::warn!(%error, "can't read the certificate authority again; the one from before stays");
                authorities
            }
        }
    }
}
