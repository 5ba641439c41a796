//! `transom enrollment doctor`: looks at a server as a device does that wants to enroll, and tells what an administrator
//! can get wrong on the way (MS-MDE2 3.1).

mod finding;
mod look;
mod replies;
mod server;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use clap::Args;
use transom_protocol::{
    enrollment::{
        AuthPolicy, DeviceContext, Discover, EnrollmentType, TokenKind, TokenRequest, Version,
        client::{Presented, write_discover, write_get_policies, write_token_request},
    },
    soap::CONTENT_TYPE as SOAP,
};

use self::{
    finding::{Finding, Report, Verdict},
    look::{Question, Target, knock},
};
use super::{Global, Installation, Output, client::connected, now, shown::count};
use crate::{
    admin::PublicCertificate,
    pki::probe::{Roots, Shown},
};

const DISCOVERY: &str = "/EnrollmentServer/Discovery.svc";
const POLICY: &str = "/EnrollmentServer/Policy.svc";
const ENROLLMENT: &str = "/EnrollmentServer/Enrollment.svc";
const MANAGEMENT: &str = "/ManagementServer/Mdm.svc?mode=Maintenance&Platform=WoA";

/// Look at a server as a device does that wants to enroll, and say what is in its way
///
/// Names, connections, TLS and certificates, each service, proxies that redirect, compress or send in chunks, the clock;
/// with the cause and the remedy of what is wrong. Changes nothing. Run it where devices are, not only on the server.
/// Exits with 1 when a device could not enroll.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Doctor {
    /// Name under which devices reach the server, with a port when that is not 443
    #[arg(long, value_name = "NAME[:PORT]", value_parser = target)]
    host: Target,
    /// Domain of the users' addresses; without it that of the host
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Root that devices will have been given, in PEM; that of the data folder is known
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Connect here instead of where the names lead, such as behind a balancer
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
}

const EXAMPLES: &str = "Examples:
  transom enrollment doctor --host mdm.example.com
  transom enrollment doctor --host mdm.example.com --domain example.org --json
  transom enrollment doctor --host mdm.example.com --address 192.0.2.7:8443";

/// A host with a port, for the parser of the command line.
fn target(text: &str) -> Result<Target, String> {
    let wrong = || "write a name such as mdm.example.com or mdm.example.com:8443".to_owned();
    let url = reqwest::Url::parse(&format!("https://{text}/")).map_err(|_| wrong())?;
    let name = url.host_str().filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    if url.path() != "/" || url.query().is_some() || !url.username().is_empty() {
        return Err(wrong());
    }
    let name = name.trim_matches(['[', ']']).to_owned();
    Ok(Target { name, port: url.port().unwrap_or(443), address: None })
}

