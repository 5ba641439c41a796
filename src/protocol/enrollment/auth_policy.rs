//! How one signs in, and which way is taken (MS-MDE2 3.1.4.1.3.2).

use serde::{Deserialize, Serialize};

use crate::soap::FaultKind;

/// A way to sign in, as discovery names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthPolicy {
    /// A user name and a password, asked by Windows itself.
    OnPremise,
    /// A page of ours, or a token of Entra.
    Federated,
    /// A certificate that is on the device already.
    Certificate,
}

/// The device and the server have no way to sign in in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the device offers to sign in by {}, and the server is configured for {}", list(offered), list(configured))]
pub struct NothingInCommon {
    /// What the device offers.
    pub offered: Vec<AuthPolicy>,
    /// What the server is configured for.
    pub configured: Vec<AuthPolicy>,
}

impl AuthPolicy {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnPremise => "OnPremise",
            Self::Federated => "Federated",
            Self::Certificate => "Certificate",
        }
    }

    /// The way that a name on the wire means.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::OnPremise, Self::Federated, Self::Certificate]
            .into_iter()
            .find(|policy| text.trim().eq_ignore_ascii_case(policy.as_str()))
    }
}

impl NothingInCommon {
    /// The fault that tells the device.
    pub const fn fault(&self) -> FaultKind {
        FaultKind::NotSupported
    }
}

/// The way to sign in: the first of those that are configured which the device offers. The device's order says nothing.
pub fn choose_auth_policy(offered: &[AuthPolicy], configured: &[AuthPolicy]) -> Result<AuthPolicy, NothingInCommon> {
    configured
        .iter()
        .find(|policy| offered.contains(policy))
        .copied()
        .ok_or_else(|| NothingInCommon { offered: offered.to_vec(), configured: configured.to_vec() })
}

fn list(policies: &[AuthPolicy]) -> String {
    if policies.is_empty() {
        return "nothing".to_owned();
    }
    policies.iter().map(|policy| policy.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::AuthPolicy::{Certificate, Federated, OnPremise};
    use super::*;

    #[test]
    fn what_is_configured_first_and_offered_is_chosen() {
        assert_eq!(choose_auth_policy(&[OnPremise, Federated], &[Federated, OnPremise]), Ok(Federated));
        assert_eq!(choose_auth_policy(&[Federated, OnPremise], &[OnPremise, Federated]), Ok(OnPremise));
        assert_eq!(choose_auth_policy(&[Certificate], &[OnPremise, Certificate]), Ok(Certificate));
    }

    #[test]
    fn nothing_in_common_is_a_fault_that_says_what_there_is() {
        let refused = choose_auth_policy(&[Federated], &[OnPremise]).unwrap_err();
        assert_eq!(refused.fault(), FaultKind::NotSupported);
        assert_eq!(
            refused.to_string(),
            "the device offers to sign in by Federated, and the server is configured for OnPremise"
        );
        assert!(choose_auth_policy(&[], &[OnPremise]).is_err());
        assert!(choose_auth_policy(&[OnPremise], &[]).unwrap_err().to_string().ends_with("nothing"));
    }

    #[test]
    fn names_are_those_of_the_wire() {
        assert_eq!(AuthPolicy::parse(" onpremise\n"), Some(OnPremise));
        assert_eq!(AuthPolicy::parse("Kerberos"), None);
        assert_eq!(serde_json::to_string(&Federated).unwrap(), "\"Federated\"");
    }
}
