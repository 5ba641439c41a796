//! A database that is as large as wanted: what a few devices really left behind, copied under other ids and times.
//!
//! For measurements. Every row of a copy has the contents of a real one, sealed for its own place, so that all that reads
//! a database reads this one. It is filled on a connection of its own, without the care for power cuts that a server has,
//! and its indexes are made at the end: nobody else may use the database meanwhile, and what was interrupted is rubbish.

mod copy;
mod fill;
mod life;
mod rows;

pub use fill::{Copies, Multiplied, multiply, settle};
