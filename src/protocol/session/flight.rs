//! Finds what our messages of a session carried, without looking at all of it for each Status: a device may send
//! thousands, right or wrong.

use std::collections::BTreeMap;

use super::{CommandId, MsgId, Sent};

/// Places in the `in_flight` of a session. To be made anew when something was removed from it.
#[derive(Debug)]
pub(super) struct Flight {
    by_reference: BTreeMap<(MsgId, u32), usize>,
    by_command: BTreeMap<CommandId, Vec<usize>>,
}

impl Flight {
    pub(super) fn new(in_flight: &[Sent]) -> Self {
        let by_reference = in_flight.iter().enumerate().map(|(at, sent)| ((sent.message, sent.cmd_id), at)).collect();
        let mut by_command: BTreeMap<CommandId, Vec<usize>> = BTreeMap::new();
        for (at, sent) in in_flight.iter().enumerate() {
            match by_command.get_mut(&sent.command) {
                Some(places) => places.push(at),
                None => {
                    by_command.insert(sent.command.clone(), vec![at]);
                }
            }
        }
        Self { by_reference, by_command }
    }

    /// What `MsgRef` and `CmdRef` name.
    pub(super) fn find(&self, msg_ref: &str, cmd_ref: &str) -> Option<usize> {
        let message = MsgId::parse(msg_ref)?;
        let digits = matches!(cmd_ref.len(), 1..=10) && cmd_ref.bytes().all(|byte| byte.is_ascii_digit());
        let cmd_id = digits.then(|| cmd_ref.parse().ok()).flatten()?;
        self.by_reference.get(&(message, cmd_id)).copied()
    }

    /// Every part of a command.
    pub(super) fn parts_of(&self, command: &CommandId) -> &[usize] {
        self.by_command.get(command).map_or(&[], Vec::as_slice)
    }

    /// Whether a message carried anything that is still kept.
    pub(super) fn has(&self, message: MsgId) -> bool {
        self.by_reference.range((message, 0)..=(message, u32::MAX)).next().is_some()
    }
}
