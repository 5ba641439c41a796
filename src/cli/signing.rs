//! `transom device signing`: whether a device signs its messages.

use clap::Args;

use super::{Global, Output, client::connected, shown::line};
use crate::{
    admin::{SetSigning, SigningJson},
    model::Signing,
};

/// Set whether a device signs its messages (MS-Signature)
///
/// off: signatures are not looked at. accept: one that comes is judged, none need come. require: the device is told to
/// sign when it comes next, and once it has said that it does, a message without a good signature is refused. A good
/// signature proves who speaks where a proxy keeps the client certificate from this server.
#[derive(Debug, Args)]
#[command(
    name = "signing",
    after_help = "Examples:
  transom device signing 1A2B require
  transom device signing 1A2B accept --provider-id Contoso"
)]
pub(super) struct SigningVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// off, accept or require
    #[arg(value_name = "HOW")]
    how: Signing,
    /// What the device knows its management server as, where that is not this one's name
    #[arg(long, value_name = "NAME")]
    provider_id: Option<String>,
}

impl SigningVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let set = SetSigning { signing: self.how, provider_id: self.provider_id.clone() };
            let set = client.set_signing(&self.id, &set).await?;
            if output.is_json() {
                return output.document(&set);
            }
            output.text(told(&self.id, &set))
        })
    }
}

fn told(id: &str, set: &SigningJson) -> String {
    let id = line(id);
    match (set.signing, set.to_be_told, set.confirmed) {
        (Signing::Require, _, true) => format!("{id} signs its messages; none is taken without."),
        (Signing::Require, ..) => {
            format!("{id} is told to sign its messages when it comes next; from then on none is taken without.")
        }
        (signing, true, _) => format!("Message signing of {id} is set to {}; the device is told.", signing.as_str()),
        (signing, ..) => format!("Message signing of {id} is set to {}.", signing.as_str()),
    }
}
