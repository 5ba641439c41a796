//! `transom device tag`: what operators call devices.

use clap::Args;

use super::{Global, Output, client::connected, shown::line};
use crate::admin::ChangeTags;

/// Show the tags of a device, set some, take others away
///
/// Tags select devices in policies and lists: 'pilot' in device.tags. They stay when a device enrolls anew.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device tag 1A2B
  transom device tag 1A2B --add pilot --remove ring:broad
  transom device list --where \"'pilot' in device.tags\"")]
pub(super) struct TagVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// Tags to be set, with commas between
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    add: Vec<String>,
    /// Tags to be taken away, with commas between
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    remove: Vec<String>,
}

impl TagVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let change = ChangeTags { add: self.add, remove: self.remove };
        connected(global, async |client| {
            let tags = if change.add.is_empty() && change.remove.is_empty() {
                client.tags(&self.id).await?
            } else {
                client.change_tags(&self.id, &change).await?
            };
            if output.is_json() {
                return output.document(&tags);
            }
            if tags.tags.is_empty() { output.text("no tags") } else { output.text(line(&tags.tags.join(", "))) }
        })
    }
}
