//! Whether a setting would be taken.

use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;
use transom_protocol::csp::LocUri;
use transom_protocol::csp::catalogue::Level;
use transom_protocol::csp::ddf::Build;
use transom_protocol::syncml::Format;

use crate::admin::{CheckSetting, CheckedJson};
use crate::cli::{Global, Output, client::connected, shown::line};

/// Say whether a setting would be taken, without sending anything
///
/// Ends with 1 where it would be refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp check ./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength 12
  transom csp check ./Vendor/MSFT/Policy/Config/Camera/AllowCamera 0 --build 22631.3155")]
pub(super) struct Check {
    /// The setting
    #[arg(value_name = "URI")]
    target: LocUri,
    /// Its value
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: Option<String>,
    /// What is to be done: get, add, replace, delete, exec
    #[arg(long, value_name = "VERB", default_value = "replace")]
    kind: String,
    /// Format of the value [default: as the catalogue has it]
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// For a device with this build of Windows, such as 22631.3155
    #[arg(long, value_name = "BUILD")]
    build: Option<Build>,
    /// For a device with this edition: its number, as ./Vendor/MSFT/DeviceStatus/OS/Edition has it
    #[arg(long, value_name = "NUMBER")]
    edition: Option<u32>,
}

impl Check {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let setting = CheckSetting {
            kind: self.kind,
            target: self.target,
            format: self.format.as_deref().map(Format::from),
            data: self.value,
            build: self.build,
            edition: self.edition,
        };
        connected(global, async |client| {
            let checked = client.check_csp(&setting).await?;
            if output.is_json() {
                output.document(&checked)?;
            } else {
                output.text(told(&checked))?;
            }
            if checked.verdict == "refused" {
                bail!("the setting would be refused");
            }
            Ok(())
        })
    }
}

fn told(checked: &CheckedJson) -> String {
    let mut text = String::new();
    for finding in &checked.findings {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{level:<8} {}", line(&finding.what));
    }
    if checked.verdict != "refused" {
        let format = checked.format.as_ref().map(|format| format!(" ({})", format.as_str())).unwrap_or_default();
        let data = checked.data.as_deref().map(|data| format!(" = {}", line(data))).unwrap_or_default();
        let _ =
            writeln!(text, "{:<8} {}{}{}", checked.verdict, line(checked.target.as_str()), line(&data), line(&format));
    }
    text
}
