//! Policies: what was published, what each device is to have, and what became of it.
//!
//! What a device is to have is one sealed document for each life of it, so that a message that brings an outcome reads one
//! row and writes one. Lists and counts are kept beside it, by what changed.

mod devices;
mod drafts;
mod published;
mod revisions;
mod secrets;
mod staged;
mod work;

pub use devices::PolicySubject;
