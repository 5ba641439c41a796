//! `transom ca export`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{save, text};
use crate::cli::{Global, Installation, Output, now};

/// Print the root certificate
///
/// Devices must trust it before they enroll, unless the server certificate comes from a public authority. Group policy
/// takes either form under "Trusted Root Certification Authorities"; an MSI usually wants DER.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Export {
    /// The roots of earlier authorities that are still trusted as well
    #[arg(long, conflicts_with = "der")]
    all: bool,
    /// In DER instead of PEM
    #[arg(long, requires = "out")]
    der: bool,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  transom ca export > root.pem
  transom ca export --der --out root.cer
  certutil -addstore Root root.cer         on a Windows device, as administrator";

impl Export {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let authorities = Installation::open(global.folder(), &[])?.authorities()?.current();
        let root = authorities.issuing().root()?;
        let mut pem = authorities.issuing().certificate_pem()?;
        if self.all {
            for earlier in authorities.trusted(now()).skip(1) {
                pem.extend(earlier.root_pem()?);
            }
        }
        if let Some(path) = &self.out {
            save(path, if self.der { &root.der } else { &pem }, 0o644)?;
        }
        if output.is_json() {
            output.document(&json!({ "certificate": text(pem)?, "thumbprint": root.thumbprint }))
        } else if let Some(path) = &self.out {
            output.text(format!("Wrote the root certificate {} to {}.", root.thumbprint, path.display()))
        } else {
            output.text(text(pem)?)
        }
    }
}
