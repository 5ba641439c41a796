//! Conversations: what devices say, what they hear, and what is kept. One file for each concern; each test is one rule.

mod admission;
mod authentication;
pub(super) mod judge;
pub(super) mod store;
mod talk;
