//! `transom ca`: the authorities of this installation. All of it works on the data folder; a running server sees what
//! changed by itself.

mod change;
mod crl;
mod export;
mod import;
mod server;
mod show;

use std::{fs::Permissions, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Global, Output};

/// The certificate authority of this installation
#[derive(Debug, Args)]
pub(super) struct Ca {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Export(export::Export),
    Show(show::Show),
    Rotate(change::Rotate),
    Import(import::Import),
    Retire(change::Retire),
    Crl(crl::Crl),
    Server(server::Server),
}

impl Ca {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Export(verb) => verb.run(global, output),
            Verb::Show(verb) => verb.run(global, output),
            Verb::Rotate(verb) => verb.run(global, output),
            Verb::Import(verb) => verb.run(global, output),
            Verb::Retire(verb) => verb.run(global, output),
            Verb::Crl(verb) => verb.run(global, output),
            Verb::Server(verb) => verb.run(global, output),
        }
    }
}

/// Writes a file in one step, so that whoever reads it meanwhile gets the old one or the new one.
fn save(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        // What the mask of the process took away.
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().with_context(|| format!("can't write {}", path.display()))
}

/// PEM is text.
fn text(pem: Vec<u8>) -> anyhow::Result<String> {
    String::from_utf8(pem).context("PEM is text")
}
