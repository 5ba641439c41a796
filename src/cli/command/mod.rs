//! `transom command`: what devices are told to do, and what became of it.

mod list;
mod options;
mod queue;
mod send;
mod shorthand;
mod show;
mod wait;

use clap::{Args, Subcommand};

use super::{Global, Output};

pub(in crate::cli) use wait::settled;

/// Commands for devices: send, look at, take back
///
/// A command waits in the queue of its device until the device checks in, and leaves it with an outcome: succeeded,
/// failed, unknown, expired, canceled or superseded.
#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Send(send::Send),
    List(list::List),
    Show(show::Show),
    Cancel(queue::Cancel),
    Clear(queue::Clear),
    Retry(queue::Retry),
    Resolve(queue::Resolve),
}

impl Command {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Send(verb) => verb.run(global, output),
            Verb::List(verb) => verb.run(global, output),
            Verb::Show(verb) => verb.run(global, output),
            Verb::Cancel(verb) => verb.run(global, output),
            Verb::Clear(verb) => verb.run(global, output),
            Verb::Retry(verb) => verb.run(global, output),
            Verb::Resolve(verb) => verb.run(global, output),
        }
    }
}
