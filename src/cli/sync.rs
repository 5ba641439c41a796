//! `transom device sync`: reaching a device, honestly.

use clap::Args;

use super::{
    Global, Output,
    client::connected,
    shown::{line, time},
};
use crate::admin::{Reach, SyncJson};

/// Ask a device to come, and say how it is reached and when at the latest
///
/// With push it is woken at once. Without, nothing makes it come earlier than its schedule does.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device sync 1A2B
  transom device sync 1A2B --json")]
pub(super) struct Sync {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
}

impl Sync {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let sync = client.sync(&self.id).await?;
            if output.is_json() {
                return output.document(&sync);
            }
            output.text(told(&sync))
        })
    }
}

pub(super) fn told(sync: &SyncJson) -> String {
    let how = match (sync.reach, sync.push_at) {
        (Reach::Push, Some(at)) => format!("is pushed to at {}", time(at)),
        (Reach::Push, None) => "is pushed to".to_owned(),
        (Reach::Schedule, _) => "can't be woken".to_owned(),
    };
    let latest = match sync.next_poll_at {
        Some(at) => format!("It comes by itself at {} at the latest, if it is on and online.", time(at)),
        None => "When it comes by itself is not known: another server gave it its schedule.".to_owned(),
    };
    let waiting = match sync.open_commands {
        0 => "Nothing waits for it.".to_owned(),
        1 => "1 command waits for it.".to_owned(),
        count => format!("{count} commands wait for it."),
    };
    format!("{} {how}: {}.\n{latest}\n{waiting}", line(&sync.device_id), line(&sync.why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_promised() {
        let mut sync: SyncJson = serde_json::from_value(serde_json::json!({
            "device_id": "1A2B", "reach": "schedule", "why": "push is not configured", "open_commands": 2,
        }))
        .unwrap();
        assert_eq!(
            told(&sync),
            "1A2B can't be woken: push is not configured.
When it comes by itself is not known: another server gave it its schedule.
2 commands wait for it."
        );
        sync.next_poll_at = Some(transom_protocol::session::Timestamp(1_800_000_000_000));
        assert!(told(&sync).contains("It comes by itself at 2027-01-15 08:00:00Z at the latest, if it is on"));
    }
}
