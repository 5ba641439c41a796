//! A server that answers everything it understands, always with the same values.

use std::fmt::Debug;

use super::super::*;
use crate::soap::{Asked, Fault, FaultKind, LIMITS, Operation, Refused, Reply, SecretText, write_fault};

/// What was made of a request.
pub(super) struct Answered {
    /// What was read, for people.
    pub(super) read: String,
    /// The reply.
    pub(super) reply: String,
    /// The document in it.
    pub(super) document: Option<String>,
}

/// 20 November 2026, 22:00 UTC.
pub(super) const NOW: i64 = 1_795_212_000_000;

/// Answers a request, which says by its body what it asks.
pub(super) fn answer(body: &[u8]) -> Result<Answered, (Operation, Refused)> {
    let text = crate::xml::text(body, &LIMITS).unwrap_or_default();
    if text.contains("IPolicy/GetPolicies<") {
        policies(body).map_err(|refused| (Operation::GetPolicies, refused))
    } else if text.contains("RST/wstep") {
        token(body).map_err(|refused| (Operation::RequestSecurityToken, refused))
    } else {
        discover(body).map_err(|refused| (Operation::Discover, refused))
    }
}

fn discover(body: &[u8]) -> Result<Answered, Refused> {
    let asked = read_discover(body, &LIMITS)?;
    let configured = [AuthPolicy::OnPremise, AuthPolicy::Federated];
    let sign_in = match choose_auth_policy(&asked.body.offered, &configured).unwrap() {
        AuthPolicy::Federated => SignIn::Federated { authentication: url("Auth") },
        _ => SignIn::OnPremise,
    };
    let answer = DiscoverResponse {
        sign_in,
        version: asked.body.request_version.answer(),
        policies: url("Policy.svc"),
        enrollment: url("Enrollment.svc"),
    };
    let reply = write_discover_response(reply_to(&asked), &answer);
    Ok(Answered { read: read(&asked), reply, document: None })
}

fn policies(body: &[u8]) -> Result<Answered, Refused> {
    let asked = read_get_policies(body, &LIMITS)?;
    let reply = write_policies_response(reply_to(&asked), &CertificatePolicy::default());
    Ok(Answered { read: read(&asked), reply, document: None })
}

fn token(body: &[u8]) -> Result<Answered, Refused> {
    let asked = read_token_request(body, &LIMITS)?;
    let context = &asked.body.context;
    let document = match &asked.body.kind {
        TokenKind::Issue { .. } => {
            let name = context.device_id.as_deref().unwrap();
            provisioning(name, context.enrollment_type).to_xml()
        }
        TokenKind::Renew { .. } => renewal().to_xml(),
        TokenKind::Recovery => {
            let fault = Fault::new(FaultKind::NotSupported, "keys are not recovered here", "trace-1");
            let reply = write_fault(Operation::RequestSecurityToken, reply_to(&asked), &fault);
            return Ok(Answered { read: read(&asked), reply, document: None });
        }
    };
    let reply = write_token_response(reply_to(&asked), NOW, document.as_bytes());
    Ok(Answered { read: read(&asked), reply, document: Some(document) })
}

/// What was read; of bytes only how many.
fn read<T: Debug>(asked: &Asked<T>) -> String {
    let text = format!("{asked:#?}");
    let is_number = |line: &&str| line.trim().strip_suffix(',').is_some_and(|number| number.parse::<u8>().is_ok());
    let mut lines: Vec<String> = Vec::new();
    for run in text.lines().collect::<Vec<_>>().chunk_by(|a, b| is_number(a) && is_number(b)) {
        match run {
            [line] => lines.push((*line).to_owned()),
            many => lines.push(format!("                {} bytes", many.len())),
        }
    }
    lines.join("\n")
}

fn reply_to<T>(asked: &Asked<T>) -> Reply<'_> {
    Reply { relates_to: asked.message_id.as_deref(), activity: Some("01935000-0000-7000-8000-000000000001") }
}

pub(super) fn url(service: &str) -> HttpsUrl {
    HttpsUrl::parse(&format!("https://mdm.contoso.example/EnrollmentServer/{service}")).unwrap()
}

/// A document with everything in it.
pub(super) fn provisioning(device_id: &str, enrollment_type: EnrollmentType) -> ProvisioningDocument {
    ProvisioningDocument {
        root: StoreCertificate::new(b"the root".to_vec()),
        intermediate: Some(StoreCertificate::new(b"the intermediate".to_vec())),
        certificate: StoreCertificate::new(b"the certificate of the device".to_vec()),
        enrollment_type,
        renew: RenewSettings::default(),
        application: Application {
            provider_id: ProviderId::parse("Transom").unwrap(),
            name: Some("Contoso & Sons \"devices\"".to_owned()),
            address: HttpsUrl::parse("https://mdm.contoso.example/ManagementServer/Mdm.svc").unwrap(),
            retry: ConnectionRetry::default(),
            encoding: DefaultEncoding::Xml,
            certificate_subject: Some(format!("CN={device_id}")),
            server_auth: ServerAuth { name: None, secret: SecretText::new("server <secret>"), nonce: [1; 16] },
            client_auth: ClientAuth {
                name: device_id.to_owned(),
                secret: SecretText::new("client & secret"),
                nonce: [2; 16],
            },
        },
        dm_client: DmClient {
            upn: Some("ada@contoso.example".to_owned()),
            ent_dm_id: "01935000-0000-7000-8000-000000000002".to_owned(),
            ent_device_name: Some("ADA-LAPTOP".to_owned()),
            require_message_signing: Some(false),
            sync_application_version: Some("5.0".to_owned()),
            poll: PollSchedule::default(),
        },
    }
}

pub(super) fn renewal() -> RenewalDocument {
    RenewalDocument {
        root: None,
        certificate: StoreCertificate::new(b"the next certificate".to_vec()),
        enrollment_type: EnrollmentType::Full,
        provider_id: ProviderId::parse("Transom").unwrap(),
    }
}
