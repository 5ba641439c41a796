//! Why a message signature is refused, each cause with a word of its own.

use transom_protocol::session::Timestamp;

use crate::{model::rfc3339_text, pki::ber::BerRefused};

/// Why a message signature is refused. The device gets none of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureRefused {
    /// The header is there and says nothing.
    #[error("the signature header is empty")]
    Blank,
    /// More than one header: another reader may have taken the other one.
    #[error("the message has several signature headers")]
    Several,
    /// Longer than any.
    #[error("the signature header has {0} characters, more than any that a device makes")]
    TooLarge(usize),
    /// No base64.
    #[error("the signature header is no base64")]
    NotBase64,
    /// Base64, but not of one value in BER or DER.
    #[error("the signature is no CMS message: {0}")]
    Encoding(#[from] BerRefused),
    /// A value, but not one of RFC 5652.
    #[error("the signature is no CMS message")]
    Malformed,
    /// Another kind of CMS message.
    #[error("the signature is a CMS message of another kind ({0}) than signed data")]
    NotSignedData(String),
    /// It brings the content that it signs.
    #[error("the signature brings content of its own; a message is signed detached")]
    Attached,
    /// What it signs is missing where it has to be inside.
    #[error("the signed data in the envelope has no message in it")]
    Detached,
    /// None or several have signed.
    #[error("the signature has {0} signers; exactly one is taken")]
    Signers(usize),
    /// The certificate that the enrollment has can't be read.
    #[error("the certificate of the enrollment can not be read")]
    Certificate,
    /// The certificate inside has name and number of the enrollment's and is another.
    #[error("the certificate in the signature has the name and the number of the device's, and is another")]
    Lookalike,
    /// An authority has signed, which signs certificates and no messages.
    #[error("the signature is by a certificate authority, not by a device")]
    Authority,
    /// The signer has the subject of the enrollment's certificate and is another.
    #[error("the signature is by another certificate with the same subject as the device's")]
    SameSubject,
    /// The signer has a certificate of the same authority, and is another device or an earlier certificate.
    #[error("the signature is by another certificate of the same authority than the device's")]
    OtherDevice,
    /// The signer has a certificate of somebody else.
    #[error("the signature is by a certificate of another authority")]
    Foreign,
    /// A digest or algorithm that protects nothing.
    #[error("the signature is made with {0}, which is too weak")]
    Weak(&'static str),
    /// An algorithm that is not taken.
    #[error("the signature is made with {0}, which is not taken")]
    Algorithm(String),
    /// Digest and signature algorithm, or either and the key, contradict each other.
    #[error("the algorithms that the signature names contradict each other")]
    Contradiction,
    /// The signature is over the bare body, so that nothing says when it was made.
    #[error("the signature has no signed attributes")]
    NoAttributes,
    /// A signed attribute that has to be there is missing.
    #[error("the signature has no {0} attribute")]
    Missing(&'static str),
    /// A signed attribute is there twice, or with several values or none.
    #[error("the signature has the {0} attribute more than once, or not with one value")]
    Ambiguous(&'static str),
    /// A signed attribute has a value of the wrong kind.
    #[error("the {0} attribute of the signature can not be read")]
    Unreadable(&'static str),
    /// The content type that is signed is not the one that is told.
    #[error("the content types of the signature contradict each other")]
    ContentType,
    /// Another body was signed.
    #[error("the signature is of another message than this one")]
    OtherBody,
    /// The signature itself is wrong.
    #[error("the signature was not made with the device's key")]
    Wrong,
    /// Signed too long ago.
    #[error("the message was signed at {}, too long ago", rfc3339_text(*.0))]
    Old(Timestamp),
    /// Signed in the future.
    #[error("the message was signed at {}, which is still to come", rfc3339_text(*.0))]
    Ahead(Timestamp),
}

impl SignatureRefused {
    /// The word for it in counters and events.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Blank => "signature_blank",
            Self::Several => "signature_several_headers",
            Self::TooLarge(_) => "signature_too_large",
            Self::NotBase64 => "signature_not_base64",
            Self::Encoding(BerRefused::Truncated) => "signature_truncated",
            Self::Encoding(BerRefused::Trailing) => "signature_trailing_bytes",
            Self::Encoding(BerRefused::TooDeep) => "signature_too_deep",
            Self::Encoding(BerRefused::TooMany) => "signature_too_many_values",
            Self::Encoding(BerRefused::Malformed) | Self::Malformed => "signature_malformed",
            Self::NotSignedData(_) => "signature_not_signed_data",
            Self::Attached => "signature_attached",
            Self::Detached => "signature_detached",
            Self::Signers(_) => "signature_signers",
            Self::Certificate => "signature_certificate_unreadable",
            Self::Lookalike => "signature_lookalike_certificate",
            Self::Authority => "signature_by_authority",
            Self::SameSubject => "signature_by_same_subject",
            Self::OtherDevice => "signature_by_another_device",
            Self::Foreign => "signature_by_stranger",
            Self::Weak(_) => "signature_weak",
            Self::Algorithm(_) => "signature_algorithm",
            Self::Contradiction => "signature_contradiction",
            Self::NoAttributes => "signature_no_attributes",
            Self::Missing(_) => "signature_attribute_missing",
            Self::Ambiguous(_) => "signature_attribute_ambiguous",
            Self::Unreadable(_) => "signature_attribute_unreadable",
            Self::ContentType => "signature_content_type",
            Self::OtherBody => "signature_of_another_body",
            Self::Wrong => "signature_wrong",
            Self::Old(_) => "signature_too_old",
            Self::Ahead(_) => "signature_in_the_future",
        }
    }

    /// What may help.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Old(_) | Self::Ahead(_) => Some("see whether the clocks of device and server are right"),
            Self::OtherBody | Self::Several => Some("see whether a proxy changes messages on their way"),
            Self::OtherDevice | Self::Foreign => {
                Some("the device may still use a certificate of an earlier enrollment")
            }
            _ => None,
        }
    }
}
