//! What replies mean.

use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, DATE, HeaderName, LOCATION, TRANSFER_ENCODING};
use transom_protocol::{
    enrollment::client::{AnswerError, read_discover_response},
    soap::LIMITS,
};

use super::{
    finding::{Finding, Verdict},
    look::Seen,
};
use crate::model::Timestamp;

/// Certificates begin some minutes back, and tokens are good for some minutes.
const CLOCK_MILLIS: i64 = 5 * 60 * 1000;

const SIZED: &str = "turn off compression and streaming for /EnrollmentServer and /ManagementServer (nginx: gzip off; and \
                     leave proxy_buffering on), or let TLS pass through the proxy";

/// The answer to `GET /EnrollmentServer/Discovery.svc`: 200 and nothing more (MS-MDE2 3.1).
pub(super) fn probe(subject: &str, seen: &Seen) -> Vec<Finding> {
    if let Some(location) = redirection(seen) {
        let cause = "Windows asks the user whether to follow a redirect, and refuses it later when it renews";
        let remedy = "answer on this name yourself, or give devices the address that it leads to";
        let found = format!("it leads on to {location}");
        return vec![Finding::warning("discovery", subject, found).because(cause, remedy)];
    }
    if let Some(finding) = status("discovery", subject, seen) {
        return vec![finding];
    }
    let mut findings = framing("discovery", subject, seen);
    if !seen.body.is_empty() {
        let found = format!("200, but with {} bytes where nothing is expected", seen.body.len());
        findings.push(Finding::warning("discovery", subject, found).because(
            "something else than Transom answers here, such as the start page of a proxy",
            "send /EnrollmentServer and /ManagementServer to Transom",
        ));
    }
    good(findings, || Finding::ok("discovery", subject, "answers the probe of Windows"))
}

/// The answer to `Discover`. `host` is how devices reach the server.
pub(super) fn discover(subject: &str, host: &str, seen: &Seen) -> Vec<Finding> {
    if let Some(finding) = redirected("discovery", subject, seen) {
        return vec![finding];
    }
    let mut findings = framing("discovery", subject, seen);
    let found = match read_discover_response(&seen.body, &LIMITS) {
        Ok(found) => found,
        Err(AnswerError::Fault(fault)) => {
            let finding = Finding::failed("discovery", subject, fault.to_string());
            findings.push(finding.because(
                "the server refuses every device",
                "look into its log and the enrollment settings; transom enrollment attempts shows what was refused",
            ));
            return findings;
        }
        // When its encoding was the trouble, that has been said.
        Err(AnswerError::Unusable(_)) if !findings.is_empty() => return findings,
        Err(AnswerError::Unusable(why)) => {
            findings.push(status("discovery", subject, seen).unwrap_or_else(|| {
                Finding::failed("discovery", subject, format!("no answer to Discover: {why}")).because(
                    "something else than Transom answers here",
                    "send /EnrollmentServer and /ManagementServer to Transom",
                )
            }));
            return findings;
        }
    };
    if seen.status != 200 {
        let found = format!("the answer to Discover comes with status {}", seen.status.as_u16());
        findings.push(Finding::failed("discovery", subject, found).because(
            "something between Windows and Transom changes the status",
            "let replies of Transom through as they are",
        ));
    }
    let (policies, enrollment) = (found.policies.as_str(), found.enrollment.as_str());
    for url in [policies, enrollment] {
        if authority(url) != Some(host.to_ascii_lowercase()) {
            let said = format!("devices are sent to {url}");
            findings.push(Finding::warning("discovery", subject, said).because(
                format!("the settings name another address than {host}"),
                format!("if that is not meant, set `host` (or the URL of the enrollment section) to {host}"),
            ));
            break;
        }
    }
    if authority(policies) != authority(enrollment) {
        let said = format!("two hosts: {policies} and {enrollment}");
        findings.push(
            Finding::failed("discovery", subject, said)
                .because("Windows wants both services on one host", "look at what rewrites URLs on the way"),
        );
    }
    let policy = found.sign_in.policy().as_str();
    good(findings, || Finding::ok("discovery", subject, format!("offers sign-in {policy}, version {}", found.version)))
}

/// What comes back when gzip would be taken.
pub(super) fn compressed(subject: &str, seen: &Seen) -> Option<Finding> {
    let encoding = header(seen, &CONTENT_ENCODING)?;
    let finding =
        Finding::warning("discovery", subject, format!("compresses replies ({encoding}) for whoever takes that"));
    Some(
        finding
            .because("a proxy compresses; Windows does not ask for it today, but some devices and proxies do", SIZED),
    )
}

