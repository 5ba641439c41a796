//! A Windows 11 device, and a fleet of them, to try a server with.
//!
//! [`device::Device`] is a value: a server's message goes in, the device's answer comes out; no socket, no clock, no
//! randomness but its seed. It behaves as recorded Windows devices do, and it watches the server: whatever breaks the
//! book is a [`device::Complaint`]. [`enrollment`] gets it an account and a certificate from a server, [`client`] carries its messages over HTTPS, [`faults`] makes the wire bad on
//! request, [`fleet`] runs many at once, [`wns`] pushes to them. The simulator speaks the protocol and nothing else: it knows no store and no
//! capability of the server.

pub mod client;
pub mod device;
pub mod enrollment;
pub mod faults;
pub mod fleet;
pub mod identity;
pub mod notice;

#[cfg(test)]
pub(crate) mod tests;
pub mod tree;
pub mod wns;
