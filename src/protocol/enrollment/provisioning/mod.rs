//! `wap-provisioningdoc`: what a device is told once it is enrolled (MS-MDE2 2.2.9, CSPs `CertificateStore`, `w7`
//! `APPLICATION`, `DMClient`).
//!
//! Windows applies the document as a whole or not at all, and says little about what it did not like. So these types hold
//! what it is known to take, in the order in which it is known to take it, and nothing else.

mod account_node;
mod application;
mod certificate;
mod dm_client;
mod document;
mod poll;
mod provider_id;
mod renew;
mod wap;

pub use account_node::{CredentialSide, secret_node};
pub use application::{Application, ClientAuth, ConnectionRetry, DefaultEncoding, ServerAuth};
pub use certificate::StoreCertificate;
pub use dm_client::DmClient;
pub use document::{ProvisioningDocument, RenewalDocument};
pub use poll::{Poll, PollRefused, PollSchedule};
pub use provider_id::{ProviderId, ProviderIdRefused};
pub use renew::{RenewRefused, RenewSettings};
