//! The command line: one file for each verb.
//!
//! Exit codes: 0 done, 1 refused or failed with the reason on standard error, 2 wrong usage. What a command has to say
//! goes to standard output, with `--json` as one JSON document; the log goes to standard error.

mod acting;
mod action;
mod alerts;
mod audit;
mod backup;
mod bench;
mod ca;
mod certificate;
pub mod client;
mod command;
mod credentials;
mod csp;
mod demo;
mod device;
mod directory;
pub mod discovery;
mod doctor;
mod enrollment;
mod enveloping;
mod events;
mod facts;
mod failure;
mod folder;
mod health;
mod init;
mod input;
mod installation;
mod instance;
mod knowing;
mod leaving;
mod logging;
mod operator;
mod output;
mod policy;
mod progress;
mod provisioning;
mod push;
mod readiness;
mod restore;
mod rolling;
mod securing;
mod serve;
mod session;
mod settings;
mod shown;
mod signing;
mod simulate;
mod sync;
mod tagging;
mod telemetry;
mod telling;
mod token;
mod trust;
mod vouching;
mod waking;
mod watching;
mod webhook;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

pub use failure::hinted;
pub use installation::{Installation, server_names};
pub use instance::{Instance, now, open_store};
pub use output::Output;

use crate::config::DataFolder;

/// Manages Windows devices: enrollment, OMA-DM sessions and policy, in one binary.
#[derive(Debug, Parser)]
#[command(name = "transom", version, propagate_version = true, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  transom demo                             see it work, with simulated devices
  transom init --host mdm.example.com      make an installation in ./transom-data
  transom serve                            run it
  transom ca export > root.pem             the root certificate that devices must trust

Every command has its own --help.";

/// Options of all commands.
#[derive(Debug, Args)]
pub struct Global {
    /// Data folder of the installation
    #[arg(long, global = true, value_name = "DIR", env = "TRANSOM_DATA", default_value = "./transom-data")]
    pub data: PathBuf,
    /// Address of the admin API, when it runs elsewhere
    #[arg(long, global = true, value_name = "URL", env = "TRANSOM_SERVER")]
    pub server: Option<String>,
    /// Bearer token for the admin API; better given in the environment
    #[arg(long, global = true, value_name = "TOKEN", env = "TRANSOM_TOKEN", hide_env_values = true)]
    pub token: Option<BearerToken>,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub json: bool,
}

/// A token from the command line or the environment; it is never printed.
#[derive(Clone)]
pub struct BearerToken(String);

/// Declares the verbs. A new one is a line here and its file.
macro_rules! verbs {
    ($($name:ident($verb:ty),)*) => {
        #[derive(Debug, Subcommand)]
        enum Verb {
            $(#[command()] $name($verb),)*
        }

        impl Verb {
            fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
                match self {
                    $(Self::$name(verb) => verb.run(global, output),)*
                }
            }
        }
    };
}

verbs! {
    Demo(demo::Demo),
    Init(init::Init),
    Serve(serve::Serve),
    Health(health::Health),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Device(device::Device),
    Action(action::ActionVerb),
    Command(command::Command),
    Session(session::Session),
    Policy(policy::Policy),
    Csp(csp::Csp),
    Enrollment(enrollment::Enrollment),
    Directory(directory::Directory),
    Ca(ca::Ca),
    Envelopes(enveloping::Envelopes),
    Certificate(certificate::Certificate),
    Operator(operator::Operator),
    Token(token::Token),
    Audit(audit::Audit),
    Settings(settings::Settings),
    Push(push::Push),
    Events(events::Events),
    Alerts(alerts::Alerts),
    Webhook(webhook::Webhook),
    Simulate(simulate::Simulate),
    Bench(bench::Bench),
}

/// Runs the command that the arguments of the process name.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(cli.global.json);
    match cli.verb.run(&cli.global, &mut output).and_then(|()| output.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<clap::Error>() {
            // What only the verb could see: with the exit code of wrong usage.
            Ok(usage) => usage.exit(),
            Err(error) => {
                failure::report(&error);
                ExitCode::FAILURE
            }
        },
    }
}

impl Global {
    /// The data folder.
    pub fn folder(&self) -> DataFolder {
        DataFolder::new(&self.data)
    }
}

impl BearerToken {
    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for BearerToken {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed_and_explained() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        explained(&command);
        own_names(&command);
    }

    /// An argument with the name of one of all commands' takes its place, and whoever reads that one falls.
    fn own_names(command: &clap::Command) {
        for verb in command.get_subcommands() {
            for argument in verb.get_arguments().filter(|argument| !argument.is_global_set()) {
                let id = argument.get_id();
                let clashes = ["data", "server", "token", "json"].contains(&id.as_str());
                assert!(!clashes, "{}: {id} is an option of all commands", verb.get_name());
            }
            own_names(verb);
        }
    }

    #[test]
    fn every_example_is_what_its_command_takes() {
        let mut command = Cli::command();
        command.build();
        let mut examples = Vec::new();
        collect(&command, &mut examples);
        assert!(examples.len() > 150, "{}", examples.len());
        let wrong: Vec<String> = examples
            .into_iter()
            .filter_map(|words| Cli::try_parse_from(&words).err().map(|error| format!("{words:?}: {error}")))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn collect(command: &clap::Command, examples: &mut Vec<Vec<String>>) {
        if let Some(help) = command.get_after_help() {
            let help = help.to_string();
            // What goes on in the next line goes on.
            let help =
                help.split("\\\n").enumerate().map(|(place, part)| if place == 0 { part } else { part.trim_start() });
            let help: String = help.collect();
            for line in help.lines().filter(|line| line.starts_with("  transom ")) {
                examples.extend(words(line).split(|word| ["|", "&&"].contains(&word.as_str())).filter_map(|words| {
                    let end = words.iter().position(|word| word == ">").unwrap_or(words.len());
                    words.first().is_some_and(|first| first == "transom").then(|| words[..end].to_vec())
                }));
            }
        }
        command.get_subcommands().for_each(|verb| collect(verb, examples));
    }

    /// The words of an example as a shell has them, without the remark beside it.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let (mut word, mut quote) = (None::<String>, None);
        let mut characters = line.trim().chars().peekable();
        while let Some(character) = characters.next() {
            match (character, quote) {
                ('\'' | '"', None) => {
                    quote = Some(character);
                    word.get_or_insert_default();
                }
                (_, Some(open)) if character == open => quote = None,
                (' ', None) => {
                    words.extend(word.take());
                    if characters.peek() == Some(&' ') {
                        break;
                    }
                }
                _ => word.get_or_insert_default().push(character),
            }
        }
        words.extend(word);
        words
    }

    fn explained(command: &clap::Command) {
        let name = command.get_name();
        assert!(name == "help" || command.get_about().is_some(), "{name} is not explained");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name} {} is not explained", argument.get_id());
        }
        command.get_subcommands().filter(|verb| verb.get_name() != "help").for_each(explained);
    }

    #[test]
    fn a_token_is_not_printed() {
        let cli = Cli::try_parse_from(["transom", "--token", "hunter2", "ca", "export"]).unwrap();
        assert!(!format!("{cli:?}").contains("hunter2"));
        assert_eq!(cli.global.token.unwrap().expose(), "hunter2");
    }

    #[test]
    fn wrong_usage_exits_with_2_and_help_with_0() {
        for (arguments, code) in [(&["transom", "brew"][..], 2), (&["transom", "init"], 2), (&["transom", "--help"], 0)]
        {
            assert_eq!(Cli::try_parse_from(arguments).unwrap_err().exit_code(), code, "{arguments:?}");
        }
    }
}
