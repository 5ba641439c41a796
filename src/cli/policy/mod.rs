//! `transom policy`: what authors want of devices.

mod about;
mod check;
mod files;
mod import;
mod plan;
mod verify;

use clap::{Args, Subcommand};

use super::{Global, Output};

/// Policies: what is wanted of devices, written as declarations
///
/// A declaration is a document in a YAML or JSON file: a configuration (settings with their values), an asset that
/// settings refer to, an activation (which devices get which configurations), or management. The page on policies in the
/// documentation has them all.
#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Import(import::Import),
    Plan(plan::Plan),
    Verify(verify::Verify),
}

impl Policy {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Check(verb) => verb.run(output),
            Verb::Import(verb) => verb.run(output),
            Verb::Plan(verb) => verb.run(global, output),
            Verb::Verify(verb) => verb.run(global, output),
        }
    }
}
