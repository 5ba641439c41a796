//! The codec as a whole: recorded shapes, generated messages, and bytes that nobody meant.

mod door;
mod fixtures;
mod generated;
mod golden;
mod property;
mod redaction;
mod traces;
