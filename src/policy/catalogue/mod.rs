//! The catalogue of settings as this server has it: what was imported, before what the program brings along.
//!
//! [`archive`] reads what people import, [`builtin`] what is built in, [`Library`] keeps both and gives the
//! [`Catalogue`] that is made of them. What a file means is the protocol's to say.

pub mod archive;
pub mod builtin;
mod compared;
mod document;
mod library;
#[cfg(test)]
mod tests;
mod whole;

/// The words of the catalogue, for those who show it.
pub use transom_protocol::csp::{
    LocUri,
    catalogue::{Catalogue, Change, Difference, Finding, Found, Hit, Level, NodeId, Proposed, Rule, Shape, diff},
    ddf::{Access, Allowed, Applicability, Build, Deprecated, Device, Kind, NodeName, Reboot},
};
pub use transom_protocol::syncml::Format;

pub use library::{BUILTIN, ImportedDrop, ImportedTemplates, InUse, Library, LibraryError, kept};
pub use whole::held_whole;
