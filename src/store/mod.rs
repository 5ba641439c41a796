//! What Transom remembers: SQLite in a file, or PostgreSQL.
//!
//! Stores and returns values; decides nothing and never sees XML. Every question and every change is a method of
//! [`Tx`], named after what it answers, and runs in a transaction that [`Store::write`] or [`Store::read`] opens.
//! A device's message is one such transaction (design, section 2).
//!
//! **On SQLite one thread writes.** It commits whatever has queued up as one transaction, each job in a savepoint, and
//! answers after the commit. On PostgreSQL jobs run on a pool of connections, and the row of an enrollment is the lock
//! of everything that belongs to it: [`Tx::live_enrollments`] and [`Tx::enrollment_for_update`] take it.
//!
//! **Whatever may hold a value that was set on or read from a device is sealed** ([`SealKey`]), and so are
//! credentials. No type of the database library leaves this module.

mod admission;
mod certificate;
mod command;
mod contact;
mod device;
mod enroller;
mod enrollment;
mod enrollment_attempt;
mod enrollment_token;
mod error;
mod fragments;
mod journal;
mod leaving;
mod location;
mod migrations;
mod open;
mod pool;
mod prune;
mod push;
mod queue;
mod schema;
mod seal;
mod session;
mod sign_in;
mod signing;
mod token;
mod tx;
mod upload;
mod words;
mod writer;

pub use admission::EnrolledByUser;
pub use contact::{Contact, Reply, SaveContact, SaveSession};
pub use error::{Cause, Error};
pub use location::{DatabaseUrl, DatabaseUrlError, StoreOptions};
pub use open::Store;
pub use prune::{Pruned, RetentionRules};
pub use push::{ClaimRules, Credentials, Woken};
pub use queue::{Cancellation, Carrier, CommandChange, NewAttempt, Resolution};
pub use seal::SealKey;
pub use sign_in::Spending;
pub use token::Claim;
pub use tx::Tx;
pub use upload::{NewChunk, UploadBytes};
