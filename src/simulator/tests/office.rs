//! A server that enrolls: discovery, policies, certificates and the management of whom it let in, with everything in
//! memory, behind TLS that asks for a certificate.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Verifier;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;
use transom_protocol::enrollment::{
    Application, AuthPolicy, CertificatePolicy, ClientAuth, ConnectionRetry, DefaultEncoding, DiscoverResponse,
    DmClient, EnrollmentType, HttpsUrl, PollSchedule, ProviderId, ProvisioningDocument, RenewSettings, RenewalDocument,
    ServerAuth, SignIn, StoreCertificate, TokenKind, TokenRequest, choose_auth_policy, read_discover,
    read_get_policies, read_token_request, write_discover_response, write_policies_response, write_token_response,
};
use transom_protocol::session::Timestamp;
use transom_protocol::soap::{
    CONTENT_TYPE, Credential, Fault, FaultKind, LIMITS, Operation, Refused, Reply, SecretText, SignedEnvelope,
    read_signature, write_fault,
};
use transom_protocol::syncml::codec::Encoding;

use super::server::Server;
use crate::pki::device::{DeviceKeyKind, DeviceKeyPair, RequestShape};
use crate::pki::{CertificateAuthority, CertificateRequest, ServerNames, renewal};

/// What the server does that no server should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Twist {
    #[default]
    None,
    /// Replies have no length.
    Chunked,
    /// The certificate is for another key.
    AnotherKey,
    /// The document has no `AAUTHDATA`.
    NoNonce,
    /// The criteria find nothing.
    AnotherSubject,
    /// The certificate of a device goes to its user.
    AnotherStore,
    /// `RelatesTo` is another.
    Unrelated,
    /// Every request is refused with HTTP.
    Down,
}

/// A request in order: its first line, its `User-Agent`, the certificate that the connection showed.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) line: String,
    pub(crate) agent: String,
    pub(crate) certificate: Option<Vec<u8>>,
}

/// What the connections share.
struct Shared {
    authority: CertificateAuthority,
    address: OnceLock<SocketAddr>,
    twist: Twist,
    policy: AuthPolicy,
    management: Mutex<Server>,
    issued: Mutex<Vec<Vec<u8>>>,
    arrived: Mutex<Vec<Arrived>>,
}

/// A running server. Stops when it is dropped.
pub(crate) struct Office {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: Vec<u8>,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) const PASSWORD: &str = "Tr4nsom!";

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

