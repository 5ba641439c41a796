//! From a [`Message`] to XML text: one line, DTD order, no CDATA, escaped by construction (MS-MDM 2.2.2).

use super::{Command, Message};

/// Writes a message.
pub fn write(_message: &Message) -> String {
    todo!()
}

/// Bytes that a command takes in [`write`]'s output.
pub fn command_len(_command: &Command) -> usize {
    todo!()
}
