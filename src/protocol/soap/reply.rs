//! The envelope of a reply (MS-MDE2 3.1.4, 3.3.4, 3.4.4).

use super::names;
use crate::xml::{Sink, Writer};

/// What a client can ask of the enrollment services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// MS-MDE2 3.1: where are the services, and how does one sign in?
    Discover,
    /// MS-XCEP: what may the certificate request look like?
    GetPolicies,
    /// MS-WSTEP: sign this certificate request.
    RequestSecurityToken,
}

/// What a reply answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reply<'a> {
    /// The `MessageID` that was asked with.
    pub relates_to: Option<&'a str>,
    /// An id to find this exchange by; the client writes it into its event log.
    pub activity: Option<&'a str>,
}

impl Operation {
    /// The `Action` of a request.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Discover => {
                "http://schemas.microsoft.com/windows/management/2012/01/enrollment/IDiscoveryService/Discover"
            }
            Self::GetPolicies => {
                "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy/IPolicy/GetPolicies"
            }
            Self::RequestSecurityToken => "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RST/wstep",
        }
    }

    /// The `Action` of a response.
    pub const fn response_action(self) -> &'static str {
        match self {
            Self::Discover => {
                "http://schemas.microsoft.com/windows/management/2012/01/enrollment/IDiscoveryService/DiscoverResponse"
            }
            Self::GetPolicies => {
                "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy/IPolicy/GetPoliciesResponse"
            }
            Self::RequestSecurityToken => "http://schemas.microsoft.com/windows/pki/2009/01/enrollment/RSTRC/wstep",
        }
    }

    /// One word for journals and counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::GetPolicies => "policies",
            Self::RequestSecurityToken => "token",
        }
    }
}

/// Writes a reply: `security` writes what follows the addressing in the header, `body` the one element of the body.
pub(crate) fn envelope(
    operation: Operation,
    reply: Reply<'_>,
    security: impl FnOnce(&mut Writer<String>),
    body: impl FnOnce(&mut Writer<String>),
) -> String {
    let mut xml = Writer::new(String::new());
    let namespaces = [("xmlns:s", names::SOAP), ("xmlns:a", names::ADDRESSING), ("xmlns:u", names::UTILITY)];
    xml.open_with("s:Envelope", &namespaces);
    xml.open("s:Header");
    xml.leaf_with("a:Action", &[("s:mustUnderstand", "1")], operation.response_action());
    if let Some(activity) = reply.activity {
        let attributes = [("CorrelationId", activity), ("xmlns", names::DIAGNOSTICS)];
        xml.leaf_with("ActivityId", &attributes, activity);
    }
    if let Some(message_id) = reply.relates_to {
        xml.leaf("a:RelatesTo", message_id);
    }
    security(&mut xml);
    xml.close("s:Header");
    xml.open_with("s:Body", &[("xmlns:xsi", names::INSTANCE), ("xmlns:xsd", names::SCHEMA)]);
    body(&mut xml);
    xml.close("s:Body");
    xml.close("s:Envelope");
    xml.into_sink()
}

/// An element that is there to say that there is nothing.
pub(crate) fn nil<S: Sink>(xml: &mut Writer<S>, name: &'static str) {
    xml.empty_with(name, &[("xsi:nil", "true")]);
}

/// A moment as `Timestamp` writes it: `2026-11-20T22:00:00.000Z`, from milliseconds since 1970.
pub(crate) fn iso8601(millis: i64) -> String {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let (days, of_day) = (millis.div_euclid(DAY), millis.rem_euclid(DAY));
    // From days to a date of the Gregorian calendar: years begin in March, so that the leap day is their last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_795_212_000_420, "2026-11-20T22:00:00.420Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso8601(millis), text);
        }
    }

    #[test]
    fn what_a_client_sent_comes_back_escaped() {
        let reply = Reply { relates_to: Some("<a>&"), activity: Some("\"") };
        let text = envelope(Operation::Discover, reply, |_| {}, |xml| xml.empty("b"));
        assert!(text.contains("<a:RelatesTo>&lt;a&gt;&amp;</a:RelatesTo>"), "{text}");
        assert!(text.contains("CorrelationId=\"&quot;\""), "{text}");
        assert!(text.ends_with("<b/></s:Body></s:Envelope>"), "{text}");
    }
}