impl Office {
    pub(crate) fn start(policy: AuthPolicy, twist: Twist) -> Self {
        let authority = CertificateAuthority::create("Test", now()).unwrap();
        let ca_pem = authority.certificate_pem().unwrap();
        let acceptor = acceptor(&authority);
        let (management, issued, arrived) = (Mutex::new(Server::new()), Mutex::default(), Mutex::default());
        let shared =
            Arc::new(Shared { authority, address: OnceLock::new(), twist, policy, management, issued, arrived });
        let (sender, receiver) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let doors = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                let serve = async {
                    loop {
                        let (tcp, _) = listener.accept().await.unwrap();
                        let (shared, ssl) = (Arc::clone(&doors), Ssl::new(acceptor.context()).unwrap());
                        tokio::spawn(async move { shared.connection(SslStream::new(ssl, tcp).unwrap()).await });
                    }
                };
                tokio::select! { () = serve => {}, _ = stopped => {} }
            });
        });
        let address = receiver.recv().unwrap();
        shared.address.set(address).unwrap();
        Self { address, ca_pem, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Where devices find it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A certificate that no device has.
    pub(crate) fn certificate_for(&self, request: &[u8]) -> Vec<u8> {
        let certificate = self.shared.certificate(&CertificateRequest::read(request).unwrap(), "package");
        certificate.der().to_vec()
    }

    /// What arrived so far.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// The certificates that were issued.
    pub(crate) fn issued(&self) -> Vec<Vec<u8>> {
        self.shared.issued.lock().unwrap().clone()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn acceptor(authority: &CertificateAuthority) -> SslAcceptor {
    let names = ServerNames { dns: vec![], addresses: vec![[127, 0, 0, 1].into()] };
    let identity = authority.issue_server(&names, now()).unwrap();
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_certificate(&X509::from_pem(&identity.chain_pem().unwrap()).unwrap()).unwrap();
    builder.set_private_key(&PKey::private_key_from_pem(&identity.key_pem().unwrap()).unwrap()).unwrap();
    builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    builder.build()
}

impl Shared {
    fn url(&self, path: &str) -> HttpsUrl {
        HttpsUrl::parse(&format!("https://{}{path}", self.address.get().unwrap())).unwrap()
    }

    /// One connection, one request after the other.
    async fn connection(&self, mut stream: SslStream<TcpStream>) {
        if std::pin::Pin::new(&mut stream).accept().await.is_err() {
            return;
        }
        let certificate = stream.ssl().peer_certificate().map(|certificate| certificate.to_der().unwrap());
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            while let Some((head, body, used)) = request(&read) {
                read.drain(..used);
                let reply = self.answer(&head, &body, certificate.as_ref());
                if stream.write_all(&reply).await.is_err() {
                    return;
                }
            }
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn answer(&self, head: &str, body: &[u8], certificate: Option<&Vec<u8>>) -> Vec<u8> {
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let agent = header(head, "user-agent").unwrap_or_default();
        self.arrived.lock().unwrap().push(Arrived { line: line.clone(), agent, certificate: certificate.cloned() });
        if self.twist == Twist::Down {
            return http(503, "text/plain", b"", false);
        }
        let (method, target) = line.split_once(' ').unwrap();
        let path = target.split('?').next().unwrap();
        let (operation, answered) = match (method, path) {
            ("GET", "/EnrollmentServer/Discovery.svc") => return http(200, "text/html", b"", false),
            ("POST", "/EnrollmentServer/Discovery.svc") => (Operation::Discover, self.discover(body)),
            ("POST", "/EnrollmentServer/Policy.svc") => (Operation::GetPolicies, Self::policies(body)),
            ("POST", "/EnrollmentServer/Enrollment.svc") => {
                (Operation::RequestSecurityToken, self.token(body, certificate))
            }
            ("POST", "/ManagementServer/Mdm.svc") => {
                let encoding = Encoding::from_content_type(&header(head, "content-type").unwrap()).unwrap();
                let (status, reply) = self.management.lock().unwrap().handle(encoding, body);
                return http(status, encoding.content_type(), &reply, false);
            }
            _ => return http(404, "text/plain", b"", false),
        };
        match answered {
            Ok(mut text) => {
                if self.twist == Twist::Unrelated {
                    text = text.replace("<a:RelatesTo>urn", "<a:RelatesTo>nru");
                }
                http(200, CONTENT_TYPE, text.as_bytes(), self.twist == Twist::Chunked)
            }
            Err(No { relates_to, fault }) => {
                let reply = Reply { relates_to: relates_to.as_deref(), activity: None };
                http(500, CONTENT_TYPE, write_fault(operation, reply, &fault).as_bytes(), false)
            }
        }
    }

    fn discover(&self, body: &[u8]) -> Result<String, No> {
        let asked = read_discover(body, &LIMITS)?;
        let sign_in = match choose_auth_policy(&asked.body.offered, &[self.policy]).unwrap() {
            AuthPolicy::Federated => SignIn::Federated { authentication: self.url("/EnrollmentServer/Auth") },
            AuthPolicy::OnPremise => SignIn::OnPremise,
            AuthPolicy::Certificate => SignIn::Certificate,
        };
        let version = asked.body.request_version.answer();
        let (policies, enrollment) =
            (self.url("/EnrollmentServer/Policy.svc"), self.url("/EnrollmentServer/Enrollment.svc"));
        let answer = DiscoverResponse { sign_in, version, policies, enrollment };
        Ok(write_discover_response(reply(asked.message_id.as_deref()), &answer))
    }

    fn policies(body: &[u8]) -> Result<String, No> {
        let asked = read_get_policies(body, &LIMITS)?;
        Self::admit(asked.message_id.as_ref(), &asked.credential)?;
        Ok(write_policies_response(reply(asked.message_id.as_deref()), &CertificatePolicy::default()))
    }

    fn token(&self, body: &[u8], shown: Option<&Vec<u8>>) -> Result<String, No> {
        let asked = read_token_request(body, &LIMITS)?;
        let document = match &asked.body.kind {
            TokenKind::Issue { pkcs10 } => {
                Self::admit(asked.message_id.as_ref(), &asked.credential)?;
                self.issue(&asked.body, pkcs10)
            }
            TokenKind::Renew { pkcs7 } => {
                let last = self.issued.lock().unwrap().last().cloned();
                let opened = renewal::open(pkcs7).unwrap();
                let current = last.filter(|last| Some(last) == shown);
                let request = current.and_then(|current| opened.verify_with(&current).ok());
                let no = || No::new(asked.message_id.as_ref(), FaultKind::NotEligibleToRenew);
                self.renew(&request.ok_or_else(no)?)
            }
            TokenKind::Recovery => return Err(No::new(asked.message_id.as_ref(), FaultKind::NotSupported)),
        };
        Ok(write_token_response(reply(asked.message_id.as_deref()), now().0, document.as_bytes()))
    }

    /// One password, one token.
    fn admit(relates_to: Option<&String>, credential: &Credential) -> Result<(), No> {
        let is_right = match credential {
            Credential::Password { name, password } => name == "ada@example.test" && password.expose() == PASSWORD,
            Credential::Jwt(token) | Credential::UserToken(token) => token.expose() == PASSWORD,
            Credential::Certificate(signed) => is_signed(signed),
            Credential::None => false,
        };
        if is_right { Ok(()) } else { Err(No::new(relates_to, FaultKind::Authentication)) }
    }

    fn issue(&self, asked: &TokenRequest, pkcs10: &[u8]) -> String {
        let device = asked.context.device_id.clone().unwrap();
        let other = || {
            let key = DeviceKeyPair::generate(DeviceKeyKind::P256).unwrap();
            key.request("0", &device, RequestShape::Windows11).unwrap()
        };
        let pkcs10 = if self.twist == Twist::AnotherKey { other() } else { pkcs10.to_vec() };
        let request = CertificateRequest::read(&pkcs10).unwrap();
        let certificate = self.certificate(&request, &device);
        self.management.lock().unwrap().enroll(&device, "account", "digest-secret");
        let subject =
            if self.twist == Twist::AnotherSubject { "CN=SOMEBODY".to_owned() } else { format!("CN={device}") };
        let enrollment_type = match self.twist {
            Twist::AnotherStore => EnrollmentType::Full,
            _ => asked.context.enrollment_type,
        };
        let text = ProvisioningDocument {
            root: StoreCertificate::new(self.authority.root().unwrap().der),
            intermediate: None,
            certificate,
            enrollment_type,
            renew: RenewSettings::default(),
            application: Application {
                provider_id: ProviderId::parse("Transom").unwrap(),
                name: None,
                address: self.url("/ManagementServer/Mdm.svc"),
                retry: ConnectionRetry::default(),
                encoding: DefaultEncoding::Xml,
                certificate_subject: Some(subject),
                server_auth: ServerAuth {
                    name: Some("server".to_owned()),
                    secret: SecretText::new("digest-secret"),
                    nonce: *b"sixteen bytes...",
                },
                client_auth: ClientAuth {
                    name: "account".to_owned(),
                    secret: SecretText::new("digest-secret"),
                    nonce: *b"sixteen others..",
                },
            },
            dm_client: DmClient {
                upn: Some("ada@example.test".to_owned()),
                ent_dm_id: "enrollment-1".to_owned(),
                ent_device_name: None,
                require_message_signing: None,
                sync_application_version: None,
                poll: PollSchedule::default(),
            },
        }
        .to_xml();
        if self.twist == Twist::NoNonce { text.replace("AAUTHDATA", "AAUTHDATUM") } else { text }
    }

    fn renew(&self, request: &CertificateRequest) -> String {
        let certificate = self.certificate(request, "renewed");
        let provider_id = ProviderId::parse("Transom").unwrap();
        RenewalDocument { root: None, certificate, enrollment_type: EnrollmentType::Full, provider_id }.to_xml()
    }

    fn certificate(&self, request: &CertificateRequest, subject: &str) -> StoreCertificate {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        let der = self.authority.issue_device(request, subject, year, now()).unwrap().encoded.der;
        self.issued.lock().unwrap().push(der.clone());
        StoreCertificate::new(der)
    }
}

/// Whether the certificate's key signed the envelope.
fn is_signed(signed: &SignedEnvelope) -> bool {
    let Ok(said) = read_signature(signed.envelope.expose(), &LIMITS) else { return false };
    let key = X509::from_der(&signed.certificate).unwrap().public_key().unwrap();
    let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
    verifier.verify_oneshot(&said.signature, &said.signed).unwrap()
}

/// A refusal.
struct No {
    relates_to: Option<String>,
    fault: Fault,
}

impl No {
    fn new(relates_to: Option<&String>, kind: FaultKind) -> Self {
        Self { relates_to: relates_to.cloned(), fault: Fault::new(kind, kind.meaning(), "trace-1") }
    }
}

impl From<Refused> for No {
    fn from(refused: Refused) -> Self {
        Self::new(refused.message_id.as_ref(), refused.fault().unwrap())
    }
}

fn reply(relates_to: Option<&str>) -> Reply<'_> {
    Reply { relates_to, activity: None }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// The first whole request: head, body, and how many bytes it took.
fn request(read: &[u8]) -> Option<(String, Vec<u8>, usize)> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let body = read.get(end..end + length)?.to_vec();
    Some((head, body, end + length))
}

fn http(status: u16, content_type: &str, body: &[u8], chunked: bool) -> Vec<u8> {
    let mut reply = format!("HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n").into_bytes();
    if chunked {
        reply.extend(format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()).bytes());
        reply.extend_from_slice(body);
        reply.extend_from_slice(b"\r\n0\r\n\r\n");
    } else {
        reply.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
        reply.extend_from_slice(body);
    }
    reply
}
