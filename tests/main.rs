//! The integration tests, in one binary.

#[cfg(test)]
mod layers;
#[cfg(test)]
mod support;
