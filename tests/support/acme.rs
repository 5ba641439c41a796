//! A stand-in for an ACME server (RFC 8555): real HTTPS, nonces that are good once, signatures that are verified,
//! challenges that are really fetched, and certificates of an authority of its own. It fails as it is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer, web};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::ssl::{SslAcceptor, SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509Req};
use serde_json::{Value, json};
use tempfile::TempDir;
use transom::model::Timestamp;
use transom::pki::{CertificateAuthority, ServerNames};

/// The service. It is gone when it is dropped.
pub(crate) struct AcmeServer {
    port: u16,
    folder: TempDir,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

/// What goes wrong with the next order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Too many, says the server; come again after so many seconds.
    RateLimited(u64),
    /// The proof is not believed.
    NotBelieved,
    /// The account is not known any more.
    Forgotten,
    /// What is issued is for another key.
    WrongKey,
    /// No answer.
    Hang,
}

struct State {
    port: u16,
    issuer: (X509, PKey<Private>),
    nonces: BTreeSet<String>,
    drawn: usize,
    /// The keys of the accounts, by number.
    accounts: Vec<Value>,
    orders: Vec<Order>,
    faults: VecDeque<Fault>,
    /// Where the names lead; every address has to prove them. Nothing: not known yet.
    leads_to: Option<Vec<SocketAddr>>,
    /// Seconds that certificates are good for.
    life: i64,
}

