//! What can be asked of a device: nodes by their `LocURI`, and instructions on them.

pub mod admx;
mod archive;
pub mod catalogue;
pub mod check;
pub mod ddf;
mod element;
mod instruction;
mod loc_uri;
mod msi_job;

pub use archive::{ArchiveDefinition, ArchiveResults};
pub use element::TreeError;
pub use instruction::{IfExists, Instruction, Operation, Setting};
pub use loc_uri::{LocUri, LocUriError, Property, Query, Scope};
pub use msi_job::MsiInstallJob;

/// The beginning of what somebody wrote: it is repeated in what is said of it, however long it is.
pub(crate) fn short(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
