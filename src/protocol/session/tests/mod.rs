//! Conversations: what devices say, what they hear, and what is kept. One file for each concern; each test is one rule.

mod admission;
mod answering;
mod authentication;
mod correlation;
mod downloads;
mod groups;
mod hostile;
mod interruption;
pub(super) mod judge;
mod kinds;
mod outcomes;
mod packaging;
pub(super) mod store;
mod talk;
mod uploads;
