//! The server behind TLS on a port of its own, in a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use transom_protocol::syncml::codec::Encoding;

use super::server::Server;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What the handler works with.
struct Shared {
    server: Mutex<Server>,
    arrived: Mutex<Vec<Arrived>>,
    /// Answers to give before the real ones: status of HTTP and `Retry-After`.
    refusals: Mutex<Vec<(u16, Option<u64>)>>,
}

/// A running server. Stops when it is dropped.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    pub(crate) ca_pem: Vec<u8>,
    shared: Arc<Shared>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl TlsServer {
    pub(crate) fn start(server: Server) -> Self {
        let (key, certificate) = self_signed("mdm.example.test");
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        acceptor.set_private_key(&key).unwrap();
        acceptor.set_certificate(&certificate).unwrap();
        let shared =
            Arc::new(Shared { server: Mutex::new(server), arrived: Mutex::default(), refusals: Mutex::default() });
        let data = web::Data::from(Arc::clone(&shared));
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let door = web::resource("/ManagementServer/Mdm.svc").to(handle);
                    App::new().app_data(data.clone()).app_data(web::PayloadConfig::new(1 << 24)).service(door)
                };
                let http = HttpServer::new(app).workers(1).tcp_nodelay(true).disable_signals();
                let http = http.bind_openssl(("127.0.0.1", 0), acceptor).unwrap();
                let address = http.addrs()[0];
                let running = http.run();
                sender.send((address, running.handle())).unwrap();
                running.await.unwrap();
            });
        });
        let (address, handle) = receiver.recv().unwrap();
        Self { address, ca_pem: certificate.to_pem().unwrap(), shared, handle, thread: Some(thread) }
    }

    pub(crate) const URL: &str = "https://mdm.example.test/ManagementServer/Mdm.svc";

    /// The management service by number, for a client that can't be told where the host is.
    pub(crate) fn url(&self) -> String {
        format!("https://{}/ManagementServer/Mdm.svc", self.address)
    }

    /// Looks at the server, or changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Server) -> T) -> T {
        look(&mut self.shared.server.lock().unwrap())
    }

    /// What arrived so far.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// The next requests are answered so, in this order.
    pub(crate) fn refuse(&self, refusals: &[(u16, Option<u64>)]) {
        *self.shared.refusals.lock().unwrap() = refusals.iter().rev().copied().collect();
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // Without waiting: the future resolves in the server's own thread.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn handle(request: HttpRequest, body: web::Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let text = |value: &actix_web::http::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let arrived = Arrived { query: request.query_string().to_owned(), headers, body: body.to_vec() };
    let encoding = arrived.header("content-type").and_then(Encoding::from_content_type);
    shared.arrived.lock().unwrap().push(arrived);
    if let Some((status, retry_after)) = shared.refusals.lock().unwrap().pop() {
        let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
        if let Some(seconds) = retry_after {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        return response.finish();
    }
    let Some(encoding) = encoding else { return HttpResponse::UnsupportedMediaType().finish() };
    let (status, reply) = shared.server.lock().unwrap().handle(encoding, &body);
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).content_type(encoding.content_type()).body(reply)
}

fn self_signed(host: &str) -> (PKey<Private>, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", host).unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let names =
        SubjectAlternativeName::new().dns(host).ip("127.0.0.1").build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (key, builder.build())
}
