//! What can be asked of a device: nodes by their `LocURI`, and instructions on them.

pub mod check;
mod instruction;
mod loc_uri;

pub use instruction::{IfExists, Instruction, Operation, Setting};
pub use loc_uri::{LocUri, LocUriError, Property, Query, Scope};
