//! The walk: step by step, with what each step takes from the one before.

use transom_protocol::enrollment::client::{
    Account, Presented, Provisioned, read_discover_response, read_policies_response, read_provisioning,
    read_token_response, write_discover, write_get_policies, write_token_request,
};
use transom_protocol::enrollment::{
    AuthPolicy, DeviceContext, Discover, DiscoverResponse, TokenKind, TokenRequest, Version,
};
use transom_protocol::session::{AuthScheme, Nonce};
use transom_protocol::soap::{LIMITS, Operation};

use super::machine::DEVICE_TYPE;
use super::shown::Shown;
use super::wire::Wire;
use super::{EnrollError, Enrolled, Enroller, Machine, Renewed, SignIn, Step, check};
use crate::pki::device::{DeviceKeyPair, certificate_pem};
use crate::simulator::identity::{ClientCertificate, DeviceIdentity, Password, ServerIdentity};

/// From nothing to an identity.
pub(super) async fn enroll(enroller: &Enroller, machine: &Machine, sign_in: &SignIn) -> Result<Enrolled, EnrollError> {
    let options = &enroller.options;
    let mut wire = Wire::new(&enroller.ca_pem, None, options)?;
    wire.probe(&enroller.discovery).await?;
    let shown = Shown::new(sign_in)?;
    let services =
        discover(&mut wire, &enroller.discovery, sign_in.email(), shown.offered(), &machine.os_version).await?;
    shown.fits(services.sign_in.policy())?;

    let url = services.policies.as_str();
    let message = shown.envelope(|presented| write_get_policies(url, presented))?;
    let policy = wire.call(Step::Policies, Operation::GetPolicies, url, message, read_policies_response).await?;
    if policy.minimal_key_length > 2048 {
        return Err(EnrollError::wrong(Step::Policies, "a longer key is wanted than this device makes"));
    }

    let key = DeviceKeyPair::generate(options.key)?;
    let guid = uuid::Uuid::now_v7().to_string().to_uppercase();
    let pkcs10 = key.request(&guid, &machine.device_id, options.shape)?;
    let request = TokenRequest {
        kind: TokenKind::Issue { pkcs10 },
        context: machine.context(options.enrollment_type, options.version),
    };
    let url = services.enrollment.as_str();
    let message = shown.envelope(|presented| write_token_request(url, presented, &request))?;
    let document = wire.call(Step::Issue, Operation::RequestSecurityToken, url, message, read_token_response).await?;
    let provisioned = read(&document)?;
    let certificate = check::certificate(&provisioned, &key, options.enrollment_type)?;
    wire.problems.extend(check::document(&provisioned, certificate));

    let address = provisioned.address.clone();
    let address = address.ok_or_else(|| EnrollError::wrong(Step::Document, "there is no ADDR"))?;
    let mut identity = account(machine, &provisioned)?;
    identity.certificate = Some(own(certificate, &key, &enroller.discovery)?);
    identity.provisioned = provisioned.dm_client.iter().cloned().collect();
    Ok(Enrolled { identity, address, provisioned, problems: wire.problems })
}

/// From one certificate to the next.
pub(super) async fn renew(enroller: &Enroller, identity: &DeviceIdentity) -> Result<Renewed, EnrollError> {
    let options = &enroller.options;
    let current = identity
        .certificate
        .as_ref()
        .ok_or_else(|| EnrollError::Setup("the device has no certificate to renew".to_owned()))?;
    let mut wire = Wire::new(&enroller.ca_pem, Some(current), options)?;
    let machine = Machine::seeded(0);
    let user = identity.provisioned.get("UPN").cloned().unwrap_or_default();
    let services = discover(&mut wire, &current.renew_at, &user, &ANY, &machine.os_version).await?;

    let old = DeviceKeyPair::from_pem(current.key.expose().as_bytes())?;
    let key = DeviceKeyPair::generate(options.key)?;
    let guid = uuid::Uuid::now_v7().to_string().to_uppercase();
    let pkcs10 = key.request(&guid, &identity.device_id, options.shape)?;
    let pkcs7 = old.renewal(&check::der(&current.certificate)?, &pkcs10)?;
    let request = TokenRequest {
        kind: TokenKind::Renew { pkcs7 },
        context: DeviceContext {
            device_type: Some(DEVICE_TYPE.to_owned()),
            application_version: Some(machine.os_version),
            enrollment_type: options.enrollment_type,
            ..DeviceContext::default()
        },
    };
    let url = services.enrollment.as_str();
    // A renewal has the user's name in its header, and no password.
    let presented = Presented::Password { name: &user, password: "" };
    let presented = if user.is_empty() { Presented::Nothing } else { presented };
    let message = write_token_request(url, presented, &request);
    let document = wire.call(Step::Renew, Operation::RequestSecurityToken, url, message, read_token_response).await?;
    let provisioned = read(&document)?;
    let certificate = check::certificate(&provisioned, &key, options.enrollment_type)?;
    if provisioned.provider_id != identity.provider_id {
        return Err(EnrollError::wrong(Step::Document, "the PROVIDER-ID is that of another server"));
    }
    let mut identity = identity.clone();
    identity.certificate = Some(own(certificate, &key, &current.renew_at)?);
    Ok(Renewed { identity, problems: wire.problems })
}

