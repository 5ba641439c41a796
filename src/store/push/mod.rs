//! Waking devices: their channels, the outbox of pushes, and what the instances share.
//!
//! Whoever takes more than one of these rows takes them in the order enrollment, channel, push.

mod channel;
mod outbox;
mod schedule;
mod service;

pub use channel::Woken;
pub use outbox::ClaimRules;
pub use service::Credentials;

use super::seal::Place;

/// Channels and pushes of one sort that are counted.
const MOST_COUNTED: i64 = 1_000;

const fn uri_of(enrollment: &str) -> Place<'_> {
    Place { column: "push_channels.uri", row: enrollment }
}

const fn token_of(service: &str) -> Place<'_> {
    Place { column: "push_services.token", row: service }
}
