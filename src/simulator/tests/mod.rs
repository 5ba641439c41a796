//! The simulator against the session core: in memory and over TLS.

mod conversation;
mod enrollment;
mod faults;
mod fleet;
pub(crate) mod office;
pub(crate) mod server;
pub(crate) mod tls;
mod wire;
