//! Reads the files in which Microsoft describes what its CSPs take: DDF, the device description framework of OMA DM
//! (`OMA-TS-DM_TND` 1.2 with Microsoft's extensions), in both vocabularies that Windows has had.
//!
//! The files come from whoever administers the server and are read as if they came from a stranger: bounded in size,
//! depth and number of nodes, no entity is ever expanded, nothing is fetched. What is unknown is counted and passed
//! over, so that next year's file still reads.

mod allowed;
mod applicability;
mod node;
mod read;
#[cfg(test)]
mod tests;
pub(crate) mod text;

pub(crate) use allowed::number;
pub use allowed::{Admx, Allowed, Choice, Element, Kind, Range, literal, meant, truth};
pub use applicability::{Applicability, Build, BuildError, Device, Fit, Release};
pub use node::{
    Access, Conflict, Dependency, DependencyGroup, Deprecated, Naming, Node, NodeName, Occurrence, Properties, Reboot,
};
pub use read::{DdfError, DdfFile, Dialect, Root, read};
pub use text::Encoding;

/// Most bytes of one file. The largest that Microsoft has published has 3 MB.
pub const MAX_FILE: usize = 16 * 1024 * 1024;

/// Most nodes of one file.
pub const MAX_NODES: usize = 100_000;
