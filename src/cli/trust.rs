//! `transom device trust`: what a device is believed by.

use clap::Args;

use super::{Global, Output, client::connected, shown::line};
use crate::{admin::SetTrust, model::ProofPolicy};

/// Set what is enough to believe that a message is a device's
///
/// Sets of proofs, each enough by itself: certificate (of the connection, or passed on by a proxy), signature
/// (MS-Signature), digest and basic (the credential of the device's account). "standard" takes certificate or signature,
/// and a credential of an enrollment that has no certificate; "default" is what the server's settings say. What the device
/// sends is another matter: transom device signing tells it to sign.
///
/// A policy that the device does not meet today is refused, because it could not be told anything any more.
#[derive(Debug, Args)]
#[command(
    name = "trust",
    after_help = "Examples:
  transom device trust 1A2B certificate and signature
  transom device trust 1A2B certificate or digest
  transom device trust 1A2B default"
)]
pub(super) struct TrustVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// certificate, signature, digest and basic, joined by and and or; standard; default
    #[arg(value_name = "PROOFS", required = true, num_args = 1..)]
    proofs: Vec<String>,
    /// Also if the device is shut out by it
    #[arg(long)]
    force: bool,
}

impl TrustVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let text = self.proofs.join(" ");
        let proofs = (text.trim() != "default").then(|| text.parse::<ProofPolicy>()).transpose()?;
        connected(global, async |client| {
            let set = client.set_trust(&self.id, &SetTrust { proofs: proofs.clone(), force: self.force }).await?;
            if output.is_json() {
                return output.document(&set);
            }
            let from = if set.is_default { ", as the settings say" } else { "" };
            output.text(format!("Messages of {} are believed by {}{from}.", line(&self.id), set.proofs))
        })
    }
}
