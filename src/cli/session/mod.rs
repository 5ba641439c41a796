//! `transom session`: what was said between devices and this server.

mod explain;
mod export;
mod follow;
mod list;
mod raw;
mod show;
mod tail;
mod telling;

use clap::{Args, Subcommand};

use super::{Global, Output};

/// Sessions: list them, read what was said, follow them as they come
#[derive(Debug, Args)]
pub(super) struct Session {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Show(show::Show),
    Explain(explain::Explain),
    Tail(tail::Tail),
    Export(export::Export),
}

impl Session {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::List(verb) => verb.run(global, output),
            Verb::Show(verb) => verb.run(global, output),
            Verb::Explain(verb) => verb.run(global, output),
            Verb::Tail(verb) => verb.run(global, output),
            Verb::Export(verb) => verb.run(global, output),
        }
    }
}
