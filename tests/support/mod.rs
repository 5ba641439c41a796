//! What the integration tests stand on.

pub mod databases;
pub mod judge;
