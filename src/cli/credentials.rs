//! `transom device rotate-credentials`: other credentials for a device.

use clap::Args;

use super::{Global, Output, client::connected, shown::line};
use crate::admin::RotateCredentials;

/// Give a device other credentials, for both directions
///
/// They are told to the device when it comes next, and it uses them from the session after that. Old and new are right until
/// the new ones are used for the first time; then the old ones are retired. A device that refuses them, or never comes, keeps
/// the old ones. The secrets are shown nowhere.
#[derive(Debug, Args)]
#[command(
    name = "rotate-credentials",
    after_help = "Examples:
  transom device rotate-credentials 1A2B
  transom device rotate-credentials 1A2B --provider-id Contoso"
)]
pub(super) struct RotateVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// What the device knows its management server as, where that is not this one's name
    #[arg(long, value_name = "NAME")]
    provider_id: Option<String>,
}

impl RotateVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let how = RotateCredentials { provider_id: self.provider_id.clone() };
            let offered = client.rotate_credentials(&self.id, &how).await?;
            if output.is_json() {
                return output.document(&offered);
            }
            output.text(format!(
                "{} is given other credentials when it comes next; the old ones count until it uses them.",
                line(&self.id)
            ))
        })
    }
}
