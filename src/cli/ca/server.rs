//! `transom ca server`: the certificate of the device door.

use clap::Args;
use serde_json::json;

use super::save;
use crate::{
    cli::{Global, Installation, Output, hinted, now, server_names, shown::time},
    model::rfc3339_text,
};

/// Make a new server certificate for the device door, of the authority that issues
///
/// For an installation whose server certificate is its own: before it ends, or after a rotation once all devices trust
/// the new root. The server uses it when it is started again.
#[derive(Debug, Args)]
pub(super) struct Server {}

impl Server {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let Self {} = self;
        let installation = Installation::open(global.folder(), &[])?;
        let _lock = installation.lock_authorities()?;
        let authorities = installation.authorities()?.current();
        let door = &installation.settings.device_door;
        let [certificate, key] = [&door.certificate, &door.key].map(|path| installation.folder.resolve(path));
        if certificate.exists() {
            let server = installation.identity()?;
            if !authorities.all().iter().any(|authority| authority.has_issued(&server)) {
                return Err(hinted(
                    format!("the server certificate in {} comes from another authority", certificate.display()),
                    "renew it there; for one of this installation, name other files in [device_door] first",
                ));
            }
        }
        let made = authorities.issuing().issue_server(&server_names(&installation.settings.host), now())?;
        save(&key, &made.key_pem()?, 0o600)?;
        save(&certificate, &made.chain_pem()?, 0o644)?;
        let ends = made.expires_at();
        if output.is_json() {
            return output.document(&json!({ "certificate": certificate, "not_after": rfc3339_text(ends) }));
        }
        output.text(format!(
            "Wrote a server certificate for {} to {}; it ends {}. Start the server again to use it.",
            installation.settings.host,
            certificate.display(),
            time(ends)
        ))
    }
}
