//! Why the API did not do what was asked, in words.

use std::fmt::Write as _;

use reqwest::Url;
use serde::Deserialize;

use super::connect::HOW_TO_NAME_A_SERVER;
use crate::cli::shown::line;

/// Why the API did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No answer came.
    #[error("can't reach the server at {url}: {}", innermost(.source))]
    Unreachable {
        /// Its address.
        url: Url,
        /// Why.
        source: reqwest::Error,
    },
    /// It said no.
    #[error("{}", refusal_in_words(.0))]
    Refused(Box<Refusal>),
    /// What answered is not Transom, or another version of it.
    #[error("the answer of {url} can't be read: {what}")]
    Unreadable {
        /// Its address.
        url: Url,
        /// Why.
        what: String,
    },
    /// An id that no path can name.
    #[error("'{}' can't be the id of anything", line(.0))]
    Unnameable(String),
}

/// A problem (RFC 9457), as the API answers with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The kind of problem in words.
    #[serde(default)]
    pub title: String,
    /// What is wrong this time.
    #[serde(default)]
    pub detail: Option<String>,
    /// Each thing that is wrong.
    #[serde(default)]
    pub errors: Vec<RefusalError>,
}

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RefusalError {
    /// Where.
    pub pointer: String,
    /// What.
    pub detail: String,
}

impl ClientError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { source, .. } if source.is_connect() => {
                Some(format!("is it running there? {HOW_TO_NAME_A_SERVER}"))
            }
            Self::Unreachable { source, .. } if source.is_timeout() => {
                Some("it is there and does not answer; look at its log".to_owned())
            }
            Self::Refused(refusal) if refusal.status == 401 => {
                Some("the token is wrong, was taken back or has expired: look at --token, TRANSOM_TOKEN or admin.token in the data folder".to_owned())
            }
            Self::Refused(refusal) if refusal.status >= 500 => Some("look at the log of the server".to_owned()),
            Self::Unreadable { .. } => Some("is this the admin door of Transom, and of this version?".to_owned()),
            _ => None,
        }
    }

    /// Whether it is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 404)
    }
}

/// What a problem says, in lines.
fn refusal_in_words(refusal: &Refusal) -> String {
    let mut text = line(refusal.detail.as_deref().unwrap_or(&refusal.title));
    for error in &refusal.errors {
        let placed = format!("{}: {}", error.pointer, error.detail);
        let detail = refusal.detail.as_deref().filter(|_| refusal.errors.len() == 1);
        // One that says the same again says nothing.
        if detail == Some(error.detail.as_str()) {
            // What is wrong with all of it has no place.
            if !error.pointer.is_empty() {
                text = line(&placed);
            }
        } else if detail != Some(placed.as_str()) {
            // Writing to a String does not fail.
            let _ = write!(text, "\n  {}: {}", line(&error.pointer), line(&error.detail));
        }
    }
    text
}

/// The last cause, which says most.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    line(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_its_places_and_escaped() {
        let error = |pointer: &str, detail: &str| RefusalError { pointer: pointer.into(), detail: detail.into() };
        let refusal = |errors| Refusal {
            status: 422,
            title: "Unprocessable".into(),
            detail: Some("this can never work\u{1b}".into()),
            errors,
        };
        let several = refusal(vec![error("/command/items/0/data", "is no int"), error("/x", "\u{1b}[2J")]);
        assert_eq!(
            refusal_in_words(&several),
            "this can never work\\u{1b}\n  /command/items/0/data: is no int\n  /x: \\u{1b}[2J"
        );
        assert_eq!(
            refusal_in_words(&refusal(vec![error("limit", "this can never work\u{1b}")])),
            "limit: this can never work\\u{1b}"
        );
        let whole = refusal(vec![error("", "this can never work\u{1b}")]);
        assert_eq!(refusal_in_words(&whole), "this can never work\\u{1b}");
        let said = Refusal { detail: Some("limit: too many".into()), ..refusal(vec![error("limit", "too many")]) };
        assert_eq!(refusal_in_words(&said), "limit: too many", "it is said once");
    }
}
