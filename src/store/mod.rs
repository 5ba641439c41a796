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
//! credentials; facts of the catalogue, which hold no secret, are not, so that devices can be found by them. No type of the database library leaves this module.

mod action;
mod admission;
mod alert;
mod archive;
mod attention;
mod audit;
mod audit_search;
mod catalogue;
mod certificate;
mod command;
mod contact;
mod device;
mod device_list;
mod directory;
mod enroller;
mod enrollment;
mod enrollment_attempt;
mod enrollment_token;
mod envelope;
mod error;
mod fact;
mod feed;
mod fragments;
mod journal;
mod leaving;
mod location;
mod migrations;
mod multiply;
mod open;
mod operator;
mod operator_session;
mod plans;
mod policy;
mod pool;
mod preparation;
mod provisioning;
mod prune;
mod public_certificate;
mod push;
mod queue;
mod recovery_key;
mod restored;
mod saved_filter;
mod schema;
mod seal;
mod search;
mod session;
mod sign_in;
mod signing;
mod snapshot;
mod standing;
mod token;
mod tx;
mod upload;
mod user_session;
mod webhook;
mod words;
mod writer;

pub use admission::EnrolledByUser;
pub use archive::Archive;
pub use contact::{Contact, Reply, SaveContact, SaveSession};
pub use error::{Cause, Error};
pub use location::{DatabaseUrl, DatabaseUrlError, StoreOptions};
pub use multiply::{Copies, Multiplied, multiply, settle};
pub use open::Store;
pub use plans::{Looked, listen, looked};
pub use policy::PolicySubject;
pub use prune::{Pruned, RetentionRules};
pub use push::{ClaimRules, Credentials, Woken};
pub use queue::{Cancellation, Carrier, CommandChange, Lapsed, NewAttempt, Resolution};
pub use seal::SealKey;
pub use search::Placed;
pub use sign_in::Spending;
pub use snapshot::{Snapshot, snapshot};
pub use standing::DevicesStanding;
pub use token::Claim;
pub use tx::Tx;
pub use upload::{NewChunk, UploadBytes};
