//! What several tests need.

pub(crate) mod databases;
pub(crate) mod statements;
