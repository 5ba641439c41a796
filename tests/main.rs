//! The integration tests, in one binary.

#[cfg(test)]
mod compose;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod support;