struct Order {
    account: usize,
    names: Vec<String>,
    /// The authorizations: token and state.
    proofs: Vec<(String, &'static str)>,
    certificate: Option<String>,
    fault: Option<Fault>,
}

impl AcmeServer {
    pub(crate) fn start() -> Self {
        let now = Timestamp(jiff::Timestamp::now().as_millisecond());
        let authority = CertificateAuthority::create("Stand-in", now).unwrap();
        let names = ServerNames { dns: vec!["localhost".into()], addresses: Vec::new() };
        let identity = authority.issue_server(&names, now).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), authority.certificate_pem().unwrap()).unwrap();
        let mut tls = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        tls.set_certificate(identity.leaf().unwrap()).unwrap();
        tls.set_private_key(&PKey::private_key_from_pem(&identity.key_pem().unwrap()).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            port,
            issuer: issuer(),
            nonces: BTreeSet::new(),
            drawn: 0,
            accounts: Vec::new(),
            orders: Vec::new(),
            faults: VecDeque::new(),
            leads_to: None,
            life: 90 * 24 * 60 * 60,
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Data::from(Arc::clone(&state));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let serve = async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(shared.clone())
                        .route("/directory", web::get().to(directory))
                        .route("/nonce", web::head().to(nonce))
                        .route("/account", web::post().to(account))
                        .route("/order", web::post().to(new_order))
                        .route("/order/{order}", web::post().to(order))
                        .route("/proof/{order}/{place}", web::post().to(authorization))
                        .route("/try/{order}/{place}", web::post().to(challenge))
                        .route("/finalize/{order}", web::post().to(finalize))
                        .route("/certificate/{order}", web::post().to(certificate))
                })
                .workers(1)
                .disable_signals()
                .listen_openssl(listener, tls)
                .unwrap()
                .run();
                sender.send(server.handle()).unwrap();
                server.await
            };
            actix_web::rt::System::new().block_on(serve).unwrap();
        });
        Self { port, folder, state, handle: receiver.recv().unwrap() }
    }

    /// Its directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/directory", self.port)
    }

    /// What is to be trusted in calls of it.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Whether a certificate is of it.
    pub(crate) fn issued(&self, certificate: &X509) -> bool {
        certificate.verify(&self.state().issuer.1).unwrap()
    }

    /// Where the names lead: each of these addresses has to prove them. With none all is believed.
    pub(crate) fn leads_to(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        self.state().leads_to = Some(addresses.into_iter().collect());
    }

    /// The next orders go wrong so.
    pub(crate) fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// How many orders were made.
    pub(crate) fn orders(&self) -> usize {
        self.state().orders.len()
    }

    /// How many certificates were issued.
    pub(crate) fn certificates(&self) -> usize {
        self.state().orders.iter().filter(|order| order.certificate.is_some()).count()
    }

    /// How many accounts were made.
    pub(crate) fn accounts(&self) -> usize {
        self.state().accounts.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AcmeServer {
    fn drop(&mut self) {
        // Whoever hangs is let go.
        drop(self.handle.stop(false));
    }
}

/// The authority that signs what is ordered.
fn issuer() -> (X509, PKey<Private>) {
    let key = PKey::from_ec_key(EcKey::generate(&curve()).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "Public of the stand-in").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(365).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

fn curve() -> EcGroup {
    EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()
}

impl State {
    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.port)
    }

    /// A reply with a nonce, as every reply has one.
    fn reply(&mut self, status: u16) -> HttpResponseBuilder {
        self.drawn += 1;
        let nonce = format!("nonce-{}", self.drawn);
        self.nonces.insert(nonce.clone());
        let mut reply = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap());
        reply.insert_header(("Replay-Nonce", nonce)).insert_header(("Cache-Control", "no-store"));
        reply
    }

    fn problem(&mut self, status: u16, kind: &str, detail: &str) -> HttpResponse {
        let body = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail, "status": status });
        self.reply(status).content_type("application/problem+json").body(body.to_string())
    }

    /// A signed request: the account (none for one that is to be made) with its key, and the payload.
    fn signed(
        &mut self,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<(Option<usize>, Value, Value), Box<HttpResponse>> {
        let signed: Value = serde_json::from_slice(body).unwrap();
        let text = |key: &str| signed[key].as_str().unwrap();
        let part = |key: &str| URL_SAFE.decode(text(key)).unwrap();
        let header: Value = serde_json::from_slice(&part("protected")).unwrap();
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header["url"].as_str().unwrap(), self.url(request.path().trim_start_matches('/')));
        if !self.nonces.remove(header["nonce"].as_str().unwrap()) {
            return Err(Box::new(self.problem(400, "badNonce", "a nonce is good once")));
        }
        let account = header["kid"].as_str().map(|kid| kid.rsplit('/').next().unwrap().parse::<usize>().unwrap());
        let key = match account {
            Some(number) => self.accounts[number].clone(),
            None => header["jwk"].clone(),
        };
        let number = |name: &str| BigNum::from_slice(&URL_SAFE.decode(key[name].as_str().unwrap()).unwrap()).unwrap();
        let public = EcKey::from_public_key_affine_coordinates(&curve(), &number("x"), &number("y")).unwrap();
        let signature = part("signature");
        let half = |bytes: &[u8]| BigNum::from_slice(bytes).unwrap();
        let signature = EcdsaSig::from_private_components(half(&signature[..32]), half(&signature[32..])).unwrap();
        let digest = sha256(format!("{}.{}", text("protected"), text("payload")).as_bytes());
        assert!(signature.verify(&digest, &public).unwrap(), "a wrong signature");
        let payload = part("payload");
        let payload = if payload.is_empty() { Value::Null } else { serde_json::from_slice(&payload).unwrap() };
        Ok((account, key, payload))
    }

    fn shown(&self, number: usize) -> Value {
        let order = &self.orders[number];
        let status = match (&order.certificate, order.proofs.iter().all(|(_, state)| *state == "valid")) {
            (Some(_), _) => "valid",
            (None, true) => "ready",
            (None, false) if order.proofs.iter().any(|(_, state)| *state == "invalid") => "invalid",
            (None, false) => "pending",
        };
        let proofs = (0..order.names.len()).map(|place| self.url(&format!("proof/{number}/{place}")));
        let mut shown = json!({
            "status": status,
            "identifiers": order.names.iter().map(|name| json!({ "type": "dns", "value": name })).collect::<Vec<_>>(),
            "authorizations": proofs.collect::<Vec<_>>(),
            "finalize": self.url(&format!("finalize/{number}")),
        });
        if order.certificate.is_some() {
            shown["certificate"] = self.url(&format!("certificate/{number}")).into();
        }
        shown
    }

    fn challenge(&self, order: usize, place: usize) -> Value {
        let (token, state) = &self.orders[order].proofs[place];
        let mut shown = json!({
            "type": "tls-alpn-01", "url": self.url(&format!("try/{order}/{place}")), "status": state, "token": token,
        });
        if *state == "invalid" {
            shown["error"] = json!({
                "type": "urn:ietf:params:acme:error:unauthorized", "detail": "that is not the proof", "status": 403,
            });
        }
        shown
    }
}

