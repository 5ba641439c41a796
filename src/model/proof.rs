//! What proves who sent a message, and how each proof was judged.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A proof of identity that came with a message, or was looked for in vain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proof {
    /// What kind of proof.
    pub kind: ProofKind,
    /// How it was judged.
    pub verdict: Verdict,
    /// A word for why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same for a reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What may prove who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// The client certificate of the connection, at this server or at a proxy that it trusts.
    Certificate,
    /// `MS-Signature` (MS-MDM 2.1).
    Signature,
    /// `Cred` of the `SyncHdr` (OMA DM Security 5).
    Credential,
    /// A token of Entra ID: of a user, or of the device.
    Token,
    /// The envelope that the message came in (`EnhancedAppLayerSecurity`).
    Envelope,
}

/// How a proof was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProofVerdict)]
pub enum Verdict {
    /// It proves that the message is the device's.
    Good,
    /// It is wrong, and the message was refused for it; a token is only not believed.
    Refused,
    /// It was not there and should have been.
    Missing,
    /// It was not looked at, or proves nothing here.
    Ignored,
}

/// Whether messages of a device are signed (`DMClient/Provider/…/RequireMessageSigning`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// Signatures are not looked at.
    Off,
    /// One that comes is judged; none need come.
    #[default]
    Accept,
    /// One has to come, once the device has said that it signs.
    Require,
}

impl Proof {
    /// Judged so, for a reason in a word and in a sentence.
    pub fn new(kind: ProofKind, verdict: Verdict, reason: &str, detail: impl Into<String>) -> Self {
        Self { kind, verdict, reason: Some(reason.to_owned()), detail: Some(detail.into()) }
    }
}

impl ProofKind {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Signature => "signature",
            Self::Credential => "credential",
            Self::Token => "token",
            Self::Envelope => "envelope",
        }
    }
}

impl Verdict {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Refused => "refused",
            Self::Missing => "missing",
            Self::Ignored => "ignored",
        }
    }
}

impl Signing {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Off, Self::Accept, Self::Require];

    /// The word in JSON, in settings and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Accept => "accept",
            Self::Require => "require",
        }
    }
}

impl std::str::FromStr for Signing {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|signing| signing.as_str() == text.trim());
        found.ok_or("write off, accept or require")
    }
}
