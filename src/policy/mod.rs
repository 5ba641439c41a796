//! Policy: what authors want of devices, the catalogue that they write against, and what they have from elsewhere.

pub mod catalogue;
pub mod declaration;
pub mod import;
pub mod reconcile;
pub mod rollout;
