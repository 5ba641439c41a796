//! What is asked of devices as a whole: `transom device reboot` and the like ask, `transom action` follows.

mod ask;
mod certificates;
mod follow;
mod recovery_keys;
mod software;
mod wait;

pub(super) use ask::Ask;
pub(super) use follow::ActionVerb;
pub(super) use recovery_keys::Keys;
