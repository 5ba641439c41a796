//! How commands show things to people: what came from outside is escaped, times and tables look the same everywhere.
//!
//! Nothing here knows the network. What is shown is text; colours only repeat what words say already.

mod escape;
mod paint;
mod words;

pub(super) use escape::{json, line, lines, short};
pub(super) use paint::{Ink, Paint};
pub(super) use words::{count, table, time, time_of_day};
