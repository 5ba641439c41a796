//! The terms of use that somebody accepts before their device joins Entra ID (MS-MDE2 3.5).
//!
//! The device's web view brings a token along, shows a page of ours and is sent back to Windows with the answer. What it
//! gets for an acceptance (`OpaqueBlob`) comes back in the enrollment itself, as `EnrollmentData`; it is sealed and says
//! who accepted what and when, so that nothing has to be stored.

use std::{fmt, path::Path, str::FromStr};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use transom_protocol::session::Timestamp;

use super::{
    Denied, SetupError,
    entra::{Entra, EntraUser},
    outbound,
};

/// How long the page may stay open, in milliseconds.
const PAGE_TIME: i64 = 30 * 60_000;

/// How long an acceptance is good for, in milliseconds: the enrollment follows at once, unless an update comes between.
const ACCEPTED_TIME: i64 = 24 * 60 * 60_000;

/// Longest address that is taken.
const LONGEST: usize = 2048;

/// Whom the web view belongs to, in lower case.
const BROKER: &str = "ms-appx-web://microsoft.aad.brokerplugin";

const TICKET: &str = "terms ticket";
const ACCEPTED: &str = "terms accepted";

/// Where Windows wants to hear the answer: its own broker, and nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerRedirect(String);

/// What is to be shown.
#[derive(Debug)]
pub enum Terms {
    /// There are none: where to send the browser at once.
    None(TermsAnswer),
    /// A page.
    Ask {
        /// The text, as it was written.
        text: String,
        /// Who is asked.
        user: String,
        /// What the page has to bring back, sealed.
        ticket: String,
    },
}

/// Where to send the browser, with the answer in the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsAnswer {
    /// The address.
    pub location: String,
    /// Who answered.
    pub user: String,
    /// Whether they accepted.
    pub accepted: bool,
}

/// The terms of use.
pub(super) struct TermsOfUse {
    text: String,
    hash: String,
}

/// What travels in the page.
#[derive(Serialize, Deserialize)]
struct Ticket {
    back: String,
    tenant: String,
    object_id: String,
    user: String,
    terms: String,
    until: i64,
}

/// What travels through Windows.
#[derive(Serialize, Deserialize)]
struct Accepted {
    tenant: String,
    object_id: String,
    terms: String,
    at: i64,
}

impl TermsOfUse {
    pub(super) fn read(path: &Path) -> Result<Self, SetupError> {
        let wrong = || SetupError::Content { path: path.to_owned(), expected: "plain text in UTF-8" };
        let text = String::from_utf8(outbound::read(path)?).map_err(|_| wrong())?;
        let text = text.trim_start_matches('\u{feff}').trim().to_owned();
        if text.is_empty() {
            return Err(wrong());
        }
        let hash = crate::model::hex(&Sha256::digest(text.as_bytes()));
        Ok(Self { text, hash })
    }
}

impl Entra {
    pub(super) async fn terms(
        &self,
        bearer: Option<&str>,
        back: BrokerRedirect,
        now: Timestamp,
    ) -> Result<Terms, Denied> {
        let user = self.verify(bearer.unwrap_or_default(), now).await?;
        let Some(terms) = &self.terms else {
            let location = back.with(&[("IsAccepted", "true"), ("OpaqueBlob", "")]);
            return Ok(Terms::None(TermsAnswer { location, user: user.name, accepted: true }));
        };
        let ticket = Ticket {
            back: back.0,
            tenant: user.tenant,
            object_id: user.object_id,
            user: user.name.clone(),
            terms: terms.hash.clone(),
            until: now.plus_millis(PAGE_TIME).0,
        };
        Ok(Terms::Ask { text: terms.text.clone(), user: user.name, ticket: self.seal(TICKET, &ticket)? })
    }

    pub(super) fn terms_answered(&self, ticket: &str, accepted: bool, now: Timestamp) -> Result<TermsAnswer, Denied> {
        let ticket: Ticket = self.open(TICKET, ticket).ok_or(Denied::Browser)?;
        if ticket.until <= now.0 {
            return Err(Denied::TooLate);
        }
        let back: BrokerRedirect = ticket.back.parse().map_err(|()| Denied::Browser)?;
        let Ticket { tenant, object_id, user, terms, .. } = ticket;
        let location = if accepted {
            let blob = self.seal(ACCEPTED, &Accepted { tenant, object_id, terms, at: now.0 })?;
            back.with(&[("IsAccepted", "true"), ("OpaqueBlob", &blob)])
        } else {
            back.with(&[("IsAccepted", "false")])
        };
        Ok(TermsAnswer { location, user, accepted })
    }