/// What a renewal offers: it signs in with what it has, whatever is said.
const ANY: [AuthPolicy; 3] = [AuthPolicy::OnPremise, AuthPolicy::Federated, AuthPolicy::Certificate];

async fn discover(
    wire: &mut Wire<'_>,
    url: &str,
    email: &str,
    offered: &[AuthPolicy],
    application_version: &str,
) -> Result<DiscoverResponse, EnrollError> {
    let asked = wire.version();
    let message = write_discover(
        url,
        &Discover {
            email: Some(email.to_owned()).filter(|email| !email.is_empty()),
            request_version: asked,
            device_type: Some(DEVICE_TYPE.to_owned()),
            application_version: Some(application_version.to_owned()),
            os_edition: Some(4),
            os_version: None,
            offered: offered.to_vec(),
        },
    );
    let services = wire.call(Step::Discover, Operation::Discover, url, message, read_discover_response).await?;
    if !offered.contains(&services.sign_in.policy()) {
        return Err(EnrollError::wrong(Step::Discover, "the server wants a sign-in that was not offered"));
    }
    if services.version > asked || services.version < Version::LOWEST {
        wire.problems.push(format!("discovery: version {} was answered to {asked}", services.version));
    }
    let host = |url: &str| reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    if host(services.policies.as_str()) != host(services.enrollment.as_str()) {
        wire.problems.push("discovery: the two services are on different hosts".to_owned());
    }
    Ok(services)
}

fn read(document: &[u8]) -> Result<Provisioned, EnrollError> {
    read_provisioning(document, &LIMITS)
        .map_err(|why| EnrollError::Unusable { step: Step::Document, why: Box::new(why) })
}

/// The account of OMA-DM that the document makes. Windows refuses it without both blocks, their digest and their nonces.
fn account(machine: &Machine, provisioned: &Provisioned) -> Result<DeviceIdentity, EnrollError> {
    let wrong = |what: &str| EnrollError::wrong(Step::Document, what);
    let nonce = |account: &Account| {
        let nonce = account.nonce.as_deref().and_then(Nonce::from_base64);
        nonce.ok_or_else(|| wrong("an APPAUTH has no AAUTHDATA, or one that is not base64"))
    };
    let server = provisioned.server.as_ref().ok_or_else(|| wrong("there is no APPAUTH for CLIENT"))?;
    let client = provisioned.client.as_ref().ok_or_else(|| wrong("there is no APPAUTH for APPSRV"))?;
    if server.kind != "DIGEST" {
        return Err(wrong("the APPAUTH for CLIENT is not DIGEST"));
    }
    let scheme = match client.kind.as_str() {
        "DIGEST" => AuthScheme::Md5,
        "BASIC" => AuthScheme::Basic,
        _ => return Err(wrong("the APPAUTH for APPSRV is neither DIGEST nor BASIC")),
    };
    let name = client.name.clone().ok_or_else(|| wrong("the APPAUTH for APPSRV has no AAUTHNAME"))?;
    let mut identity = DeviceIdentity::new(&machine.device_id, name, client.secret.expose());
    identity.nonce = Some(nonce(client)?);
    identity.scheme = scheme;
    identity.provider_id.clone_from(&provisioned.provider_id);
    // Without a name of its own the server is known by its PROVIDER-ID.
    let server_name = server.name.clone().unwrap_or_else(|| provisioned.provider_id.clone());
    let mut proves = ServerIdentity::new(server_name, server.secret.expose());
    proves.nonce = Some(nonce(server)?);
    identity.server = Some(proves);
    Ok(identity)
}

/// The certificate with its key, as the device keeps it.
fn own(certificate: &[u8], key: &DeviceKeyPair, renew_at: &str) -> Result<ClientCertificate, EnrollError> {
    let pem = certificate_pem(certificate)?;
    let key = key.key_pem()?;
    Ok(ClientCertificate {
        certificate: String::from_utf8_lossy(&pem).into_owned(),
        key: Password::from(String::from_utf8_lossy(&key).as_ref()),
        renew_at: renew_at.to_owned(),
    })
}
