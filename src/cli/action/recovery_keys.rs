//! `transom device recovery-key`: keys that get somebody back into a device.

use clap::{Args, Subcommand, ValueEnum};

use crate::{
    admin::{NewRecoveryKeyJson, RecoveryKeyJson, RecoveryKeysJson, Reveal},
    cli::{
        Global, Output,
        client::connected,
        hinted, input,
        shown::{line, short, table, time},
    },
    model::{RecoveryKeyKind, Secret, SecretText},
};

/// Longest reason in a line of a table.
const LONGEST: usize = 60;

/// Keys that get somebody back into a device.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    #[command(name = "recovery-key")]
    Show(ShowKey),
    #[command(name = "recovery-keys")]
    List(ListKeys),
    #[command(name = "keep-recovery-key")]
    Keep(KeepKey),
}

/// Show a recovery key of a device, for a reason that is kept
///
/// Without --key, the newest that is not outdated. Who has seen which, when and why is listed by recovery-keys.
#[derive(Debug, Args)]
#[command(
    name = "recovery-key",
    after_help = "Examples:
  transom device recovery-key 1A2B --reason 'ticket 4711: BitLocker asks for it'"
)]
pub(crate) struct ShowKey {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// Why; it is kept
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Which one
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Of which sort, where none is named
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Kind::Bitlocker)]
    kind: Kind,
}

/// List the recovery keys of a device, without the secrets, and who has seen them
#[derive(Debug, Args)]
#[command(
    name = "recovery-keys",
    after_help = "Examples:
  transom device recovery-keys 1A2B"
)]
pub(crate) struct ListKeys {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
}

/// Hand over a recovery key of a device, to be kept here
///
/// Windows gives recovery keys to Entra ID or Active Directory and not to its management server: somebody or something
/// that has one, such as a script on the device, hands it over. It is sealed, and shown only for a reason.
#[derive(Debug, Args)]
#[command(
    name = "keep-recovery-key",
    after_help = "Examples:
  transom device keep-recovery-key 1A2B --kind bitlocker --name '{protector id}' --file key.txt"
)]
pub(crate) struct KeepKey {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// Of which sort
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Kind,
    /// The protector of the volume, or the account
    #[arg(long, value_name = "NAME")]
    name: String,
    /// File with the key; - is standard input
    #[arg(long, value_name = "FILE")]
    file: String,
}

/// Of which sort a key is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A recovery password of `BitLocker`
    Bitlocker,
    /// A password of a local administrator
    Laps,
}

impl Kind {
    const fn model(self) -> RecoveryKeyKind {
        match self {
            Self::Bitlocker => RecoveryKeyKind::Bitlocker,
            Self::Laps => RecoveryKeyKind::Laps,
        }
    }
}

impl Keys {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self {
            Self::Show(show) => show.run(global, output),
            Self::List(list) => list.run(global, output),
            Self::Keep(keep) => keep.run(global, output),
        }
    }
}

impl ShowKey {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let key = if let Some(key) = &self.key {
                key.clone()
            } else {
                let keys = client.recovery_keys(&self.id).await?;
                newest(&keys.items, self.kind.model()).map(|key| key.id.clone()).ok_or_else(|| {
                    let what = format!("no key of {} is kept that is not outdated", line(&self.id));
                    hinted(what, format!("transom device recovery-keys {}", line(&self.id)))
                })?
            };
            let shown = client.reveal_recovery_key(&self.id, &key, &Reveal { reason: self.reason.clone() }).await?;
            if output.is_json() {
                return output.document(&shown);
            }
            let what = format!("{} {}", shown.key.kind.as_str(), line(&shown.key.name));
            output.text(format!("{what}: {}", line(shown.secret.secret().expose())))
        })
    }
}

impl ListKeys {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let keys = client.recovery_keys(&self.id).await?;
            if output.is_json() {
                return output.document(&keys);
            }
            output.text(told(&keys))
        })
    }
}

impl KeepKey {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let secret = input::read(&self.file)?.trim().to_owned();
        let new = NewRecoveryKeyJson {
            kind: self.kind.model(),
            name: self.name.clone(),
            secret: SecretText::new(Secret::new(secret)),
        };
        connected(global, async |client| {
            let kept = client.keep_recovery_key(&self.id, &new).await?;
            if output.is_json() {
                return output.document(&kept);
            }
            output.text(format!("{} {} is kept.", kept.kind.as_str(), line(&kept.name)))
        })
    }
}

fn newest(keys: &[RecoveryKeyJson], kind: RecoveryKeyKind) -> Option<&RecoveryKeyJson> {
    keys.iter().find(|key| key.kind == kind && key.outdated_at.is_none())
}

fn told(keys: &RecoveryKeysJson) -> String {
    if keys.items.is_empty() {
        return "no recovery keys are kept".to_owned();
    }
    let rows = keys.items.iter().map(|key| {
        [
            line(&key.id),
            key.kind.as_str().to_owned(),
            line(&key.name),
            time(key.created_at),
            line(&key.created_by),
            key.outdated_at.map_or_else(|| "current".to_owned(), |at| format!("outdated {}", time(at))),
        ]
    });
    let mut text = table(&["KEY", "KIND", "NAME", "KEPT", "BY", "STATE"], rows);
    if !keys.views.is_empty() {
        let rows = keys
            .views
            .iter()
            .map(|view| [line(&view.key_id), time(view.at), line(&view.by), short(&view.reason, LONGEST)]);
        text.push_str("\n\n");
        text.push_str(&table(&["SHOWN", "WHEN", "TO", "BECAUSE"], rows));
    }
    text
}
