//! The SyncML codec from outside: recorded shapes, generated messages, and bytes that nobody meant.

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod property;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod traces;
