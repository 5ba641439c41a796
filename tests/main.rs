//! The integration tests: one binary, so that it links once.

#[cfg(test)]
mod acme;
#[cfg(test)]
mod api;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod ca;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod e2e;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod published;
#[cfg(test)]
mod push;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
