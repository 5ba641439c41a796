//! Why an envelope is refused, each cause with a word of its own: for the journal, never for who sent it.

use crate::pki::ber::BerRefused;

/// Why an envelope is not opened. The sender gets none of it: whatever differs in what he is told lets him find out,
/// try by try, what is in the envelopes of others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeRefused {
    /// Neither DER nor base64 of it.
    #[error("the envelope is neither DER nor base64 of it")]
    NotBase64,
    /// Not one value in BER or DER.
    #[error("the envelope is no CMS message: {0}")]
    Encoding(#[from] BerRefused),
    /// A value, but not one of RFC 5652.
    #[error("the envelope is no CMS message")]
    Malformed,
    /// Another kind of CMS message.
    #[error(
        "the body is a CMS message of another kind ({0}) than enveloped data; it has to be signed inside the envelope"
    )]
    NotEnvelopedData(String),
    /// It is for nobody, or for more than anybody would write to.
    #[error("the envelope has {0} recipients; 1 to 8 are taken")]
    Recipients(usize),
    /// None of our keys opens it.
    #[error("the envelope is for another key than those of this server")]
    OtherKey,
    /// The key of its content came in a way that is not taken.
    #[error("the key of the envelope came by {0}, which is not taken")]
    Transport(String),
    /// Its content is encrypted with what is not taken.
    #[error("the envelope is encrypted with {0}, which is not taken")]
    Cipher(String),
    /// There is nothing in it.
    #[error("the envelope is empty")]
    Empty,
    /// The key or the padding is wrong: which of them is not told, not even here.
    #[error("the envelope can not be opened: it was changed, or made with another key than it says")]
    NotOpened,
}

impl EnvelopeRefused {
    /// The word for it in counters and events.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotBase64 => "envelope_not_base64",
            Self::Encoding(BerRefused::Truncated) => "envelope_truncated",
            Self::Encoding(BerRefused::Trailing) => "envelope_trailing_bytes",
            Self::Encoding(BerRefused::TooDeep) => "envelope_too_deep",
            Self::Encoding(BerRefused::TooMany) => "envelope_too_many_values",
            Self::Encoding(BerRefused::Malformed) | Self::Malformed => "envelope_malformed",
            Self::NotEnvelopedData(_) => "envelope_not_enveloped_data",
            Self::Recipients(_) => "envelope_recipients",
            Self::OtherKey => "envelope_for_another_key",
            Self::Transport(_) => "envelope_key_transport",
            Self::Cipher(_) => "envelope_cipher",
            Self::Empty => "envelope_empty",
            Self::NotOpened => "envelope_not_opened",
        }
    }

    /// What may help.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OtherKey => Some("the device may still have a certificate of another installation, or an older one"),
            Self::Cipher(_) => Some("trust.envelope_ciphers names what is taken"),
            _ => None,
        }
    }
}
