//! `transom ca import`: an issuing authority that a company has already.

use std::{
    io::{IsTerminal as _, stdin},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use zeroize::Zeroizing;

use super::change::take_over;
use crate::{
    cli::{Global, Installation, Output, input::duration, now},
    model::{Secret, Timestamp},
    pki::{CertificateAuthority, ImportRefused},
};

/// Variable with the passphrase of the key.
const PASSPHRASE: &str = "TRANSOM_CA_PASSPHRASE";

/// Issue with an authority that exists already; the one before it stays trusted for a while
///
/// Takes PEM (certificates, and the key in the same file or in another) or PKCS#12. The authority may be a root, or one
/// directly below a root; the root must be there too. It is tried out before anything changes. The key is kept encrypted
/// in the data folder.
///
/// A passphrase is read from `--passphrase-file` or `TRANSOM_CA_PASSPHRASE`, or asked for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Import {
    /// File with the certificate: PEM or PKCS#12
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// File with the private key in PEM, when it is another
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File with the certificates above it in PEM, when it is another
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
    /// File with the passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// How long certificates of the old authority are taken
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "400d")]
    overlap: Duration,
}

const EXAMPLES: &str = "Examples:
  transom ca import issuing.pem --key issuing.key --chain root.pem
  transom ca import issuing.pfx --passphrase-file passphrase";

impl Import {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let installation = Installation::open(global.folder(), &[])?;
        let source = Source {
            file: content(&self.file)?,
            key: self.key.as_deref().map(content).transpose()?,
            chain: self.chain.as_deref().map(content).transpose()?.unwrap_or_default(),
        };
        let now = now();
        let given = given_passphrase(self.passphrase_file.as_deref())?;
        let next = match source.open(given.as_ref(), now) {
            Err(ImportRefused::Passphrase | ImportRefused::Pkcs12) if given.is_none() && stdin().is_terminal() => {
                let asked = rpassword::prompt_password("Passphrase: ").context("can't ask for the passphrase")?;
                source.open(Some(&Secret::new(asked)), now)
            }
            opened => opened,
        }
        .with_context(|| format!("the authority in {} can't be used", self.file.display()))?;
        take_over(&installation, &next, self.overlap, now, output)
    }
}

/// What the files hold.
struct Source {
    file: Zeroizing<Vec<u8>>,
    key: Option<Zeroizing<Vec<u8>>>,
    chain: Zeroizing<Vec<u8>>,
}

impl Source {
    fn open(&self, passphrase: Option<&Secret<String>>, now: Timestamp) -> Result<CertificateAuthority, ImportRefused> {
        let is_pem = self.file.windows(10).any(|window| window == b"-----BEGIN");
        if is_pem || self.key.is_some() {
            let key = self.key.as_ref().unwrap_or(&self.file);
            CertificateAuthority::import_pem(&self.file, key, passphrase, &self.chain, now)
        } else {
            CertificateAuthority::import_pkcs12(&self.file, passphrase, &self.chain, now)
        }
    }
}

fn content(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    std::fs::read(path).map(Zeroizing::new).with_context(|| format!("can't read {}", path.display()))
}

/// The passphrase in a file or in the environment; never one from the command line, which everybody on the machine sees.
fn given_passphrase(file: Option<&Path>) -> anyhow::Result<Option<Secret<String>>> {
    let Some(file) = file else { return Ok(std::env::var(PASSPHRASE).ok().map(Secret::new)) };
    let text = Zeroizing::new(std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?);
    Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}
