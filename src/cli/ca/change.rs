//! `transom ca rotate` and `retire`: one authority after the other.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::{
    cli::{
        Global, Installation, Output, hinted,
        init::authority_name,
        input::duration,
        now,
        shown::{short, time},
    },
    model::{Timestamp, rfc3339_text},
    pki::{AuthorityId, AuthorityKey, CertificateAuthority},
};

/// Make a new authority that issues from now on; the one before it stays trusted for a while
///
/// Devices keep their certificates and renew them with the new authority, each at its time. The overlap should be longer
/// than their certificates live. A running server sees the new authority at once. The server certificate stays what it
/// is until `transom ca server` makes a new one: do that when all devices trust the new root.
#[derive(Debug, Args)]
#[command(after_help = ROTATE_EXAMPLES)]
pub(super) struct Rotate {
    /// How long certificates of the old authority are taken
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "400d")]
    overlap: Duration,
    /// Kind of the new authority's key: p256 or rsa2048
    #[arg(long, value_name = "KIND", default_value_t)]
    ca_key: AuthorityKey,
    /// Name of the new authority
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

const ROTATE_EXAMPLES: &str = "Examples:
  transom ca rotate
  transom ca rotate --overlap 90d --ca-key rsa2048";

/// End the trust in an earlier authority and delete its key
///
/// Devices that still have a certificate of it must enroll again. Where its overlap has not ended this wants --now.
#[derive(Debug, Args)]
#[command(after_help = RETIRE_EXAMPLES)]
pub(super) struct Retire {
    /// The authority, by its id in `transom ca show`
    #[arg(value_name = "ID", value_parser = authority_id)]
    authority: AuthorityId,
    /// Although its overlap has not ended
    #[arg(long)]
    now: bool,
}

const RETIRE_EXAMPLES: &str = "Examples:
  transom ca retire 1f2e3d4c
  transom ca retire 1f2e3d4c --now         its key may be in other hands";

/// An id, for the parser of the command line.
pub(super) fn authority_id(text: &str) -> Result<AuthorityId, String> {
    AuthorityId::parse(text).ok_or_else(|| "an id has 8 hexadecimal digits; transom ca show lists them".to_owned())
}

impl Rotate {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let installation = Installation::open(global.folder(), &[])?;
        let now = now();
        let name = self.name.unwrap_or_else(|| name_at(&authority_name(&installation.settings.host), now));
        let next = CertificateAuthority::create_with(self.ca_key, &name, now)?;
        take_over(&installation, &next, self.overlap, now, output)
    }
}

/// The day comes first: what is too long for a name is cut at its end.
fn name_at(name: &str, now: Timestamp) -> String {
    let day = rfc3339_text(now).chars().take(10).collect::<String>();
    name.replacen("Transom CA", &format!("Transom CA {day}"), 1)
}

/// Puts an authority in the place of the one that issues, and says so.
pub(super) fn take_over(
    installation: &Installation,
    next: &CertificateAuthority,
    overlap: Duration,
    now: Timestamp,
    output: &mut Output,
) -> anyhow::Result<()> {
    let _lock = installation.lock_authorities()?;
    let old = installation.authority()?.id()?;
    let until = now.plus_millis(i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX));
    installation.authority_files().replace(next, until, installation.data_key())?;
    let (id, root) = (next.id()?, next.root()?.thumbprint);
    if output.is_json() {
        let until = rfc3339_text(until);
        return output.document(&json!({ "issuing": id.as_str(), "root_thumbprint": root,
            "previous": old.as_str(), "previous_trusted_until": until }));
    }
    output.text(format!(
        "Authority {id} issues from now on; its root has the thumbprint {root}.\n\
         Certificates of authority {old} are taken until {}.\n\n\
         Next: give the new root to devices (transom ca export), then make a server certificate of it (transom ca server).\n\
         Other instances need a copy of ca.pem, ca.key and ca-previous-*.",
        time(until)
    ))
}

impl Retire {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let installation = Installation::open(global.folder(), &[])?;
        let _lock = installation.lock_authorities()?;
        let authorities = installation.authorities()?.current();
        let mut subject = String::new();
        for earlier in authorities.previous() {
            if earlier.id()? != self.authority {
                continue;
            }
            subject = earlier.description()?.subject;
            if now() < earlier.until() && !self.now {
                return Err(hinted(
                    format!("authority {} is trusted until {}", self.authority, time(earlier.until())),
                    "devices with a certificate of it would have to enroll again; if that is wanted, add --now",
                ));
            }
            if installation.identity().is_ok_and(|server| earlier.has_issued(&server)) {
                return Err(hinted(
                    format!("the server certificate is from authority {}", self.authority),
                    "make a new one first, when all devices trust the new root: transom ca server",
                ));
            }
        }
        installation.authority_files().retire(&self.authority)?;
        if output.is_json() {
            output.document(&json!({ "retired": self.authority.as_str() }))
        } else {
            output.text(format!("Authority {} ({}) is no longer trusted.", self.authority, short(&subject, 60)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_authority_is_named_by_its_day() {
        let name = name_at(&authority_name(&"mdm.example.test".parse().unwrap()), Timestamp(1_790_000_000_000));
        assert_eq!(name, "Transom CA 2026-09-21 for mdm.example.test");
    }
}
