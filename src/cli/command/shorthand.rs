//! A command as it is typed: `get ./DevDetail/SwV`, `replace TARGET --data 12 --format int`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::syncml::{Format, Verb};

use super::options::{LateGlobal, Options};
use crate::cli::input;

/// The words behind the options.
#[derive(Debug, Parser)]
#[command(name = "transom command send", no_binary_name = true, disable_help_subcommand = true)]
pub(super) struct Line {
    #[command(subcommand)]
    pub(super) kind: Kind,
    #[command(flatten)]
    pub(super) options: Options,
    #[command(flatten)]
    pub(super) global: LateGlobal,
}

/// What is done with nodes.
#[derive(Debug, Subcommand)]
pub(super) enum Kind {
    /// Read nodes
    Get(Named),
    /// Remove nodes
    Delete(Named),
    /// Add a node with its value
    Add(Added),
    /// Set the value of a node
    Replace(Valued),
    /// Run a node
    Exec(Valued),
}

/// Nodes without values.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The nodes, such as ./DevDetail/SwV
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<LocUri>,
    /// Data folder of the installation
    #[arg(long = "data", value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// A node with its value.
#[derive(Debug, Args)]
pub(super) struct Valued {
    /// The node
    #[arg(value_name = "TARGET")]
    target: LocUri,
    /// Its value
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, conflicts_with = "data_file")]
    data: Option<String>,
    /// File with its value, for secrets and long ones; - is standard input
    #[arg(long, value_name = "FILE")]
    data_file: Option<String>,
    /// Format of the value: chr, int, bool, b64, bin, node, null, xml, float, date or time [default: chr]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// MIME type of the value
    #[arg(long = "type", value_name = "MIME")]
    mime: Option<String>,
}

/// A node that may be there already.
#[derive(Debug, Args)]
pub(super) struct Added {
    #[command(flatten)]
    valued: Valued,
    /// What to do when the node exists
    #[arg(long, value_enum, default_value_t = Exists::Fail)]
    if_exists: Exists,
}

/// What to do when a node exists.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Exists {
    /// It has failed
    Fail,
    /// Its value is replaced
    Replace,
}

impl Kind {
    /// The data folder, where it is named behind the command.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Get(named) | Self::Delete(named) => named.folder.clone(),
            Self::Add(_) | Self::Replace(_) | Self::Exec(_) => None,
        }
    }

    /// Whether the value comes from standard input.
    pub(super) fn reads_stdin(&self) -> bool {
        let (Self::Add(Added { valued, .. }) | Self::Replace(valued) | Self::Exec(valued)) = self else {
            return false;
        };
        valued.data_file.as_deref() == Some(input::STDIN)
    }

    /// The command.
    pub(super) fn instruction(self) -> anyhow::Result<Instruction> {
        let (verb, items, if_exists) = match self {
            Self::Get(named) => (Verb::Get, named.items(), IfExists::Fail),
            Self::Delete(named) => (Verb::Delete, named.items(), IfExists::Fail),
            Self::Replace(valued) => (Verb::Replace, vec![valued.item()?], IfExists::Fail),
            Self::Exec(valued) => (Verb::Exec, vec![valued.item()?], IfExists::Fail),
            Self::Add(Added { valued, if_exists }) => {
                let if_exists = match if_exists {
                    Exists::Fail => IfExists::Fail,
                    Exists::Replace => IfExists::Replace,
                };
                (Verb::Add, vec![valued.item()?], if_exists)
            }
        };
        Ok(Instruction::Single(Operation { verb, items, if_exists }))
    }
}

impl Named {
    fn items(self) -> Vec<Setting> {
        let item = Setting::bare;
        self.targets.into_iter().map(item).collect()
    }
}

impl Valued {
    fn item(self) -> anyhow::Result<Setting> {
        let data = match (self.data, &self.data_file) {
            (Some(data), _) => Some(data),
            (None, Some(file)) => Some(without_last_break(input::read(file)?)),
            (None, None) => None,
        };
        Ok(Setting { target: self.target, format: self.format, mime: self.mime, data })
    }
}

/// The line break that editors put at the end of a file is not a part of the value.
fn without_last_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(words: &[&str]) -> Result<(Value, Options), String> {
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let instruction = line.kind.instruction().map_err(|error| error.to_string())?;
        Ok((serde_json::to_value(instruction).unwrap(), line.options))
    }

    #[test]
    fn what_is_typed_is_the_command_in_json() {
        for (words, json) in [
            (
                &["get", "./DevDetail/SwV", "./DevInfo/Man"][..],
                json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}, {"target": "./DevInfo/Man"}]}),
            ),
            (&["delete", "./A"], json!({"kind": "delete", "items": [{"target": "./A"}]})),
            (
                &["replace", "./A", "--data", "-12", "--format", "int"],
                json!({"kind": "replace", "items": [{"target": "./A", "format": "int", "data": "-12"}]}),
            ),
            (
                &["add", "--if-exists", "replace", "--type", "text/plain", "--data=", "./A"],
                json!({"kind": "add", "items": [{"target": "./A", "type": "text/plain", "data": ""}],
                       "if_exists": "replace"}),
            ),
            (
                &["exec", "./Device/Vendor/MSFT/Reboot/RebootNow"],
                json!({"kind": "exec", "items": [{"target": "./Device/Vendor/MSFT/Reboot/RebootNow"}]}),
            ),
        ] {
            assert_eq!(read(words).unwrap().0, json, "{words:?}");
        }
    }

    #[test]
    fn options_may_stand_behind_the_command() {
        let (_, options) =
            read(&["get", "./A", "--device", "D1", "--device", "D2", "--wait", "--timeout", "5s"]).unwrap();
        assert_eq!((options.device, options.wait), (vec!["D1".to_owned(), "D2".to_owned()], true));
        assert_eq!(options.timeout, Some(std::time::Duration::from_secs(5)));
    }

    #[test]
    fn behind_a_get_data_names_the_folder() {
        let line = Line::try_parse_from(["get", "./A", "--data", "folder"]).unwrap();
        assert_eq!(line.kind.folder(), Some(PathBuf::from("folder")));
    }

    #[test]
    fn what_can_not_be_is_refused_with_a_reason() {
        for (words, reason) in [
            (&["get"][..], "required"),
            (&["get", "/A"], "must not start with a slash"),
            (&["fetch", "./A"], "unrecognized subcommand 'fetch'"),
            (&["replace", "./A", "./B"], "unexpected argument"),
            (&["replace", "./A", "--data", "1", "--data-file", "x"], "cannot be used with"),
        ] {
            let error = read(words).unwrap_err();
            assert!(error.contains(reason), "{words:?}: {error}");
        }
    }

    #[test]
    fn the_last_line_break_of_a_file_is_not_the_values() {
        for (text, value) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("\n", "")] {
            assert_eq!(without_last_break(text.to_owned()), value);
        }
    }
}
