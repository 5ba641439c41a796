//! Transom: a Windows device management server.

pub mod simulator;

/// The command line.
pub mod cli {
    pub mod simulate;
}
