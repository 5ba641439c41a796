//! Nodes: found and shown.

use std::fmt::Write as _;

use clap::Args;
use transom_protocol::csp::ddf::{Admx, Kind, Reboot};

use crate::admin::{CspNodeJson, NodeQuery, SearchQuery};
use crate::cli::{
    Global, Output,
    client::connected,
    shown::{line, short, table},
};

/// Longest text of a column.
const VALUE: usize = 60;

/// Find settings by words of their address
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp search password length
  transom csp search bitlocker --limit 100")]
pub(super) struct Search {
    /// Words, all of which the address must have
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Show what a setting is and what it takes
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp show ./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength
  transom csp show ./Vendor/MSFT/BitLocker")]
pub(super) struct Show {
    /// Its address, in any spelling
    #[arg(value_name = "URI")]
    uri: String,
}

impl Search {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = SearchQuery { words: self.words.join(" "), limit: self.limit };
        connected(global, async |client| {
            let found = client.search_csp(&query).await?;
            if output.is_json() {
                return output.document(&found);
            }
            if found.items.is_empty() {
                return output.text("no setting has these words in its address");
            }
            let rows = found.items.iter().map(|node| {
                let takes = node.allowed_text.as_deref().unwrap_or_default();
                [line(&node.uri), line(node.format.as_str()), node.access.to_string(), short(takes, VALUE)]
            });
            let mut text = table(&["SETTING", "FORMAT", "VERBS", "TAKES"], rows);
            if found.more {
                // Writing to a String does not fail.
                let _ = write!(text, "\nThere are more: write more words, or --limit (up to 500)");
            }
            output.text(text)
        })
    }
}

impl Show {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = NodeQuery { uri: self.uri };
        connected(global, async |client| {
            let node = client.csp_node(&query).await?;
            if output.is_json() { output.document(&node) } else { output.text(told(&node)) }
        })
    }
}

fn told(node: &CspNodeJson) -> String {
    let mut text = format!("{}\n", line(&node.uri));
    let mut fact = |name: &str, value: String| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    if let Some(description) = &node.description {
        fact("what for", line(&description.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    fact("format", line(node.format.as_str()));
    let verbs: Vec<String> = node.access.verbs().map(|verb| format!("{verb:?}").to_lowercase()).collect();
    fact("verbs", if verbs.is_empty() { "not said".to_owned() } else { verbs.join(", ") });
    match node.allowed.as_ref().map(|allowed| &allowed.kind) {
        Some(kind @ (Kind::Enum(choices) | Kind::Flags(choices))) => {
            let is_sum = matches!(kind, Kind::Flags(_));
            if is_sum {
                fact("takes", "one of these, or the sum of several".to_owned());
            }
            for (number, choice) in choices.iter().enumerate() {
                let label = choice.label.as_deref().map(|label| format!("  {}", line(label))).unwrap_or_default();
                let name = if number == 0 && !is_sum { "takes" } else { "" };
                fact(name, format!("{}{label}", line(&choice.value)));
            }
        }
        _ => {
            if let Some(takes) = &node.allowed_text {
                fact("takes", line(takes));
            }
        }
    }
    if let Some(Kind::Admx(Admx { elements: Some(elements), .. })) = node.allowed.as_ref().map(|allowed| &allowed.kind)
    {
        if elements.is_empty() {
            fact("asks for", "nothing besides <enabled/> or <disabled/>".to_owned());
        }
        for (number, element) in elements.iter().enumerate() {
            let must = if element.required { ", must be there" } else { "" };
            let what = format!("{}: {}{must}", line(&element.id), line(&element.kind.to_string()));
            fact(if number == 0 { "asks for" } else { "" }, what);
        }
    }
    if let Some(delimiter) = node.allowed.as_ref().and_then(|allowed| allowed.delimiter.as_deref()) {
        let shown = match delimiter {
            "\u{F000}" => "U+F000 (&#xF000;)".to_owned(),
            other => line(other),
        };
        fact("list", format!("several values, with {shown} between them"));
    }
    if let Some(default) = &node.default {
        fact("default", format!("{} (as the description has it)", line(default)));
    }
    if let Some(applicability) = &node.applicability {
        let builds: Vec<String> = applicability.released().map(|build| build.to_string()).collect();
        let released =
            if applicability.is_released() { builds.join(", ") } else { "in no released Windows".to_owned() };
        if !released.is_empty() {
            fact("since", released);
        }
        if !applicability.editions.is_empty() {
            let editions: Vec<String> = applicability.editions.iter().map(|edition| format!("{edition:#x}")).collect();
            fact("editions", editions.join(", "));
        }
    }
    if let Some(deprecated) = node.deprecated {
        fact("deprecated", deprecated.since.map_or_else(|| "yes".to_owned(), |since| format!("since {since}")));
    }
    match node.reboot {
        Some(Reboot::Automatic) => fact("reboot", "the device reboots by itself".to_owned()),
        Some(Reboot::ServerInitiated) => fact("reboot", "works after a reboot that the server orders".to_owned()),
        None => {}
    }
    if node.atomic {
        fact("atomic", "written within an atomic, with all that belongs to it".to_owned());
    }
    for dependency in &node.depends_on {
        fact("works while", line(dependency));
    }
    fact("source", line(&node.source));
    for (number, below) in node.below.iter().enumerate() {
        fact(if number == 0 { "below" } else { "" }, line(below));
    }
    text
}
