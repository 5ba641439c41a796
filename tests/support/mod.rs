//! What the integration tests stand on.

pub(crate) mod acme;
pub(crate) mod admin_door;
pub(crate) mod collector;
pub(crate) mod databases;
pub(crate) mod enrolled;
pub(crate) mod judge;
pub(crate) mod operator;
pub(crate) mod pc;
pub(crate) mod provider;
pub(crate) mod proxy;
pub(crate) mod s3;
pub(crate) mod server;
pub(crate) mod statements;
pub(crate) mod windows;
pub(crate) mod wire;
pub(crate) mod wns;
