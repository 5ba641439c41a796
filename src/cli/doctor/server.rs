//! What TLS and certificates of a server mean.

use std::net::SocketAddr;

use transom_protocol::session::Timestamp;

use super::{finding::Finding, look::Target};
use crate::{
    admin::PublicCertificate,
    cli::shown::time,
    pki::probe::{Offer, Roots, Shown, Trust, Untrusted},
};

/// Time enough to get another certificate.
const SOON_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Greets a server in every way; `None` when no device gets further than that.
pub(super) async fn greeted(target: &Target, address: SocketAddr, findings: &mut Vec<Finding>) -> Option<Shown> {
    const CHECK: &str = "tls";
    let subject = target.authority();
    let shown = match target.greet(address, Offer::Usual).await {
        Ok(shown) => shown,
        Err(why) => {
            findings.push(Finding::failed(CHECK, subject, format!("no TLS: {why}")).because(
                "nothing speaks TLS 1.2 or 1.3 on this port",
                "devices come by https; point the port at the device door of Transom",
            ));
            return None;
        }
    };
    if shown.version != "TLSv1.2" && target.greet(address, Offer::Older).await.is_err() {
        findings.push(
            Finding::failed(CHECK, &subject, "refuses TLS 1.2").because(
                "older releases of Windows 10 have no TLS 1.3",
                "allow TLS 1.2 beside 1.3 on what ends TLS here",
            ),
        );
    } else {
        findings.push(Finding::ok(
            CHECK,
            &subject,
            format!("{} and TLSv1.2", shown.version).replace("TLSv1.2 and ", ""),
        ));
    }
    if target.greet(address, Offer::Obsolete).await.is_ok() {
        findings.push(
            Finding::warning(CHECK, &subject, "takes TLS 1.0 or 1.1")
                .because("what ends TLS here is set up for clients of long ago", "allow 1.2 and 1.3 only"),
        );
    }
    Some(shown)
}

/// How orders of certificates go.
pub(super) fn ordered(target: &Target, ordered: &PublicCertificate) -> Option<Finding> {
    let problem = ordered.problem.as_ref()?;
    let shown = match (ordered.shown, ordered.ends_at) {
        (true, Some(ends)) => format!("the one before is shown until {}", time(ends)),
        _ => "the one of the data folder is shown".to_owned(),
    };
    Some(
        Finding::warning("certificate", target.authority(), format!("the ACME server issued none: {problem}")).because(
            format!("the last of {} tries in a row came to nothing; {shown}", ordered.failures),
            "see that port 443 of each name leads to the device door without a proxy that ends TLS, and look at [acme]",
        ),
    )
}

/// What a device thinks of the certificate.
pub(super) fn certificate(target: &Target, shown: &Shown, roots: &Roots, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "certificate";
    let subject = target.authority();
    let mut findings = Vec::new();
    if !shown.is_for(&target.name) {
        let names = shown.names().join(", ");
        findings.push(Finding::failed(CHECK, &subject, format!("it is for other names: {names}")).because(
            "another server answers, or the certificate was made without this name",
            format!("get a certificate whose subject alternative names have {}", target.name),
        ));
    }
    match shown.trust(roots, now) {
        Ok(Trust::Public) => findings.push(Finding::ok(CHECK, &subject, "from a public authority")),
        Ok(Trust::Own) => findings.push(
            Finding::warning(CHECK, &subject, "from the authority of this installation").because(
                "devices do not know its root, and discovery comes before anything can be told to them",
                "bring the root to devices first, by group policy or an MSI (transom ca export), or use a public certificate",
            ),
        ),
        Err(why) => findings.push(untrusted(&subject, why, roots)),
    }
    if let Some(Ok(description)) = shown.description()
        && now < description.not_after
        && description.not_after.millis_since(now) < SOON_MILLIS
    {
        let found = format!("ends {}", time(description.not_after));
        findings.push(
            Finding::warning(CHECK, &subject, found)
                .because("no device connects after that", "renew it; one of this installation by: transom ca server"),
        );
    }
    findings
}

fn untrusted(subject: &str, why: Untrusted, roots: &Roots) -> Finding {
    let finding = Finding::failed("certificate", subject, why.to_string());
    match why {
        Untrusted::Expired => finding.because("it was not renewed in time", "renew it and start the server again"),
        Untrusted::NotYetValid => {
            finding.because("it is new, or a clock is wrong", "look at the clock here and at the one of its authority")
        }
        Untrusted::Incomplete => finding.because(
            "Windows does not fetch what is missing in every case, and the root may be one that it does not know",
            "append the certificates between it and the root to the certificate file, or name its root with --ca",
        ),
        Untrusted::SelfSigned => finding.because(
            "it was made for a test",
            "use a public certificate, or one of this installation (transom ca server)",
        ),
        Untrusted::Unknown if !roots.knows_public() => finding.because(
            "this machine knows no public roots",
            "install them (Debian: ca-certificates), or name a file with SSL_CERT_FILE",
        ),
        Untrusted::Unknown => finding.because(
            "it is from a company's own authority, or from another installation",
            "name its root with --ca to go on; devices need that root before they enroll",
        ),
        Untrusted::Purpose | Untrusted::Weak | Untrusted::Nothing | Untrusted::Other(_) => {
            finding.because("it was not made for a web server of today", "use a certificate for servers")
        }
    }
}
