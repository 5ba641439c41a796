//! From XML text to a [`Message`].

use super::Message;
use crate::xml::{Limits, Refusal};

/// Reads a message: strict in structure, lenient in spelling.
pub fn read(_text: &str, _limits: &Limits) -> Result<Message, Refusal> {
    todo!()
}
