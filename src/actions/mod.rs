//! What is asked of a device as a whole: restart, lock, rename, wipe, rotate, scan, collect, install.
//!
//! Each action is typed ([`Request`]), knows the Windows that it needs, becomes commands of the queue, and **ends only
//! when the device itself says so**: with what it answers when it is asked again, with an alert, or by coming back. That
//! it has taken a command is `accepted`, not `done`. Nothing here is sent twice: what the queue calls `unknown` is
//! `unknown` here, and waits for a person or for the device's own word.
//!
//! Never speaks to a device itself and never reads a clock: commands go through the queue, answers come with messages
//! ([`Actions::before_message`], [`Actions::after_message`]).

mod archives;
mod bucket;
mod certificates;
mod defender;
mod diagnostics;
mod erase;
mod fold;
mod follow;
mod msi;
mod order;
mod plan;
mod possible;
mod power;
mod reading;
mod refusal;
mod rename;
mod request;
mod requirement;
mod rotation;
mod settle;
#[cfg(test)]
mod tests;

pub use archives::{ArchiveError, ArchiveFile, Archives, Claimed, UploadRefused};
pub use bucket::{Bucket, BucketError, BucketOptions, BucketSetupError, Pieces};
pub use certificates::{InstallPfx, InstallRoot, ScepEnrollment};
pub use defender::{Depth, Scan};
pub use diagnostics::Collection;
pub use erase::{Wipe, WipeVariant};
pub use msi::{InstallMsi, RemoveMsi};
pub use order::Ask;
pub use power::Reboot;
pub use refusal::Refusal;
pub use rename::Rename;
pub use request::Request;
pub use requirement::Facts;
pub use settle::Verdict;

use std::sync::{Arc, OnceLock};

use crate::store::Store;

/// Choices that an operator makes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Open commands that one device may have.
    pub max_open: i64,
    /// Devices that have a channel are woken for what is asked of them.
    pub wakes: bool,
    /// How long a device that has accepted an action may say nothing of its end, in milliseconds.
    pub accepted_timeout: i64,
    /// How long such an address is good, in milliseconds.
    pub upload_time: i64,
}

impl Default for Options {
    fn default() -> Self {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        Self { max_open: 10_000, wakes: false, accepted_timeout: 7 * DAY, upload_time: DAY }
    }
}

/// What is asked of devices as a whole. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Actions {
    store: Store,
    options: Arc<Options>,
    /// Where devices send archives, without the last segment; known when the door is open.
    upload_base: Arc<OnceLock<String>>,
}

impl Actions {
    /// On a store.
    pub fn new(store: Store, options: Options) -> Self {
        Self { store, options: Arc::new(options), upload_base: Arc::default() }
    }

    /// Devices reach this server at an address such as `https://mdm.example.test:8443`; what is said first holds.
    pub fn reached_at(&self, address: &str) {
        let _ = self.upload_base.set(format!("{}/Diagnostics/", address.trim_end_matches('/')));
    }
}
