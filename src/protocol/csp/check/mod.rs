//! Author-time refusal of what can never work.

use super::Instruction;

/// One thing that is wrong with an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the JSON, such as `commands[1].items[0].data`.
    pub at: String,
    /// What, and what to write instead.
    pub what: String,
}

/// Finds everything in an instruction that no device could ever do.
///
/// `max_data` bounds the bytes of one value.
pub fn check(_instruction: &Instruction, _max_data: usize) -> Result<(), Vec<Problem>> {
    todo!()
}
