//! Simulated devices that enroll at the doors as Windows does, and keep their certificate and its key.

use std::net::SocketAddr;

use serde_json::json;
use transom::pki::device::{DeviceKeyKind, DeviceKeyPair, RequestShape, certificate_pem};
use transom::protocol::enrollment::client::{Presented, read_provisioning, read_token_response, write_token_request};
use transom::protocol::enrollment::{DeviceContext, TokenKind, TokenRequest};
use transom::protocol::session::Nonce;
use transom::protocol::soap::LIMITS;
use transom::simulator::device::{Behaviour, Device};
use transom::simulator::identity::{ClientCertificate, DeviceIdentity, ServerIdentity};

use super::operator::Operator;
use super::windows::Windows;

const USER: &str = "bulk@example.test";
const PASSWORD: &str = "correct horse battery staple";

/// Makes the account that devices enroll with.
pub(crate) async fn let_enroll(operator: &Operator) {
    operator.post("/api/v1/enrollment-users", &json!({ "name": USER, "password": PASSWORD, "bulk": true })).await;
}

/// Enrolls a device straight at a server; it reaches its management service where `windows` says.
pub(crate) async fn enroll(server: SocketAddr, windows: &Windows, id: &str, kind: DeviceKeyKind) -> Device {
    Device::new(identity(server, windows, id, kind).await, windows.url(), Behaviour::default(), 7)
}

/// What a device has when it has enrolled.
pub(crate) async fn identity(server: SocketAddr, windows: &Windows, id: &str, kind: DeviceKeyKind) -> DeviceIdentity {
    let presented = Presented::Password { name: USER, password: PASSWORD };
    identity_of(server, windows, id, kind, presented).await
}

/// What a device has when it has enrolled with what somebody showed.
pub(crate) async fn identity_of(
    server: SocketAddr,
    windows: &Windows,
    id: &str,
    kind: DeviceKeyKind,
    presented: Presented<'_>,
) -> DeviceIdentity {
    let key = DeviceKeyPair::generate(kind).unwrap();
    let pkcs10 = key.request("0f3b8e6c-a271-4556-9b72-a26cbd", id, RequestShape::Windows11).unwrap();
    let context = DeviceContext {
        device_id: Some(id.to_owned()),
        device_type: Some("CIMClient_Windows".to_owned()),
        os_version: Some("10.0.26200.1".to_owned()),
        ..DeviceContext::default()
    };
    let url = format!("https://localhost:{}/EnrollmentServer/Enrollment.svc", server.port());
    let request = TokenRequest { kind: TokenKind::Issue { pkcs10 }, context };
    let body = write_token_request(&url, presented, &request);
    let http = windows.http_at(server);
    let sent = http.post(&url).header("Content-Type", "application/soap+xml; charset=utf-8").body(body).send().await;
    let answer = sent.unwrap().bytes().await.unwrap();
    let document = read_token_response(&answer, &LIMITS).unwrap();
    let given = read_provisioning(&document, &LIMITS).unwrap();
    let (client, proves) = (given.client.as_ref().unwrap(), given.server.as_ref().unwrap());
    let nonce = |text: &Option<String>| text.as_deref().and_then(Nonce::from_base64);
    let name = client.name.clone().unwrap();
    let mut identity = DeviceIdentity::new(id, name, client.secret.expose());
    identity.nonce = nonce(&client.nonce);
    identity.provider_id.clone_from(&given.provider_id);
    let mut server = ServerIdentity::new(proves.name.clone().unwrap_or_default(), proves.secret.expose());
    server.nonce = nonce(&proves.nonce);
    identity.server = Some(server);
    identity.certificate = Some(ClientCertificate {
        certificate: String::from_utf8(certificate_pem(given.certificate().unwrap()).unwrap()).unwrap(),
        key: String::from_utf8(key.key_pem().unwrap().to_vec()).unwrap().into(),
        renew_at: url,
    });
    identity
}
