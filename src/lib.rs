//! Transom: a Windows device management server.
//!
//! Bytes come in at a door ([`http`]), become typed values ([`transom_protocol`]), go through rules that know no I/O
//! ([`management`]), and the decision is stored and written out again.

pub mod cli;
pub mod config;
pub mod http;
pub mod limits;
pub mod management;
pub mod metrics;
pub mod pki;
