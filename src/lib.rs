//! Transom: a Windows device management server.
//!
//! Data flows one way: bytes come in at a door ([`http`]), become typed values ([`protocol`]), go through a core that
//! decides and knows no I/O, and the decision is stored ([`store`]) and written out again. `docs/ARCHITECTURE.md` is
//! the map.

pub use transom_protocol as protocol;

pub mod acme;
pub mod actions;
pub mod admin;
pub mod cli;
pub mod config;
pub mod enrollment;
pub mod events;
pub mod http;
pub mod inventory;
pub mod limits;
pub mod management;
pub mod metrics;
pub mod model;
pub mod pki;
pub mod policy;
pub mod provisioning;
pub mod push;
pub mod simulator;
pub mod store;
pub mod ui;
