//! `transom csp`: the catalogue of settings.

mod admx;
mod archive;
mod builtin;
mod check;
mod drops;
mod look;

use clap::{Args, Subcommand};

use super::{Global, Output};

/// The catalogue of settings: import, search, check
///
/// Transom brings along facts about the settings of Windows. Microsoft's own files, which also have the descriptions, are
/// imported beside them: <https://learn.microsoft.com/windows/client-management/mdm/configuration-service-provider-ddf>
#[derive(Debug, Args)]
pub(super) struct Csp {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Info(drops::Info),
    Import(drops::Import),
    List(drops::List),
    Use(drops::Use),
    Remove(drops::Remove),
    Diff(drops::Diff),
    Search(look::Search),
    Show(look::Show),
    Check(check::Check),
    Admx(admx::Admx),
    Builtin(builtin::Builtin),
}

impl Csp {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Info(verb) => verb.run(global, output),
            Verb::Import(verb) => verb.run(global, output),
            Verb::List(verb) => verb.run(global, output),
            Verb::Use(verb) => verb.run(global, output),
            Verb::Remove(verb) => verb.run(global, output),
            Verb::Diff(verb) => verb.run(global, output),
            Verb::Search(verb) => verb.run(global, output),
            Verb::Show(verb) => verb.run(global, output),
            Verb::Check(verb) => verb.run(global, output),
            Verb::Admx(verb) => verb.run(global, output),
            Verb::Builtin(verb) => verb.run(output),
        }
    }
}
