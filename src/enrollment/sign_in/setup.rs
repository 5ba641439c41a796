//! From settings to ways of signing in. Nothing is asked of the network here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Inner, SignIns, certificate::Certificates, entra::Entra, openid::OpenId};
use crate::{
    config::{DataFolder, Settings},
    pki::{self, DataKey, Sealer},
    store::Store,
};

/// Why the settings make no way of signing in.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A value can't be used.
    #[error("{key}: {message}")]
    Setting {
        /// Section and key.
        key: &'static str,
        /// What is wrong with it.
        message: &'static str,
    },
    /// A file could not be read.
    #[error("can't read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A file holds something else than it should.
    #[error("{} does not hold {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The client for other servers could not be made.
    #[error("can't set up TLS towards others")]
    Client(#[source] Arc<reqwest::Error>),
    /// A secret could not be read, or no key derived.
    #[error(transparent)]
    Pki(Arc<pki::Error>),
}

impl SignIns {
    /// What the settings configure.
    pub fn new(settings: &Settings, folder: &DataFolder, key: &DataKey, store: Store) -> Result<Self, SetupError> {
        let sealer = Arc::new(Sealer::new(key)?);
        let openid = settings.openid.is_configured().then(|| OpenId::new(settings, folder, sealer.clone(), store));
        let entra = settings.entra.is_configured().then(|| Entra::new(&settings.entra, folder, sealer));
        let certificates = &settings.certificate_sign_in;
        let certificates = certificates.is_configured().then(|| Certificates::new(certificates, folder).map(Arc::new));
        let (openid, entra, certificates) = (openid.transpose()?, entra.transpose()?, certificates.transpose()?);
        Ok(Self(Arc::new(Inner { openid, entra, certificates })))
    }
}

impl SetupError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Pki(error) => error.hint(),
            Self::Setting { .. } => Some("docs/enrollment-sign-in.md shows settings that work".to_owned()),
            Self::File { .. } | Self::Content { .. } | Self::Client(_) => None,
        }
    }
}

impl From<pki::Error> for SetupError {
    fn from(error: pki::Error) -> Self {
        Self::Pki(Arc::new(error))
    }
}

/// A path of the settings, when there is one.
pub(super) fn file(folder: &DataFolder, path: &Path) -> Option<PathBuf> {
    (!path.as_os_str().is_empty()).then(|| folder.resolve(path))
}
