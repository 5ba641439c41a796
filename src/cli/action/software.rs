//! `transom device install-msi` and `remove-msi`.

use anyhow::Context as _;
use clap::Args;
use sha2::{Digest as _, Sha256};

use super::ask::Common;
use crate::{
    actions::{InstallMsi, RemoveMsi, Request},
    cli::input,
    model::hex,
};

/// Have a device download and install an MSI
///
/// The device fetches it from an https address without a certificate, and installs it only if its hash is right. Done
/// when the device reports so; what it says meanwhile shows in transom action show.
#[derive(Debug, Args)]
#[command(
    name = "install-msi",
    after_help = "Examples:
  transom device install-msi 1A2B --product {1803A630-3C38-4D2B-9B9A-0CB37243539C} --version 1.2.3 \\
    --url https://cdn.example.com/agent.msi --file agent.msi --wait"
)]
pub(crate) struct Install {
    #[command(flatten)]
    common: Common,
    /// Product code of the package
    #[arg(long, value_name = "GUID")]
    product: String,
    /// Its version
    #[arg(long, value_name = "VERSION")]
    version: String,
    /// Where the device fetches it
    #[arg(long, value_name = "URL")]
    url: String,
    /// SHA-256 of the file
    #[arg(long, value_name = "HEX", required_unless_present = "file", conflicts_with = "file")]
    sha256: Option<String>,
    /// The file itself, to have its hash computed here
    #[arg(long, value_name = "FILE")]
    file: Option<std::path::PathBuf>,
    /// Further arguments of msiexec
    #[arg(long, value_name = "TEXT", default_value = "/quiet", allow_hyphen_values = true)]
    arguments: String,
    /// Minutes that the installation may take; 0 is for ever
    #[arg(long = "install-timeout", value_name = "MINUTES", default_value_t = 10)]
    time_limit: u32,
    /// How often the device tries again
    #[arg(long, value_name = "N", default_value_t = 3)]
    retries: u32,
    /// Minutes between the tries
    #[arg(long, value_name = "MINUTES", default_value_t = 5)]
    retry_interval: u32,
}

/// Have a device remove an MSI that was installed from here
///
/// Done when the device no longer knows the product.
#[derive(Debug, Args)]
#[command(
    name = "remove-msi",
    after_help = "Examples:
  transom device remove-msi 1A2B {1803A630-3C38-4D2B-9B9A-0CB37243539C}"
)]
pub(crate) struct Remove {
    #[command(flatten)]
    common: Common,
    /// Product code of the package
    #[arg(value_name = "GUID")]
    product: String,
}

impl Install {
    pub(super) fn parts(self) -> anyhow::Result<(Common, Request)> {
        let sha256 = match (self.sha256, &self.file) {
            (Some(sha256), _) => sha256,
            (None, Some(file)) => {
                let bytes = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
                hex(&Sha256::digest(bytes))
            }
            (None, None) => return Err(input::usage("write --sha256 or --file")),
        };
        let install = InstallMsi {
            product_code: self.product,
            version: self.version,
            url: self.url,
            sha256,
            arguments: self.arguments,
            timeout_minutes: self.time_limit,
            retries: self.retries,
            retry_interval_minutes: self.retry_interval,
        };
        Ok((self.common, Request::InstallMsi(install)))
    }
}

impl Remove {
    pub(super) fn parts(self) -> (Common, Request) {
        (self.common, Request::RemoveMsi(RemoveMsi { product_code: self.product }))
    }
}
