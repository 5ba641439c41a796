//! Policy: what authors want of devices, the catalogue that they write against, and what they have from elsewhere.

pub mod catalogue;
pub mod declaration;
pub mod form;
pub mod import;
pub mod merge;
pub mod reconcile;
pub mod rollout;
