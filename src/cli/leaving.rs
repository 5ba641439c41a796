//! `transom device unenroll` and `transom device block`: devices that leave, and devices that are cut off.

use clap::Args;

use super::{
    Global, Output,
    client::connected,
    shown::{line, time},
};
use crate::admin::{DeviceJson, Unenroll};

/// Tell a device to leave management
///
/// It is told when it comes next, behind all that waits for it, and removes what this server has set. Its certificate
/// stays good until it says that it leaves. If it says nothing, its state becomes unknown.
#[derive(Debug, Args)]
#[command(
    name = "unenroll",
    after_help = "Examples:
  transom device unenroll 1A2B
  transom device unenroll 1A2B --provider-id Contoso    for an imported enrollment"
)]
pub(super) struct Leave {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// What the device knows its management server as, where that is not this one's name
    #[arg(long, value_name = "NAME")]
    provider_id: Option<String>,
}

/// Cut a device off at once
///
/// Its certificates and credentials are void from its next message on, also on open connections. The device is not
/// told, and keeps what was set on it. To enroll again it needs somebody who may; see also
/// transom enrollment user disable.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device block 1A2B")]
pub(super) struct Block {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
}

impl Leave {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let device = client.unenroll(&self.id, &Unenroll { provider_id: self.provider_id.clone() }).await?;
            if output.is_json() {
                return output.document(&device);
            }
            output.text(format!("{} is told to leave when it comes next{}.", line(&device.id), last_seen(&device)))
        })
    }
}

impl Block {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let device = client.block(&self.id).await?;
            if output.is_json() {
                return output.document(&device);
            }
            output.text(format!("{} is cut off.", line(&device.id)))
        })
    }
}

fn last_seen(device: &DeviceJson) -> String {
    device.last_seen_at.map_or_else(String::new, |at| format!("; it was last seen {}", time(at)))
}