/// The answer of a SOAP service to a question without a credential: a fault, and that is right.
pub(super) fn service(check: &'static str, subject: &str, seen: &Seen) -> Vec<Finding> {
    if let Some(finding) = redirected(check, subject, seen) {
        return vec![finding];
    }
    let findings = framing(check, subject, seen);
    match read_discover_response(&seen.body, &LIMITS) {
        Err(AnswerError::Fault(_)) => {
            good(findings, || Finding::ok(check, subject, "answers, and wants to know who asks"))
        }
        Ok(_) | Err(AnswerError::Unusable(_)) if !findings.is_empty() => findings,
        Ok(_) | Err(AnswerError::Unusable(_)) => {
            let other = || {
                let found = format!("status {} and no SOAP", seen.status.as_u16());
                Finding::failed(check, subject, found).because(
                    "something else than Transom answers here",
                    "send /EnrollmentServer and /ManagementServer to Transom",
                )
            };
            vec![status(check, subject, seen).unwrap_or_else(other)]
        }
    }
}

/// The answer of the management service to an empty message: refused, by Transom.
pub(super) fn management(subject: &str, seen: &Seen) -> Vec<Finding> {
    const CHECK: &str = "management";
    if let Some(finding) = redirected(CHECK, subject, seen) {
        return vec![finding];
    }
    match seen.status.as_u16() {
        400 | 401 | 403 | 411 | 415 if seen.body.is_empty() => {
            good(framing(CHECK, subject, seen), || Finding::ok(CHECK, subject, "answers"))
        }
        _ => vec![status(CHECK, subject, seen).unwrap_or_else(|| {
            Finding::failed(
                CHECK,
                subject,
                format!("status {} where an empty message is refused", seen.status.as_u16()),
            )
            .because("something else than Transom answers here", "send /ManagementServer to Transom")
        })],
    }
}

/// Two clocks.
pub(super) fn clock(subject: &str, seen: &Seen, now: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    let date = header(seen, &DATE).and_then(|date| jiff::fmt::rfc2822::parse(&date).ok());
    let Some(date) = date else { return Finding::skipped(CHECK, subject, "replies carry no Date") };
    let ahead = date.timestamp().as_millisecond() - now.0;
    if ahead.abs() <= CLOCK_MILLIS {
        return Finding::ok(CHECK, subject, "the same as here");
    }
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    let found = format!("{} minutes {direction} the clock of this machine", ahead.abs() / 60_000);
    Finding::failed(CHECK, subject, found).because(
        "one of the two is wrong; certificates then begin or end at the wrong time, and tokens are refused",
        "synchronize both (NTP)",
    )
}

/// Windows refuses what is chunked, and can't read what is compressed.
fn framing(check: &'static str, subject: &str, seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |found: String, cause: &str| {
        findings.push(Finding::failed(check, subject, found).because(cause, SIZED));
    };
    if let Some(encoding) = header(seen, &CONTENT_ENCODING) {
        wrong(format!("the reply is compressed ({encoding}) though nobody asked for it"), "a proxy compresses replies");
    }
    if let Some(encoding) = header(seen, &TRANSFER_ENCODING) {
        wrong(format!("the reply has no size ({encoding})"), "a proxy sends replies in chunks, which Windows refuses");
    } else if header(seen, &CONTENT_LENGTH).is_none() {
        wrong("the reply has no Content-Length".to_owned(), "a proxy takes the size of replies away");
    }
    findings
}

fn redirected(check: &'static str, subject: &str, seen: &Seen) -> Option<Finding> {
    let location = redirection(seen)?;
    let finding = Finding::failed(check, subject, format!("it leads on to {location}"));
    Some(finding.because(
        "a proxy redirects, to another name or a sign-in page; Windows does not follow with its message",
        "exempt /EnrollmentServer and /ManagementServer from redirects and from sign-in",
    ))
}

fn redirection(seen: &Seen) -> Option<String> {
    let to = || header(seen, &LOCATION).unwrap_or_else(|| "nowhere".to_owned());
    seen.status.is_redirection().then(to)
}

/// A status that says by itself what is wrong.
fn status(check: &'static str, subject: &str, seen: &Seen) -> Option<Finding> {
    let (cause, remedy) = match seen.status.as_u16() {
        404 | 405 => ("this path does not lead to Transom", "send /EnrollmentServer and /ManagementServer to Transom"),
        401 | 403 | 407 => {
            ("a proxy or firewall wants a sign-in", "exempt /EnrollmentServer and /ManagementServer from it")
        }
        429 => ("too many requests from this address", "wait a minute, or look at the rates in [device_door]"),
        502..=504 => {
            ("the proxy does not reach Transom, or Transom is overloaded", "is transom serve running behind it?")
        }
        _ => return None,
    };
    Some(Finding::failed(check, subject, format!("status {}", seen.status.as_u16())).because(cause, remedy))
}

fn good(mut findings: Vec<Finding>, ok: impl FnOnce() -> Finding) -> Vec<Finding> {
    if findings.iter().all(|finding| finding.verdict != Verdict::Failed) {
        findings.insert(0, ok());
    }
    findings
}

fn header(seen: &Seen, name: &HeaderName) -> Option<String> {
    seen.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Host and port of a URL, the usual port left out.
fn authority(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}
