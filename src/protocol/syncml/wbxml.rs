//! WBXML 1.1 to 1.3 for `SyncML` 1.2 (code pages 0 and 1).

use super::Message;
use crate::xml::{Limits, Refusal};

/// The XML text that a WBXML body stands for.
pub fn to_xml(_body: &[u8], _limits: &Limits) -> Result<String, Refusal> {
    todo!()
}

/// Writes a message as WBXML.
pub fn encode(_message: &Message) -> Vec<u8> {
    todo!()
}