type Shared = Data<Mutex<State>>;

/// Verifies a request, and answers it.
fn answered(
    state: &Shared,
    request: &HttpRequest,
    body: &Bytes,
    answer: impl FnOnce(&mut State, Option<usize>, &Value, &Value) -> HttpResponse,
) -> HttpResponse {
    let mut state = state.lock().unwrap();
    match state.signed(request, body) {
        Ok((account, key, payload)) => answer(&mut state, account, &key, &payload),
        Err(refused) => *refused,
    }
}

async fn directory(state: Shared) -> HttpResponse {
    let mut state = state.lock().unwrap();
    let urls = [("newNonce", "nonce"), ("newAccount", "account"), ("newOrder", "order")];
    let mut shown: BTreeMap<&str, String> = urls.into_iter().map(|(name, path)| (name, state.url(path))).collect();
    shown.insert("revokeCert", state.url("revoke"));
    shown.insert("keyChange", state.url("key"));
    state.reply(200).json(shown)
}

async fn nonce(state: Shared) -> HttpResponse {
    state.lock().unwrap().reply(200).finish()
}

async fn account(state: Shared, request: HttpRequest, body: Bytes) -> HttpResponse {
    answered(&state, &request, &body, |state, account, key, payload| {
        assert!(account.is_none() && payload["termsOfServiceAgreed"] == true, "{payload}");
        state.accounts.push(key.clone());
        let url = state.url(&format!("account/{}", state.accounts.len() - 1));
        state.reply(201).insert_header(("Location", url)).json(json!({ "status": "valid" }))
    })
}

async fn new_order(state: Shared, request: HttpRequest, body: Bytes) -> HttpResponse {
    let fault = state.lock().unwrap().faults.pop_front();
    if fault == Some(Fault::Hang) {
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    answered(&state, &request, &body, |state, account, _, payload| {
        match fault {
            Some(Fault::RateLimited(seconds)) => {
                let mut refused = state.problem(429, "rateLimited", "too many certificates already issued");
                let name = actix_web::http::header::RETRY_AFTER;
                refused.headers_mut().insert(name, seconds.to_string().parse().unwrap());
                return refused;
            }
            Some(Fault::Forgotten) => return state.problem(400, "accountDoesNotExist", "who are you?"),
            _ => {}
        }
        let names = payload["identifiers"].as_array().unwrap().iter();
        let names: Vec<String> = names.map(|name| name["value"].as_str().unwrap().to_owned()).collect();
        let number = state.orders.len();
        let proofs = (0..names.len()).map(|place| (format!("token-{number}-{place}"), "pending")).collect();
        state.orders.push(Order { account: account.unwrap(), names, proofs, certificate: None, fault });
        let (url, shown) = (state.url(&format!("order/{number}")), state.shown(number));
        state.reply(201).insert_header(("Location", url)).json(shown)
    })
}

async fn order(state: Shared, request: HttpRequest, body: Bytes, number: Path<usize>) -> HttpResponse {
    answered(&state, &request, &body, |state, account, _, _| {
        assert_eq!(account, Some(state.orders[*number].account));
        let shown = state.shown(*number);
        state.reply(200).json(shown)
    })
}

async fn authorization(state: Shared, request: HttpRequest, body: Bytes, at: Path<(usize, usize)>) -> HttpResponse {
    answered(&state, &request, &body, |state, _, _, _| {
        let (order, place) = *at;
        let other = json!({ "type": "http-01", "url": state.url("never"), "status": "pending", "token": "other" });
        let shown = json!({
            "status": state.orders[order].proofs[place].1,
            "identifier": { "type": "dns", "value": state.orders[order].names[place] },
            "challenges": [other, state.challenge(order, place)],
        });
        state.reply(200).json(shown)
    })
}

async fn challenge(state: Shared, request: HttpRequest, body: Bytes, at: Path<(usize, usize)>) -> HttpResponse {
    let (order, place) = *at;
    let what = "the names lead somewhere";
    let addresses = super::server::until(what, async || state.lock().unwrap().leads_to.clone()).await;
    let (name, expected) = {
        let state = state.lock().unwrap();
        let key = &state.accounts[state.orders[order].account];
        let text = |name: &str| key[name].as_str().unwrap();
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text("x"), text("y"));
        let token = &state.orders[order].proofs[place].0;
        let authorization = format!("{token}.{}", URL_SAFE.encode(sha256(thumbprint.as_bytes())));
        (state.orders[order].names[place].clone(), sha256(authorization.as_bytes()))
    };
    let proved = web::block(move || addresses.into_iter().all(|address| proves(address, &name, &expected)));
    let proved = proved.await.unwrap();
    answered(&state, &request, &body, |state, _, _, _| {
        let fails = state.orders[order].fault == Some(Fault::NotBelieved);
        state.orders[order].proofs[place].1 = if proved && !fails { "valid" } else { "invalid" };
        let shown = state.challenge(order, place);
        state.reply(200).json(shown)
    })
}

