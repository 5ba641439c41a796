//! `transom enrollment`: who may enroll devices, what they tried, what is in their way, and devices that were enrolled
//! elsewhere.

mod attempts;
mod declare;
mod import;
mod password;
mod token;
mod user;

use clap::{Args, Subcommand};

use super::{Global, Output, doctor};

/// Enrollments: who may enroll devices, what was tried, and what is in the way
#[derive(Debug, Args)]
pub(super) struct Enrollment {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    User(user::User),
    Token(token::Token),
    Attempts(attempts::Attempts),
    Declare(declare::Declare),
    Doctor(doctor::Doctor),
    Import(import::ImportFile),
}

impl Enrollment {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::User(verb) => verb.run(global, output),
            Verb::Token(verb) => verb.run(global, output),
            Verb::Attempts(verb) => verb.run(global, output),
            Verb::Declare(verb) => verb.run(global, output),
            Verb::Doctor(verb) => verb.run(global, output),
            Verb::Import(verb) => verb.run(global, output),
        }
    }
}
