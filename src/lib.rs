//! Transom, a Windows device management server.

pub mod model;
pub mod store;
