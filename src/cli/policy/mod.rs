//! `transom policy`: what authors want of devices.

mod about;
mod apply;
mod check;
mod files;
mod import;
mod look;
mod plan;
mod secret;
mod staged;
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
    Advance(staged::Advance),
    Apply(apply::Apply),
    Check(check::Check),
    Diff(look::Diff),
    Export(look::Export),
    History(look::History),
    Import(import::Import),
    Pause(staged::Pause),
    Plan(plan::Plan),
    Resume(staged::Resume),
    Retry(staged::Retry),
    Rollback(apply::Rollback),
    Secret(secret::SecretVerb),
    Stages(staged::List),
    Status(look::Status),
    Verify(verify::Verify),
}

impl Policy {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Apply(verb) => verb.run(global, output),
            Verb::Diff(verb) => verb.run(global, output),
            Verb::Export(verb) => verb.run(global, output),
            Verb::History(verb) => verb.run(global, output),
            Verb::Rollback(verb) => verb.run(global, output),
            Verb::Advance(verb) => verb.run(global, output),
            Verb::Pause(verb) => verb.run(global, output),
            Verb::Resume(verb) => verb.run(global, output),
            Verb::Retry(verb) => verb.run(global, output),
            Verb::Stages(verb) => verb.run(global, output),
            Verb::Secret(verb) => verb.run(global, output),
            Verb::Status(verb) => verb.run(global, output),
            Verb::Check(verb) => verb.run(output),
            Verb::Import(verb) => verb.run(global, output),
            Verb::Plan(verb) => verb.run(global, output),
            Verb::Verify(verb) => verb.run(global, output),
        }
    }
}
