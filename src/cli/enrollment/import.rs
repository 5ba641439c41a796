//! `transom enrollment import`: devices that were enrolled elsewhere.

use anyhow::{Context as _, bail};
use clap::Args;

use crate::admin::{Import, Imported};
use crate::cli::{
    Global, Output,
    client::connected,
    hinted, input,
    progress::Progress,
    shown::{count, line, table},
};

/// Entries in one request: what one transaction of the server takes, so that each is done as a whole or not at all.
const TOGETHER: usize = 500;

/// Import enrollments with their credentials
///
/// A device that is enrolled already gets a new enrollment; the old one works until the device has used the new one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImportFile {
    /// File with the enrollments in JSON; - is standard input
    #[arg(value_name = "FILE")]
    file: String,
}

const EXAMPLES: &str = r#"The file holds one enrollment, a list of them, or {"enrollments": [...]}. Each enrollment has
  device_id       what the device calls itself (its DevId)
  secret          its password (AAUTHSECRET of APPSRV)
and may have
  name            what people call it
  user            its user name (AAUTHNAME of APPSRV); the device id without it
  nonce           the nonce that it knows, in base64; without it the device is challenged
  scheme          md5 or basic
  server_user, server_secret
                  what the server proves itself with, where the device wants that

Examples:
  transom enrollment import devices.json
  echo '[{"device_id":"1A2B","user":"dm","secret":"..."}]' | transom enrollment import -"#;

impl ImportFile {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let text = input::read(&self.file)?;
        let sent = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", self.file))?;
        let entries = Import::of(sent)
            .map_err(|error| hinted(format!("{}: {error}", self.file), "see transom enrollment import --help"))?
            .into_entries();
        if entries.is_empty() {
            bail!("{} holds no enrollment", self.file);
        }
        connected(global, async |client| {
            let mut progress = Progress::new();
            let mut imported = Imported::default();
            for (place, some) in entries.chunks(TOGETHER).enumerate() {
                progress.say(&format!("importing: {} of {}", place * TOGETHER, count(entries.len(), "enrollment")));
                let key = uuid::Uuid::now_v7().to_string();
                let done = client.import(some, &key).await;
                imported = match done {
                    Err(error) if imported.imported > 0 => return Err(error).context(broken_off(&imported)),
                    done => imported.with(done?),
                };
            }
            drop(progress);
            if output.is_json() {
                output.document(&imported)?;
            } else {
                output.text(told(&imported))?;
            }
            if imported.refused > 0 {
                bail!("{} could not be imported", count(imported.refused, "enrollment"));
            }
            Ok(())
        })
    }
}

/// What to know when a later part fails.
fn broken_off(imported: &Imported) -> String {
    format!("after {}", count(imported.imported, "imported enrollment"))
}

fn told(imported: &Imported) -> String {
    let refused = imported.devices.iter().enumerate().filter_map(|(place, device)| {
        let name = device.device_id.as_deref().map(line).unwrap_or_default();
        Some([(place + 1).to_string(), name, line(device.error.as_deref()?)])
    });
    let table = table(&["ENTRY", "DEVICE", "WHY NOT"], refused);
    format!("Imported {}.\n{table}", count(imported.imported, "enrollment"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::ImportedDevice;

    #[test]
    fn what_was_refused_is_told_with_its_place() {
        let device = |id: &str, error: Option<&str>| ImportedDevice {
            device_id: Some(id.to_owned()),
            enrollment_id: None,
            generation: None,
            error: error.map(str::to_owned),
        };
        let imported = Imported {
            imported: 1,
            refused: 1,
            devices: vec![device("A", None), device("B\n", Some("secret is empty"))],
        };
        let text = told(&imported);
        assert!(text.starts_with("Imported 1 enrollment.\n"), "{text}");
        assert!(text.contains("2       B\\n      secret is empty"), "{text}");
        assert_eq!(told(&Imported { imported: 3, ..Imported::default() }), "Imported 3 enrollments.\n");
    }
}
