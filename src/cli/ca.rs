//! `transom ca`.

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Global, Installation, Output};

/// The certificate authority of this installation
#[derive(Debug, Args)]
pub(super) struct Ca {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the root certificate as PEM
    ///
    /// Devices must trust it before they enroll, unless the server certificate comes from a public authority.
    #[command(after_help = "Examples:
  transom ca export > root.pem
  certutil -addstore Root root.pem         on a Windows device, as administrator")]
    Export,
}

impl Ca {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Export => {
                let authority = Installation::open(global.folder(), &[])?.authority()?;
                let pem = String::from_utf8(authority.certificate_pem()?).context("PEM is text")?;
                if output.is_json() {
                    output.document(&serde_json::json!({ "certificate": pem }))
                } else {
                    output.text(pem)
                }
            }
        }
    }
}
