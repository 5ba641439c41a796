//! Why a sign-in comes to nothing.

use transom_protocol::soap::FaultKind;

use super::{CertificateDenied, outbound::FetchError};
use crate::{pki::token::TokenRefused, store};

/// Why somebody is not signed in. The text is for an administrator, and holds nothing that a stranger sent but
/// characters of a code.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// This way is not configured.
    #[error("this way to sign in is not configured")]
    NotOffered,
    /// No sign-in belongs to the handle, or its time is over.
    #[error("the device shows a sign-in that was never completed here, or too long ago")]
    UnknownHandle,
    /// A device was enrolled with it already.
    #[error("another device was enrolled with this sign-in")]
    Spent,
    /// The token is not to be believed.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// The token is of a tenant whose users may not enroll.
    #[error("the token comes from a tenant whose users may not enroll")]
    Tenant,
    /// The terms of use were not accepted by this user, or others were.
    #[error("the user has not accepted the terms of use as they are now")]
    Terms,
    /// The envelope that is signed with a certificate does not count.
    #[error(transparent)]
    Certificate(CertificateDenied),
    /// What the browser was to keep is not there, is not ours, or is of another sign-in.
    #[error("the browser does not bring back what it was given when this sign-in began")]
    Browser,
    /// The sign-in took too long.
    #[error("the sign-in took too long")]
    TooLate,
    /// The sign-in was completed before.
    #[error("this sign-in was completed before")]
    Repeated,
    /// The provider did not let the user in; its word for why.
    #[error("the provider answers {0:?}")]
    Provider(String),
    /// The provider did not change the code into tokens; its word for why.
    #[error("the provider gives no tokens for its code: {0}")]
    Exchange(String),
    /// The provider does not say who signed in.
    #[error("the provider does not say who signed in: there is no usable claim {0}")]
    Nameless(String),
    /// The user lacks what is required for enrolling.
    #[error("the user does not have the claim {0} that is required for enrolling")]
    NotAllowed(String),
    /// Keys or documents of the provider could not be had.
    #[error("the provider's keys or documents can't be had: {0}")]
    Provided(#[from] FetchError),
    /// OpenSSL failed.
    #[error("sealing failed")]
    Sealing,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Denied {
    /// The word for it in the journal and in counters.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotOffered => "sign_in_not_offered",
            Self::UnknownHandle => "sign_in_unknown",
            Self::Spent => "sign_in_spent",
            Self::Token(refused) => refused.word(),
            Self::Tenant => "jwt_tenant",
            Self::Terms => "terms",
            Self::Certificate(denied) => denied.word(),
            Self::Browser => "sign_in_browser",
            Self::TooLate => "sign_in_late",
            Self::Repeated => "sign_in_repeated",
            Self::Provider(_) => "sign_in_refused",
            Self::Exchange(_) => "sign_in_exchange",
            Self::Nameless(_) => "sign_in_nameless",
            Self::NotAllowed(_) => "sign_in_not_allowed",
            Self::Provided(_) => "sign_in_provider",
            Self::Sealing => "sign_in_sealing",
            Self::Store(_) => "store",
        }
    }

    /// What an administrator can do.
    pub fn remedy(&self) -> &'static str {
        REMEDIES.iter().find(|(of, _)| *of == self.word()).map_or(ELSE, |(_, remedy)| remedy)
    }

    /// What the device gets (MS-MDE2 2.2.10). Nothing of it tells one who guesses how near they are.
    pub const fn fault(&self) -> FaultKind {
        match self {
            Self::Tenant | Self::NotAllowed(_) => FaultKind::Authorization,
            Self::Terms => FaultKind::InvalidEnrollmentData,
            Self::Certificate(CertificateDenied::Signature(_)) => FaultKind::InvalidSecurity,
            Self::Provided(_) => FaultKind::InMaintenance,
            Self::Store(error) if error.is_temporary() => FaultKind::InMaintenance,
            Self::Sealing | Self::Store(_) => FaultKind::InternalServiceFault,
            _ => FaultKind::Authentication,
        }
    }

    /// Whether it counts against the address that tries.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::UnknownHandle | Self::Token(_) | Self::Tenant | Self::Certificate(_))
    }

    /// Whether the cause lies with us or the provider rather than with whoever signs in.
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Exchange(_) | Self::Provided(_) | Self::Sealing | Self::Store(_))
    }
}

const AGAIN: &str = "let the user begin again; a sign-in is good for half an hour";
const CLOCKS: &str = "check the clocks of this server and the device";
const PACKAGE: &str = "compare the certificate of the package with [certificate_sign_in]";
const SETTINGS: &str = "check issuer, client id and keys in the settings";
const ELSE: &str = "the server's log says more";

/// What helps, by the word.
pub(in crate::enrollment) const REMEDIES: &[(&str, &str)] = &[
    ("sign_in_not_offered", "configure [openid], [entra] or [certificate_sign_in] in transom.toml"),
    ("sign_in_unknown", AGAIN),
    ("sign_in_late", AGAIN),
    ("sign_in_spent", "let the user sign in again for each device"),
    ("sign_in_browser", "begin again, in one window, with cookies allowed for this server"),
    ("sign_in_repeated", "begin again; going back in the browser does not work"),
    ("sign_in_refused", "see the provider's log for this user and this client"),
    ("sign_in_exchange", "check client id, client secret and redirect URI here and at the provider"),
    ("sign_in_nameless", "let the provider send this claim to this client, or name another in openid.user_claim"),
    ("sign_in_not_allowed", "add the user to the group that may enroll, or change openid.required_claim"),
    ("sign_in_provider", "check that this server reaches the provider and trusts its certificate (ca)"),
    ("jwt_malformed", SETTINGS),
    ("jwt_algorithm", SETTINGS),
    ("jwt_signature", SETTINGS),
    ("jwt_issuer", SETTINGS),
    ("jwt_claim", SETTINGS),
    ("jwt_key", "check that the keys are those of the issuer, and that they can be had"),
    ("jwt_audience", "compare the token's audience with entra.audiences: the application's id URI and its client id"),
    ("jwt_expired", CLOCKS),
    ("jwt_not_yet", CLOCKS),
    ("jwt_tenant", "add the tenant to entra.tenants if its users may enroll"),
    ("terms", "let the user begin again and accept the terms of use"),
    ("envelope_signature", PACKAGE),
    ("envelope_time", CLOCKS),
    ("certificate_unreadable", PACKAGE),
    ("certificate_key", PACKAGE),
    ("certificate_time", "make a new package: its certificate has expired, or is not valid yet"),
    ("certificate_untrusted", PACKAGE),
    ("certificate_nameless", PACKAGE),
    ("certificate_signature", PACKAGE),
];
