//! How a device is told to sign in.

use super::{AuthPolicy, HttpsUrl};

/// A way to sign in with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// A user name and a password.
    OnPremise,
    /// A page that the device opens; with Entra the device has its token already and does not.
    Federated {
        /// `AuthenticationServiceUrl`.
        authentication: HttpsUrl,
    },
    /// A certificate that is on the device already.
    Certificate,
}

impl SignIn {
    /// The `AuthPolicy` that discovery answers.
    pub const fn policy(&self) -> AuthPolicy {
        match self {
            Self::OnPremise => AuthPolicy::OnPremise,
            Self::Federated { .. } => AuthPolicy::Federated,
            Self::Certificate => AuthPolicy::Certificate,
        }
    }
}
