//! `transom device install-root`, `enroll-scep` and `install-pfx`.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use clap::Args;

use super::ask::Common;
use crate::{
    actions::{InstallPfx, InstallRoot, Request, ScepEnrollment},
    cli::input,
    model::{Secret, SecretText},
};

/// Have a device trust a root certificate
///
/// Done when the device reads it back.
#[derive(Debug, Args)]
#[command(
    name = "install-root",
    after_help = "Examples:
  transom device install-root 1A2B --file root.pem"
)]
pub(crate) struct Root {
    #[command(flatten)]
    common: Common,
    /// The certificate as PEM; - is standard input
    #[arg(long, value_name = "FILE")]
    file: String,
}

/// Have a device get a certificate over SCEP
///
/// Done when the device says that it has it.
#[derive(Debug, Args)]
#[command(
    name = "enroll-scep",
    after_help = "Examples:
  transom device enroll-scep 1A2B --name wifi --url https://scep.example.com/certsrv/mscep/ --subject CN=laptop-7 \\
    --ca-thumbprint 0123456789ABCDEF0123456789ABCDEF01234567 --challenge-file challenge.txt"
)]
pub(crate) struct Scep {
    #[command(flatten)]
    common: Common,
    /// What the device keeps it under
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The SCEP server
    #[arg(long, value_name = "URL")]
    url: String,
    /// Such as CN=laptop-7
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// SHA-1 of the certificate of the authority
    #[arg(long, value_name = "HEX")]
    ca_thumbprint: String,
    /// File with what the server lets the device in for; - is standard input
    #[arg(long, value_name = "FILE")]
    challenge_file: String,
    /// What the key is for; can be given several times
    #[arg(long, value_name = "OID", default_value = "1.3.6.1.5.5.7.3.2")]
    key_usage: Vec<String>,
    /// Bits of the key
    #[arg(long, value_name = "BITS", default_value_t = 2048)]
    key_length: u32,
    /// Where the key is kept: 1 TPM, 2 TPM if there is one, 3 software, 4 Windows Hello
    #[arg(long, value_name = "N", default_value_t = 3)]
    key_protection: u8,
}

/// Install a certificate with its key on a device
///
/// Its password is sealed here and shown nowhere. Done when the device says that it has installed it.
#[derive(Debug, Args)]
#[command(
    name = "install-pfx",
    after_help = "Examples:
  transom device install-pfx 1A2B --name vpn --file vpn.pfx --password-file password.txt"
)]
pub(crate) struct Pfx {
    #[command(flatten)]
    common: Common,
    /// What the device keeps it under
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The PKCS #12 file
    #[arg(long, value_name = "FILE")]
    file: std::path::PathBuf,
    /// File with its password; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: String,
    /// Where the key is kept: 1 TPM, 2 TPM if there is one, 3 software
    #[arg(long, value_name = "N", default_value_t = 3)]
    key_location: u8,
    /// The key may leave the device
    #[arg(long)]
    exportable: bool,
}

impl Root {
    pub(super) fn parts(self) -> anyhow::Result<(Common, Request)> {
        let certificate = input::read(&self.file)?;
        Ok((self.common, Request::InstallRoot(InstallRoot { certificate })))
    }
}

impl Scep {
    pub(super) fn parts(self) -> anyhow::Result<(Common, Request)> {
        let scep = ScepEnrollment {
            id: self.name,
            server_url: self.url,
            challenge: secret(&self.challenge_file)?,
            subject: self.subject,
            ca_thumbprint: self.ca_thumbprint,
            extended_key_usage: self.key_usage,
            key_length: self.key_length,
            key_protection: self.key_protection,
            retries: 3,
            retry_delay_minutes: 5,
        };
        Ok((self.common, Request::EnrollScep(scep)))
    }
}

impl Pfx {
    pub(super) fn parts(self) -> anyhow::Result<(Common, Request)> {
        let file = std::fs::read(&self.file).with_context(|| format!("can't read {}", self.file.display()))?;
        let pfx = InstallPfx {
            id: self.name,
            pfx: SecretText::new(Secret::new(BASE64.encode(file))),
            password: secret(&self.password_file)?,
            key_location: self.key_location,
            exportable: self.exportable,
        };
        Ok((self.common, Request::InstallPfx(pfx)))
    }
}

/// A secret from a file, without the end of its line.
fn secret(file: &str) -> anyhow::Result<SecretText> {
    let text = input::read(file)?;
    Ok(SecretText::new(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}
