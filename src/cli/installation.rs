//! An installation on this machine: its folder, its settings, its keys.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::hinted;
use crate::{
    config::{self, DataFolder, DatabaseUrl, Host, Settings},
    enrollment::sign_in::{RelyingParty, SignIns},
    pki::{AuthorityFiles, CertificateAuthority, DataKey, LiveAuthorities, Purpose, ServerIdentity, ServerNames},
    store::Store,
};

/// An installation, opened.
#[derive(Debug)]
pub struct Installation {
    /// Where it lies.
    pub folder: DataFolder,
    /// Its settings, environment and flags included.
    pub settings: Settings,
    /// Where those came from that somebody has set.
    pub origins: Vec<(String, config::Origin)>,
    key: DataKey,
}

impl Installation {
    /// Opens an installation; flags are pairs of a dotted key and a value.
    pub fn open(folder: DataFolder, flags: &[(&str, String)]) -> anyhow::Result<Self> {
        if !folder.path().is_dir() {
            return Err(hinted(
                format!("there is no data folder {}", folder.path().display()),
                "make one with: transom init --data DIR --host NAME",
            ));
        }
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            value.into_string().ok().map(|value| (name, value))
        });
        let (settings, origins) = config::load_with_origins(&folder, environment, flags)?;
        let key = DataKey::load(&folder.key())?;
        Ok(Self { folder, settings, origins, key })
    }

    /// From its parts, before there is a file of any.
    pub(super) fn new(folder: DataFolder, settings: Settings, key: DataKey) -> Self {
        Self { folder, settings, origins: Vec::new(), key }
    }

    /// The URL that the store opens.
    pub fn database_url(&self) -> String {
        self.settings.database.resolve(&self.folder)
    }

    /// The key under which the store encrypts secrets.
    pub fn seal_key(&self) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        Ok(self.key.derive(Purpose::StoreSeal)?)
    }

    /// The certificate authority that issues.
    pub fn authority(&self) -> anyhow::Result<CertificateAuthority> {
        Ok(self.authority_files().load(&self.key)?.issuing().clone())
    }

    /// All authorities that are trusted, for a server that goes on while they change.
    pub fn authorities(&self) -> anyhow::Result<LiveAuthorities> {
        Ok(LiveAuthorities::open(self.authority_files(), self.key.clone())?)
    }

    /// Where they are kept.
    pub(super) fn authority_files(&self) -> AuthorityFiles {
        AuthorityFiles::new(self.folder.authority(), self.folder.authority_key())
    }

    /// The key under which their private keys are encrypted.
    pub(super) const fn data_key(&self) -> &DataKey {
        &self.key
    }

    /// What the device door shows.
    pub fn identity(&self) -> anyhow::Result<ServerIdentity> {
        let door = &self.settings.device_door;
        self.load_identity(&door.certificate, &door.key)
    }

    /// What the admin door shows, where it speaks TLS.
    pub fn admin_identity(&self) -> anyhow::Result<Option<ServerIdentity>> {
        let door = &self.settings.admin_door;
        door.has_tls().then(|| self.load_identity(&door.certificate, &door.key)).transpose()
    }

    /// The ways to sign in elsewhere that are configured.
    pub fn sign_ins(&self, store: Store) -> anyhow::Result<SignIns> {
        Ok(SignIns::new(&self.settings, &self.folder, &self.key, store)?)
    }

    /// The provider where operators sign in, where one is configured.
    pub fn operator_sign_in(&self) -> anyhow::Result<Option<RelyingParty>> {
        let (people, openid) = (&self.settings.people, &self.settings.people_openid);
        Ok(RelyingParty::for_operators(openid, &people.address, &self.folder, &self.key)?)
    }

    /// Makes sure that no other server uses the same `SQLite` file, until the result is dropped. Several servers share a
    /// PostgreSQL database by design.
    pub fn lock(&self) -> anyhow::Result<Option<File>> {
        if matches!(self.settings.database, DatabaseUrl::Postgres(_)) {
            return Ok(None);
        }
        let path = self.folder.lock();
        let opened = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            File::options().create(true).truncate(false).write(true).open(&path)
        };
        let file = opened().with_context(|| format!("can't write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(std::fs::TryLockError::WouldBlock) => Err(hinted(
                format!("another server runs on {}", self.folder.path().display()),
                "stop it first; several servers can share a PostgreSQL database, but not an SQLite file",
            )),
            Err(std::fs::TryLockError::Error(error)) => Err(error).context("can't lock the data folder"),
        }
    }

    /// Makes sure that nobody else changes the authorities, until the result is dropped.
    pub(super) fn lock_authorities(&self) -> anyhow::Result<File> {
        let path = self.folder.authority_lock();
        let open = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock().map(|()| file)
        };
        open().with_context(|| format!("can't write {}", path.display()))
    }

    fn load_identity(&self, certificate: &Path, key: &Path) -> anyhow::Result<ServerIdentity> {
        Ok(ServerIdentity::load(&self.folder.resolve(certificate), &self.folder.resolve(key))?)
    }
}

/// What a server of this host is called; `localhost` has its addresses as well.
pub fn server_names(host: &Host) -> ServerNames {
    match host {
        Host::Name(name) => {
            let addresses: Vec<IpAddr> = match name.as_str() {
                "localhost" => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
                _ => Vec::new(),
            };
            ServerNames { dns: vec![name.clone()], addresses }
        }
        Host::Address(address) => ServerNames { dns: Vec::new(), addresses: vec![*address] },
    }
}