    /// Whether what a device brings back says that this user accepted the terms as they are now.
    pub(super) fn was_accepted(&self, accepted: &str, user: &EntraUser, now: Timestamp) -> bool {
        let Some(accepted) = self.open::<Accepted>(ACCEPTED, accepted.trim()) else { return false };
        self.terms.as_ref().is_some_and(|terms| terms.hash == accepted.terms)
            && accepted.tenant == user.tenant
            && accepted.object_id == user.object_id
            && now.millis_since(Timestamp(accepted.at)) < ACCEPTED_TIME
    }

    fn seal(&self, what_for: &str, value: &impl Serialize) -> Result<String, Denied> {
        let plain = serde_json::to_vec(value).map_err(|_| Denied::Sealing)?;
        self.sealer.seal(what_for, &plain).map_err(|_| Denied::Sealing)
    }

    fn open<T: serde::de::DeserializeOwned>(&self, what_for: &str, text: &str) -> Option<T> {
        serde_json::from_slice(&self.sealer.open(what_for, text)?).ok()
    }
}

impl BrokerRedirect {
    /// The address with more parameters.
    fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut location = self.0.clone();
        for (name, value) in parameters {
            location.push(if location.contains('?') { '&' } else { '?' });
            location.push_str(name);
            location.push('=');
            location.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        location
    }

    /// The address that tells Windows why there are no terms to answer.
    pub fn refused(&self, denied: &Denied) -> String {
        let error = match denied {
            Denied::Tenant => "access_denied",
            Denied::NotOffered | Denied::Token(_) => "unauthorized_client",
            denied if denied.is_ours() => "server_error",
            _ => "invalid_request",
        };
        self.with(&[("error", error), ("error_description", &denied.to_string())])
    }
}

impl FromStr for BrokerRedirect {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (place, rest) = text.split_at_checked(BROKER.len()).ok_or(())?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?@!$&()*+,;=%".contains(&byte);
        let fits = place.eq_ignore_ascii_case(BROKER)
            && (rest.is_empty() || rest.starts_with(['/', '?']))
            && rest.bytes().all(is_plain)
            && text.len() <= LONGEST;
        if fits { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for BrokerRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_broker_of_windows_hears_the_answer() {
        for good in [
            "ms-appx-web://Microsoft.AAD.BrokerPlugin",
            "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS",
            "ms-appx-web://microsoft.aad.brokerplugin/8a5c?x=1",
        ] {
            assert!(good.parse::<BrokerRedirect>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "https://evil.example.test/",
            "ms-appx-web://Microsoft.AAD.BrokerPlugin.evil.test/",
            "ms-appx-web://Microsoft.AAD.BrokerPlugin@evil.test/",
            "ms-appx-web://evil.test/Microsoft.AAD.BrokerPlugin",
            "ms-appx-web://Microsoft.AAD.BrokerPlugin/#x",
            "ms-appx-web://Microsoft.AAD.BrokerPlugin/\r\nX: y",
            "ms-appx-web://Microsoft.AAD.BrokerPlugin/\"",
            "javascript:alert(1)",
            &format!("ms-appx-web://Microsoft.AAD.BrokerPlugin/{}", "x".repeat(LONGEST)),
        ] {
            assert!(bad.parse::<BrokerRedirect>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parameters_are_added_whatever_is_there_already() {
        let back = |text: &str| text.parse::<BrokerRedirect>().unwrap();
        let plain = back("ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS");
        assert_eq!(
            plain.with(&[("IsAccepted", "true"), ("OpaqueBlob", "a+b/c=&d")]),
            "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS?IsAccepted=true&OpaqueBlob=a%2Bb%2Fc%3D%26d"
        );
        let asked = back("ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS?x=1");
        assert!(asked.refused(&Denied::Tenant).starts_with(
            "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS?x=1&error=access%5Fdenied&error_description=the%20token"
        ));
    }
}