/// Whether a server proves a name (RFC 8737, section 3).
fn proves(address: SocketAddr, name: &str, expected: &[u8; 32]) -> bool {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_alpn_protos(b"\x0aacme-tls/1").unwrap();
    let connector = connector.build();
    let Ok(tcp) = TcpStream::connect(address) else { return false };
    let Ok(tls) = connector.configure().unwrap().verify_hostname(false).connect(name, tcp) else { return false };
    let shown = tls.ssl().peer_certificate().unwrap();
    let names = shown.subject_alt_names().unwrap();
    let is_named = names.len() == 1 && names[0].dnsname() == Some(name);
    // id-pe-acmeIdentifier, critical, an OCTET STRING in the OCTET STRING of the extension.
    let mut extension = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x1f\x01\x01\xff\x04\x22\x04\x20".to_vec();
    extension.extend_from_slice(expected);
    let der = shown.to_der().unwrap();
    let has_proof = der.windows(extension.len()).any(|window| window == extension);
    tls.ssl().selected_alpn_protocol() == Some(b"acme-tls/1") && is_named && has_proof
}

async fn finalize(state: Shared, request: HttpRequest, body: Bytes, number: Path<usize>) -> HttpResponse {
    answered(&state, &request, &body, |state, _, _, payload| {
        let number = *number;
        assert_eq!(state.shown(number)["status"], "ready");
        let asked = X509Req::from_der(&URL_SAFE.decode(payload["csr"].as_str().unwrap()).unwrap()).unwrap();
        let mut key = asked.public_key().unwrap();
        assert!(asked.verify(&key).unwrap());
        if state.orders[number].fault == Some(Fault::WrongKey) {
            let other = EcKey::generate(&curve()).unwrap();
            let other = EcKey::from_public_key(&curve(), other.public_key()).unwrap();
            key = PKey::from_ec_key(other).unwrap();
        }
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let serial = BigNum::from_u32(u32::try_from(number).unwrap() + 1).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_issuer_name(state.issuer.0.subject_name()).unwrap();
        builder.set_pubkey(&key).unwrap();
        let now = jiff::Timestamp::now().as_second();
        builder.set_not_before(&Asn1Time::from_unix(now).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(now + state.life).unwrap()).unwrap();
        let mut names = SubjectAlternativeName::new();
        for name in &state.orders[number].names {
            names.dns(name);
        }
        let names = names.build(&builder.x509v3_context(Some(&state.issuer.0), None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&state.issuer.1, MessageDigest::sha256()).unwrap();
        let chain = [builder.build().to_pem().unwrap(), state.issuer.0.to_pem().unwrap()].concat();
        state.orders[number].certificate = Some(String::from_utf8(chain).unwrap());
        let shown = state.shown(number);
        state.reply(200).json(shown)
    })
}

async fn certificate(state: Shared, request: HttpRequest, body: Bytes, number: Path<usize>) -> HttpResponse {
    answered(&state, &request, &body, |state, _, _, _| {
        let chain = state.orders[*number].certificate.clone().unwrap();
        state.reply(200).content_type("application/pem-certificate-chain").body(chain)
    })
}
