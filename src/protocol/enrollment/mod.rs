//! Enrollment as messages and documents (MS-MDE2, MS-XCEP, MS-WSTEP): read what a device asks, write what it is told.
//!
//! A device walks three steps: [`read_discover`] says where the services are and how one signs in,
//! [`read_get_policies`] what its certificate request may look like, [`read_token_request`] brings that request and asks
//! for a [`ProvisioningDocument`]. A renewal is the last step alone, and gets a [`RenewalDocument`].
//!
//! What a device says about itself is kept as it was said, unjudged; what is written is valid by its types. The
//! certificate request stays bytes here. [`client`] is the other side of the same messages.

mod auth_policy;
pub mod client;
mod context;
mod discover;
mod policies;
mod provisioning;
mod sign_in;
mod token;
mod url;
mod version;

pub use auth_policy::{AuthPolicy, NothingInCommon, choose_auth_policy};
pub use context::{DeviceContext, EnrollmentType};
pub use discover::{Discover, DiscoverResponse, read_discover, write_discover_response};
pub use policies::{CertificatePolicy, GetPolicies, read_get_policies, write_policies_response};
pub use provisioning::{
    Application, ClientAuth, ConnectionRetry, CredentialSide, DefaultEncoding, DmClient, Poll, PollRefused,
    PollSchedule, ProviderId, ProviderIdRefused, ProvisioningDocument, RenewRefused, RenewSettings, RenewalDocument,
    ServerAuth, StoreCertificate, secret_node,
};
pub use sign_in::SignIn;
pub use token::{TokenKind, TokenRequest, read_token_request, write_token_response};
pub use url::{HttpsUrl, UrlRefused};
pub use version::Version;

#[cfg(test)]
mod tests;
