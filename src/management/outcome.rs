//! What became of a message, for counters and the journal.

/// What became of a message, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ExchangeOutcome {
    Answered,
    Repeated,
    Challenged,
    WrongCredential,
    Locked,
    Stale,
    HeaderRefused,
    Stranger,
    Forbidden,
}

impl ExchangeOutcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Repeated => "repeated",
            Self::Challenged => "challenged",
            Self::WrongCredential => "wrong_credential",
            Self::Locked => "locked",
            Self::Stale => "stale",
            Self::HeaderRefused => "header_refused",
            Self::Stranger => "stranger",
            Self::Forbidden => "forbidden",
        }
    }
}
