//! `transom device enveloping` and `transom envelopes`: whether devices envelope their messages, and for which key.

use clap::{Args, Subcommand};

use super::{
    Global, Output,
    client::connected,
    shown::{line, table, time},
};
use crate::{
    admin::{EnvelopeKeysJson, EnvelopingJson, SetEnveloping},
    model::Enveloping,
};

/// Set whether a device signs and envelopes its messages
///
/// off: envelopes are refused. accept: one that comes is opened, none need come. require: the device is given the
/// certificate of this server and told to envelope what it sends, and once it has said that it does, a message in clear is
/// refused. Replies are enveloped for the device's certificate. Experimental: Microsoft does not say what the wire format
/// is in every detail; try it with one device first.
#[derive(Debug, Args)]
#[command(
    name = "enveloping",
    after_help = "Examples:
  transom device enveloping 1A2B require
  transom device enveloping 1A2B accept --provider-id Contoso"
)]
pub(super) struct EnvelopingVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// off, accept or require
    #[arg(value_name = "HOW")]
    how: Enveloping,
    /// What the device knows its management server as, where that is not this one's name
    #[arg(long, value_name = "NAME")]
    provider_id: Option<String>,
}

/// Messages in envelopes: the keys of this server that open them
#[derive(Debug, Args)]
pub(super) struct Envelopes {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the keys, newest first, and how many devices use each
    Show,
    /// Make another key; devices are told when they come next, and the old one opens until they use the new one
    Rotate,
}

impl EnvelopingVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let set = SetEnveloping { enveloping: self.how, provider_id: self.provider_id.clone() };
            let set = client.set_enveloping(&self.id, &set).await?;
            if output.is_json() {
                return output.document(&set);
            }
            output.text(told(&self.id, &set))
        })
    }
}

impl Envelopes {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let keys = match self.verb {
                Verb::Show => client.envelope_keys().await?,
                Verb::Rotate => client.rotate_envelope_key().await?,
            };
            if output.is_json() {
                return output.document(&keys);
            }
            output.text(shown(&keys))
        })
    }
}

fn told(id: &str, set: &EnvelopingJson) -> String {
    let id = line(id);
    match (set.enveloping, set.to_be_told, set.confirmed) {
        (Enveloping::Require, false, true) => format!("{id} envelopes its messages; none is taken in clear."),
        (Enveloping::Require, ..) => {
            format!("{id} is told to envelope its messages when it comes next; from then on none is taken in clear.")
        }
        (how, true, _) => format!("Enveloping of {id} is set to {}; the device is told.", how.as_str()),
        (how, ..) => format!("Enveloping of {id} is set to {}.", how.as_str()),
    }
}

fn shown(keys: &EnvelopeKeysJson) -> String {
    if keys.items.is_empty() {
        return "There is no key yet; the first is made when a device is told to envelope its messages.".to_owned();
    }
    let rows = keys.items.iter().map(|key| {
        let state = if key.current { "current" } else { "replaced" };
        vec![
            key.id.chars().take(16).collect(),
            state.to_owned(),
            time(key.created_at),
            time(key.ends_at),
            key.used_by.to_string(),
        ]
    });
    table(&["KEY", "STATE", "MADE", "ENDS", "DEVICES"], rows)
}
