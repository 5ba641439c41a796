//! What lies where in the data folder.

use std::path::{Path, PathBuf};

/// The data folder of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder at a path, whether it exists or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path from the settings: relative ones start here.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.0.join(path)
    }

    /// The settings file.
    pub fn settings(&self) -> PathBuf {
        self.0.join("transom.toml")
    }

    /// The key under which every other secret is encrypted.
    pub fn key(&self) -> PathBuf {
        self.0.join("transom.key")
    }

    /// The certificate of the installation's own authority.
    pub fn authority(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// The authority's private key, encrypted.
    pub fn authority_key(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    /// The bearer token that `transom init` made.
    pub fn admin_token(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// Where a running server writes down under which addresses it listens.
    pub fn addresses(&self) -> PathBuf {
        self.0.join("run").join("addresses.json")
    }

    /// When the last backup was made.
    pub fn last_backup(&self) -> PathBuf {
        self.0.join("run").join("backup.json")
    }

    /// Held by whoever changes the authorities.
    pub fn authority_lock(&self) -> PathBuf {
        self.0.join("run").join("ca.lock")
    }

    /// Held by a running server that must be the only one on its database.
    pub fn lock(&self) -> PathBuf {
        self.0.join("run").join("lock")
    }
}
