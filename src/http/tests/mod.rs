//! The doors from outside, over real sockets.

mod admin;
mod body;
mod device;
mod limits;
mod slow;
mod stopping;
mod support;
