//! Enrollment as a whole: our own exchanges, recorded devices, both sides against each other, what strangers send.

mod documents;
mod fixtures;
mod golden;
mod properties;
mod talk;
mod traces;
