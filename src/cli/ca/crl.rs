//! `transom ca crl`: what was revoked, for whoever reads files.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{change::authority_id, save, text};
use crate::{
    cli::{Global, Installation, Output, input::duration, now, open_store, shown::count},
    model::{RevokedCertificate, Timestamp, rfc3339_text},
    pki::{
        AuthorityId, CertificateAuthority,
        crl::{self, Revoked},
    },
    store,
};

/// Print the revocation list of an authority
///
/// Transom itself asks its database, on every request. The list is for others who accept the certificates of devices, such
/// as a proxy or a VPN; write it where they fetch it, more often than it is valid.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Crl {
    /// The list of an earlier authority, by its id in `transom ca show`
    #[arg(long, value_name = "ID", value_parser = authority_id)]
    authority: Option<AuthorityId>,
    /// How long the list is good
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "7d")]
    valid: Duration,
    /// In DER instead of PEM
    #[arg(long, requires = "out")]
    der: bool,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  transom ca crl
  transom ca crl --der --out /srv/www/transom.crl
  transom ca crl --authority 1f2e3d4c --out earlier.pem";

impl Crl {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let installation = Installation::open(global.folder(), &[])?;
        let now = now();
        let issuing = installation.authority()?;
        let authority = match &self.authority {
            Some(id) if issuing.id()? != *id => {
                installation.authority_files().load_previous(id, installation.data_key())?
            }
            _ => issuing,
        };
        let revoked = revoked(&installation, &authority, now)?;
        let next = now.plus_millis(i64::try_from(self.valid.as_millis()).unwrap_or(i64::MAX));
        // Milliseconds only ever grow, and need no place where the last number is kept.
        let number = u64::try_from(now.0).context("the clock is before 1970")?;
        let list = crl::write(&authority, &revoked, number, now, next)?;
        if let Some(path) = &self.out {
            save(path, &if self.der { list.der()? } else { list.pem()? }, 0o644)?;
        }
        let id = authority.id()?;
        if output.is_json() {
            output.document(&json!({ "authority": id.as_str(), "crl": text(list.pem()?)?, "number": number,
                "revoked": revoked.len(), "next_update": rfc3339_text(next) }))
        } else if let Some(path) = &self.out {
            let revoked = count(revoked.len(), "revoked certificate");
            output.text(format!("Wrote the list of authority {id} with {revoked} to {}.", path.display()))
        } else {
            output.text(text(list.pem()?)?)
        }
    }
}

fn revoked(
    installation: &Installation,
    authority: &CertificateAuthority,
    now: Timestamp,
) -> anyhow::Result<Vec<Revoked>> {
    let id = authority.id()?;
    let store = open_store(installation)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("can't start")?;
    let read = store.read(move |tx: &mut store::Tx<'_>| tx.revoked_certificates(now));
    let all: Vec<RevokedCertificate> =
        runtime.block_on(read).map_err(|error: store::Error| anyhow::anyhow!("can't read the database: {error}"))?;
    Ok(all.iter().filter(|revoked| revoked.authority == id.as_str()).map(Revoked::from).collect())
}
