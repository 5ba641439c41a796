//! Whether a setting would be taken.

use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;
use transom_protocol::csp::LocUri;
use transom_protocol::csp::ddf::{Build, literal};
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
    /// For a device with this edition: its number, as ./Vendor/MSFT/DeviceStatus/OS/Edition has it, such as 48 or 0x30
    #[arg(long, value_name = "NUMBER", value_parser = edition)]
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

/// The number of an edition; descriptions write it hexadecimal, devices decimal.
fn edition(text: &str) -> Result<u32, String> {
    let number = literal(text).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| "write a number such as 48 or 0x30".to_owned())
}

fn told(checked: &CheckedJson) -> String {
    let mut text = String::new();
    for finding in &checked.findings {
        let level = finding.level.as_str();
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

#[cfg(test)]
mod tests {
    use super::edition;

    #[test]
    fn an_edition_is_a_number_of_either_kind() {
        assert_eq!((edition("48"), edition("0x30"), edition("0X1b")), (Ok(48), Ok(48), Ok(27)));
        assert!(["Pro", "0x", "0x-5", "-1", ""].into_iter().all(|text| edition(text).is_err()));
    }
}