impl Doctor {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let mut own = Vec::new();
        if let Some(path) = &self.ca {
            own = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        }
        // On another machine there is no installation, and that is all right.
        let installation = global.folder().settings().exists().then(|| Installation::open(global.folder(), &[]));
        let installation = installation.and_then(Result::ok);
        if let Some(authorities) = installation.as_ref().and_then(|here| here.authorities().ok()) {
            for authority in authorities.current().trusted(now()) {
                own.extend(authority.root_pem()?);
            }
        }
        let roots = Roots::of_this_machine(&own);
        // Only a server that runs here knows how orders of certificates go.
        let orders = installation.as_ref().is_some_and(|here| here.settings.acme.is_configured());
        let status = orders.then(|| connected(global, async |client| Ok(client.status().await?)));
        let ordered = status.and_then(Result::ok).and_then(|status| status.public_certificate);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(self.look(&roots, installation.as_ref(), ordered.as_ref()));
        if output.is_json() {
            output.document(&report)?;
        } else {
            output.text(report.to_text())?;
        }
        match report.number_of(Verdict::Failed) {
            0 => Ok(()),
            failed => bail!("{} failed", count(failed, "check")),
        }
    }

    async fn look(
        &self,
        roots: &Roots,
        installation: Option<&Installation>,
        ordered: Option<&PublicCertificate>,
    ) -> Report {
        let host = Target { address: self.address, ..self.host.clone() };
        let domain = self.domain.clone().or_else(|| domain_of(&host.name));
        let mut findings = Vec::new();
        if let Some((address, shown)) = reach(&host, roots, &mut findings).await {
            in_front(&host, &shown, installation, ordered, &mut findings);
            findings.extend(ordered.and_then(|ordered| server::ordered(&host, ordered)));
            services(&host, address, &mut findings).await;
        }
        match &domain {
            Some(domain) => self.discovery_name(domain, &host, roots, &mut findings).await,
            None => findings.push(Finding::skipped(
                "name",
                "enterpriseenrollment",
                "the domain of the users' addresses is not known; give it with --domain",
            )),
        }
        Report::new(host.authority(), domain, findings)
    }

    /// The name that Windows makes of a user's address (MS-MDE2 3.1).
    async fn discovery_name(&self, domain: &str, host: &Target, roots: &Roots, findings: &mut Vec<Finding>) {
        let name = format!("enterpriseenrollment.{domain}");
        let target = Target { name, port: 443, address: self.address };
        if target.name == host.name {
            return;
        }
        if target.addresses().await.is_err() {
            findings.push(Finding::warning("name", &target.name, "it has no address").because(
                "Windows looks there for the server of whoever types in only a mail address",
                format!(
                    "make a CNAME to {}, or give users the address https://{}{DISCOVERY}",
                    host.name,
                    host.authority()
                ),
            ));
            return;
        }
        let Some((address, _)) = reach(&target, roots, findings).await else { return };
        discovery(&target, &host.authority(), address, findings).await;
    }
}

/// What is above the first label of a host with at least three.
fn domain_of(name: &str) -> Option<String> {
    let domain = name.split_once('.').map(|(_, domain)| domain).filter(|domain| domain.contains('.'))?;
    name.parse::<IpAddr>().is_err().then(|| domain.to_owned())
}

/// From the name to a certificate.
async fn reach(target: &Target, roots: &Roots, findings: &mut Vec<Finding>) -> Option<(SocketAddr, Shown)> {
    let addresses = match target.addresses().await {
        Ok(addresses) => addresses,
        Err(why) => {
            findings.push(Finding::failed("name", &target.name, why).because(
                "the name is not in DNS, or not in the DNS that is asked here",
                "make an A or AAAA record for it",
            ));
            return None;
        }
    };
    let listed = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
    findings.push(match target.address {
        Some(address) => Finding::skipped("name", &target.name, format!("looked for at {address}")),
        None => Finding::ok("name", &target.name, listed),
    });
    let mut open = None;
    for address in addresses {
        match knock(address).await {
            Ok(()) => open = open.or(Some(address)),
            Err(why) => findings.push(Finding::failed("reach", address.to_string(), why).because(
                "nothing listens there, or a firewall is between",
                format!("open port {} on the way, or take this address out of DNS", address.port()),
            )),
        }
    }
    let address = open?;
    findings.push(Finding::ok("reach", address.to_string(), "a connection is taken"));
    let shown = server::greeted(target, address, findings).await?;
    findings.extend(server::certificate(target, &shown, roots, now()));
    Some((address, shown))
}

/// Whether what ends TLS is this installation.
fn in_front(
    target: &Target,
    shown: &Shown,
    installation: Option<&Installation>,
    ordered: Option<&PublicCertificate>,
    findings: &mut Vec<Finding>,
) {
    let ours = installation.and_then(|here| here.identity().ok()).and_then(|identity| identity.description()?.ok());
    let theirs = shown.description().and_then(Result::ok);
    let Some((ours, theirs)) = ours.zip(theirs) else { return };
    let is_ordered = ordered.is_some_and(|ordered| ordered.shown && ordered.ends_at == Some(theirs.not_after));
    if ours.fingerprint != theirs.fingerprint && !is_ordered {
        findings.push(Finding::warning("certificate", target.authority(), "not the one of this installation").because(
            "a proxy ends TLS here, and hides the certificates of devices; or the server was not started again",
            "let TLS pass through to the device door",
        ));
    }
}

