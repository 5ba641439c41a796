//! A public certificate: the capability with what it works with, and what a look from outside says of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::{Installation, hinted, instance::now};
use crate::{
    acme::{Acme, LOOKS_EVERY, Options},
    config::{AcmeKey, DatabaseUrl, Host},
    model::Edge,
    pki::{AuthorityKey, public::PublicCertificate},
    store::Store,
};

/// The capability, where it is configured.
pub(super) fn acme(
    installation: &Installation,
    store: &Store,
    public: &Arc<PublicCertificate>,
) -> anyhow::Result<Option<Acme>> {
    let settings = &installation.settings.acme;
    if !settings.is_configured() {
        return Ok(None);
    }
    let names = match (&installation.settings.host, settings.names.is_empty()) {
        (_, false) => settings.names.clone(),
        (Host::Name(name), true) => vec![name.to_ascii_lowercase()],
        (Host::Address(address), true) => {
            return Err(hinted(
                format!("no certificate can be ordered for the address {address} (acme.directory)"),
                "set host to a name, or name some in acme.names",
            ));
        }
    };
    let shares = matches!(installation.settings.database, DatabaseUrl::Postgres(_));
    let options = Options {
        directory: settings.directory.clone(),
        contacts: settings.contacts.clone(),
        names,
        key: match settings.key {
            AcmeKey::P256 => AuthorityKey::P256,
            AcmeKey::Rsa2048 => AuthorityKey::Rsa2048,
        },
        roots: roots(installation)?,
        timeout: settings.timeout,
        order_timeout: settings.order_timeout,
        // Twice, so that also one that is busy has looked.
        spread: if shares { LOOKS_EVERY * 2 } else { Duration::ZERO },
    };
    let edge = Edge { now: Arc::new(now), jitter: Arc::new(rand::random::<u16>) };
    Ok(Some(Acme::new(store.clone(), options, Arc::clone(public), edge)?))
}

fn roots(installation: &Installation) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let settings = &installation.settings.acme;
    if settings.roots.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let path = installation.folder.resolve(&settings.roots);
    let pem = std::fs::read(&path).with_context(|| format!("can't read {} (acme.roots)", path.display()))?;
    reqwest::Certificate::from_pem_bundle(&pem).with_context(|| format!("{} is no PEM (acme.roots)", path.display()))
}
