//! Why something is not asked of a device.

use crate::store::Error;

/// Why something is not asked of a device.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A value is wrong in itself.
    #[error("{what}")]
    Invalid {
        /// JSON pointer into the request.
        at: &'static str,
        /// What is wrong, and what to write instead.
        what: String,
    },
    /// A name can't be part of an address.
    #[error("this can't be a node of a device: {0}")]
    Unnameable(String),
    /// The device's Windows does not have it.
    #[error("the device can't do this: {0}")]
    Unsuitable(String),
    /// It takes away what can't be brought back, and the device was not named a second time.
    #[error("this takes away what can't be brought back: name the device a second time in confirm")]
    Unconfirmed,
    /// The same is under way.
    #[error("the same is under way already, or its outcome is not known: see action {0}")]
    UnderWay(String),
    /// The server has no place for archives.
    #[error("this server takes no archives of diagnostics")]
    NoUploads,
    /// No such device.
    #[error("there is no such device")]
    UnknownDevice,
    /// It is not enrolled.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// It is told to leave.
    #[error("the device is told to leave management, so nothing more reaches it")]
    Leaving,
    /// Its queue is full.
    #[error("the queue of the device is full; clear it first")]
    QueueFull,
    /// There is no such action.
    #[error("there is no such action")]
    UnknownAction,
    /// The action does not stand where it would have to.
    #[error("{0}")]
    Standing(String),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Refusal {
    pub(super) fn invalid(at: &'static str, what: impl Into<String>) -> Self {
        Self::Invalid { at, what: what.into() }
    }
}