async fn services(target: &Target, address: SocketAddr, findings: &mut Vec<Finding>) {
    discovery(target, &target.authority(), address, findings).await;
    let url = |path: &str| format!("https://{}{path}", target.authority());
    let nobody = Presented::Nothing;
    let request = TokenRequest {
        kind: TokenKind::Issue { pkcs10: b"probe".to_vec() },
        context: DeviceContext { enrollment_type: EnrollmentType::Full, ..DeviceContext::default() },
    };
    for (check, path, message) in [
        ("policies", POLICY, write_get_policies(&url(POLICY), nobody)),
        ("enrollment", ENROLLMENT, write_token_request(&url(ENROLLMENT), nobody, &request)),
    ] {
        match target.ask(address, &Question::post(path, SOAP, message)).await {
            Ok(seen) => findings.extend(replies::service(check, path, &seen)),
            Err(why) => findings.push(silent(check, path, why)),
        }
    }
    let empty = Question::post(MANAGEMENT, "application/vnd.syncml.dm+xml", String::new());
    let path = MANAGEMENT.split('?').next().unwrap_or_default();
    match target.ask(address, &empty).await {
        Ok(seen) => findings.extend(replies::management(path, &seen)),
        Err(why) => findings.push(silent("management", path, why)),
    }
}

/// `host` is where the answer should lead.
async fn discovery(target: &Target, host: &str, address: SocketAddr, findings: &mut Vec<Finding>) {
    let subject = format!("https://{}{DISCOVERY}", target.authority());
    match target.ask(address, &Question::get(DISCOVERY)).await {
        Ok(seen) => {
            findings.push(replies::clock(&target.authority(), &seen, now()));
            findings.extend(replies::probe(&subject, &seen));
        }
        Err(why) => {
            findings.push(silent("discovery", &subject, why));
            return;
        }
    }
    let message = write_discover(&subject, &asked());
    let mut question = Question::post(DISCOVERY, SOAP, message);
    match target.ask(address, &question).await {
        Ok(seen) => findings.extend(replies::discover(&subject, host, &seen)),
        Err(why) => findings.push(silent("discovery", &subject, why)),
    }
    question.takes_gzip = true;
    if let Ok(seen) = target.ask(address, &question).await {
        findings.extend(replies::compressed(&subject, &seen));
    }
}

/// What Windows 11 asks.
fn asked() -> Discover {
    Discover {
        email: None,
        request_version: Version::parse("5.0").unwrap_or(Version::LOWEST),
        device_type: Some("CIMClient_Windows".to_owned()),
        application_version: Some("10.0.26100.1".to_owned()),
        os_edition: Some(4),
        os_version: None,
        offered: vec![AuthPolicy::OnPremise, AuthPolicy::Federated],
    }
}

fn silent(check: &'static str, subject: &str, why: String) -> Finding {
    Finding::failed(check, subject, why).because(
        "the connection ends without a reply",
        "look into the log of the server and of what stands in front of it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_and_nothing_else() {
        let parsed = |text: &str| target(text).map(|target| (target.name.clone(), target.port, target.authority()));
        let good = |name: &str, port, authority: &str| Ok((name.to_owned(), port, authority.to_owned()));
        assert_eq!(parsed("MDM.example.com"), good("mdm.example.com", 443, "mdm.example.com"));
        assert_eq!(parsed("localhost:8443"), good("localhost", 8443, "localhost:8443"));
        assert_eq!(parsed("[2001:db8::7]:8443"), good("2001:db8::7", 8443, "[2001:db8::7]:8443"));
        for wrong in ["", "a/b", "https://a", "a:b", "user@a", "a?b", "a b"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_domain_is_what_stands_behind_the_first_label() {
        assert_eq!(domain_of("mdm.example.com").as_deref(), Some("example.com"));
        for none in ["localhost", "example.com", "192.0.2.7", "2001:db8::7"] {
            assert_eq!(domain_of(none), None, "{none}");
        }
    }
}
