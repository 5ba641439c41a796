//! `transom enrollment doctor`: against the real server, and against servers that do what proxies do.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use flate2::{Compression, write::GzEncoder};
use openssl::ssl::{SslAcceptor, SslVersion};
use serde_json::Value;
use tempfile::TempDir;
use transom::model::Timestamp;
use transom::pki::{CertificateAuthority, ServerNames, tls};
use transom::protocol::enrollment::{DiscoverResponse, HttpsUrl, SignIn, Version, write_discover_response};
use transom::protocol::soap::{CONTENT_TYPE, Fault, FaultKind, Operation, Reply, write_fault};

use crate::support::databases::Engine;
use crate::support::server::Site;

const NAME: &str = "mdm.example.test";
const DISCOVERY: &str = "/EnrollmentServer/Discovery.svc";

/// What the doctor said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// What a stub answers, from a method and a path.
type Answer = dyn Fn(&str, &str) -> Vec<u8> + Send + Sync;

/// A server that answers as it is told, and its root.
struct Stub {
    address: SocketAddr,
    place: TempDir,
}

/// How a stub differs from a good server.
struct Stubbed {
    name: &'static str,
    made_at: Timestamp,
    answer: Arc<Answer>,
    acceptor: fn(SslAcceptor) -> SslAcceptor,
}

impl Default for Stubbed {
    fn default() -> Self {
        Self { name: NAME, made_at: transom::cli::now(), answer: Arc::new(good), acceptor: |acceptor| acceptor }
    }
}

impl Stub {
    fn new() -> Self {
        Self::with(Stubbed::default())
    }

    fn answering(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with(Stubbed { answer: Arc::new(answer), ..Stubbed::default() })
    }

    fn with(stubbed: Stubbed) -> Self {
        let authority = CertificateAuthority::create("Stub", stubbed.made_at).unwrap();
        let names = ServerNames {
            dns: vec![stubbed.name.to_owned(), format!("enterpriseenrollment{}", &stubbed.name[3..])],
            addresses: Vec::new(),
        };
        let identity = authority.issue_server(&names, stubbed.made_at).unwrap();
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("root.pem"), authority.certificate_pem().unwrap()).unwrap();
        let acceptor = (stubbed.acceptor)(tls::acceptor(&identity).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for tcp in listener.incoming() {
                let Ok(mut tls) = acceptor.accept(tcp.unwrap()) else { continue };
                let mut read = Vec::new();
                let mut buffer = [0; 16 * 1024];
                while !is_whole(&read) {
                    match tls.read(&mut buffer) {
                        Ok(0) | Err(_) => break,
                        Ok(length) => read.extend_from_slice(&buffer[..length]),
                    }
                }
                let text = String::from_utf8_lossy(&read).into_owned();
                let mut words = text.split(' ');
                let (Some(method), Some(path)) = (words.next(), words.next()) else { continue };
                let _ = tls.write_all(&(stubbed.answer)(method, path.split('?').next().unwrap()));
                let _ = tls.shutdown();
            }
        });
        Self { address, place }
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("root.pem")
    }

    /// Has the doctor look at it.
    fn examined(&self, arguments: &[&str]) -> Said {
        let (address, root) = (self.address.to_string(), self.root());
        let own = ["--address", &address, "--ca", root.to_str().unwrap()];
        doctor("nowhere", &[&["--host", NAME], &own[..], arguments].concat())
    }

    fn report(&self) -> Value {
        let said = self.examined(&["--json"]);
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err))
    }

    /// It can't be enrolled at, because of this.
    fn fails(&self, check: &str, found: &str) {
        let report = self.report();
        assert_eq!(report["succeeded"], false);
        finding(&report, check, "failed", found);
    }
}

/// A request with a whole body.
fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}

fn doctor(data: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
    let inherited = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRANSOM_"));
    inherited.for_each(|(name, _)| _ = command.env_remove(name));
    command.args(["--data", data, "enrollment", "doctor"]).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// There is this finding; what is not all right has a cause and a remedy.
fn finding(report: &Value, check: &str, verdict: &str, found: &str) {
    let findings = report["findings"].as_array().unwrap();
    let is_it = |finding: &&Value| {
        finding["check"] == check && finding["verdict"] == verdict && finding["found"].as_str().unwrap().contains(found)
    };
    let Some(it) = findings.iter().find(is_it) else { panic!("no {verdict} {check}: {found} in {report:#}") };
    if ["failed", "warning"].contains(&verdict) {
        assert!(it["cause"].is_string() && it["remedy"].is_string(), "{it:#}");
    }
}

/// A whole reply of HTTP/1.1.
fn reply(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

fn sized(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    reply(status, &[headers, &[("Content-Length", length.as_str())]].concat(), body)
}

fn soap(body: &str) -> Vec<u8> {
    sized("200 OK", &[("Content-Type", CONTENT_TYPE)], body.as_bytes())
}

fn discovered(host: &str) -> String {
    let url = |path: &str| HttpsUrl::parse(&format!("https://{host}/EnrollmentServer/{path}.svc")).unwrap();
    let response = DiscoverResponse {
        sign_in: SignIn::OnPremise,
        version: Version::LOWEST,
        policies: url("Policy"),
        enrollment: url("Enrollment"),
    };
    write_discover_response(Reply::default(), &response)
}

fn refused(kind: FaultKind) -> String {
    let fault = Fault { kind, text: "no".to_owned(), trace_id: "1".to_owned() };
    write_fault(Operation::GetPolicies, Reply::default(), &fault)
}

/// As it should be.
fn good(method: &str, path: &str) -> Vec<u8> {
    match (method, path) {
        ("GET", DISCOVERY) => sized("200 OK", &[], b""),
        ("POST", DISCOVERY) => soap(&discovered(NAME)),
        ("POST", "/ManagementServer/Mdm.svc") => sized("400 Bad Request", &[], b""),
        _ => soap(&refused(FaultKind::Authentication)),
    }
}

#[test]
fn a_server_of_ours_passes_and_wants_its_root_on_devices() {
    let site = Site::new(Engine::Sqlite).unwrap();
    let server = site.serve();
    let (address, data) = (server.device_addr.to_string(), site.data());
    let host = format!("localhost:{}", server.device_addr.port());
    let here = ["--host", &host, "--address", &address];
    let said = doctor(data.to_str().unwrap(), &[&here[..], &["--json"]].concat());
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
    assert_eq!((said.code, &report["succeeded"]), (Some(0), &Value::Bool(true)), "{report:#}");
    finding(&report, "tls", "ok", "TLSv1.3 and TLSv1.2");
    finding(&report, "certificate", "warning", "from the authority of this installation");
    finding(&report, "clock", "ok", "the same as here");
    finding(&report, "discovery", "ok", "answers the probe");
    finding(&report, "discovery", "ok", "offers sign-in OnPremise");
    finding(&report, "policies", "ok", "answers");
    finding(&report, "enrollment", "ok", "answers");
    finding(&report, "management", "ok", "answers");
    finding(&report, "name", "skipped", "--domain");
    let stranger = doctor("nowhere", &here);
    assert_eq!(stranger.code, Some(1));
    assert!(stranger.out.contains("Devices can't enroll here yet: 1 check failed"), "{}", stranger.out);
    assert!(stranger.err.contains("error: 1 check failed"), "{}", stranger.err);
    server.kill();
}

#[test]
fn a_good_server_passes_in_words_too() {
    let said = Stub::new().examined(&[]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("Devices can enroll here: 0 checks failed"), "{}", said.out);
    assert!(said.out.contains("enterpriseenrollment.example.test/EnrollmentServer"), "{}", said.out);
    assert!(!said.out.contains("devices are sent to"), "{}", said.out);
    assert!(said.out.contains("cause: ") && said.out.contains("remedy: "), "{}", said.out);
}

#[test]
fn replies_that_windows_can_not_use_are_told_from_each_other() {
    let at = |path: &'static str, bad: Vec<u8>| {
        Stub::answering(
            move |method, asked| {
                if method == "POST" && asked == path { bad.clone() } else { good(method, asked) }
            },
        )
    };
    let body = discovered(NAME);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let chunked = reply("200 OK", &[("Transfer-Encoding", "chunked")], chunked.as_bytes());
    at(DISCOVERY, chunked).fails("discovery", "the reply has no size (chunked)");
    at(DISCOVERY, reply("200 OK", &[], body.as_bytes())).fails("discovery", "no Content-Length");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let gzip = sized("200 OK", &[("Content-Encoding", "gzip")], &gzip.finish().unwrap());
    at(DISCOVERY, gzip).fails("discovery", "compressed (gzip) though nobody asked");
    let moved = sized("302 Found", &[("Location", "https://login.example.test/")], b"");
    at(DISCOVERY, moved.clone()).fails("discovery", "it leads on to https://login.example.test/");
    at("/EnrollmentServer/Policy.svc", moved.clone()).fails("policies", "it leads on to");
    at("/EnrollmentServer/Enrollment.svc", moved.clone()).fails("enrollment", "it leads on to");
    at("/ManagementServer/Mdm.svc", moved).fails("management", "it leads on to");
    at(DISCOVERY, sized("404 Not Found", &[], b"")).fails("discovery", "status 404");
    at("/EnrollmentServer/Policy.svc", sized("502 Bad Gateway", &[], b"<html>")).fails("policies", "status 502");
    at("/EnrollmentServer/Enrollment.svc", sized("200 OK", &[], b"<html>")).fails("enrollment", "no SOAP");
    at("/ManagementServer/Mdm.svc", sized("200 OK", &[], b"<html>")).fails("management", "status 200");
    at(DISCOVERY, sized("200 OK", &[], b"<html>Welcome</html>")).fails("discovery", "no answer to Discover");
    at(DISCOVERY, soap(&refused(FaultKind::EnrollmentServer))).fails("discovery", "0x80180005");
    at(DISCOVERY, Vec::new()).fails("discovery", "connection");
    let elsewhere = at(DISCOVERY, soap(&discovered("other.example.test")));
    finding(&elsewhere.report(), "discovery", "warning", "devices are sent to https://other.example.test/");
}

#[test]
fn a_start_page_and_a_redirect_at_the_probe_are_warned_of() {
    let probe = |bad: Vec<u8>| {
        Stub::answering(move |method, path| if method == "GET" { bad.clone() } else { good(method, path) })
    };
    let page = probe(sized("200 OK", &[], b"<html>nginx</html>"));
    finding(&page.report(), "discovery", "warning", "18 bytes where nothing is expected");
    let moved = probe(sized("301 Moved Permanently", &[("Location", "https://mdm.example.test/x")], b""));
    finding(&moved.report(), "discovery", "warning", "it leads on to https://mdm.example.test/x");
}

#[test]
fn clocks_that_differ_are_noticed() {
    for (date, said) in [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "minutes behind the clock"),
        ("Fri, 01 Jan 2100 00:00:00 GMT", "minutes ahead of the clock"),
    ] {
        let answer = move |method: &str, path: &str| {
            if method == "GET" { sized("200 OK", &[("Date", date)], b"") } else { good(method, path) }
        };
        Stub::answering(answer).fails("clock", said);
    }
    finding(&Stub::new().report(), "clock", "skipped", "no Date");
}

#[test]
fn certificates_that_devices_refuse_are_told_from_each_other() {
    Stub::with(Stubbed { name: "www.example.test", ..Stubbed::default() })
        .fails("certificate", "it is for other names: www.example.test, enterpriseenrollment.example.test");
    let long_ago = transom::cli::now().plus_millis(-500 * 86_400_000);
    Stub::with(Stubbed { made_at: long_ago, ..Stubbed::default() }).fails("certificate", "has expired");
    let soon = transom::cli::now().plus_millis(-390 * 86_400_000);
    let ending = Stub::with(Stubbed { made_at: soon, ..Stubbed::default() }).report();
    finding(&ending, "certificate", "warning", "ends ");
    let early = transom::cli::now().plus_millis(86_400_000);
    Stub::with(Stubbed { made_at: early, ..Stubbed::default() }).fails("certificate", "is not valid yet");
    let stub = Stub::new();
    let unknown = doctor("nowhere", &["--host", NAME, "--address", &stub.address.to_string(), "--json"]);
    let report: Value = serde_json::from_str(&unknown.out).unwrap();
    finding(&report, "certificate", "failed", "does not send the certificate that is above its own");
}

#[test]
fn a_door_without_tls_or_with_the_wrong_one_is_noticed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut tcp = tcp.unwrap();
            let _ = tcp.read(&mut [0; 1024]);
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let plain = doctor("nowhere", &["--host", NAME, "--address", &address, "--json"]);
    finding(&serde_json::from_str(&plain.out).unwrap(), "tls", "failed", "no TLS: ");
    let new_only = Stub::with(Stubbed {
        acceptor: |acceptor| {
            let mut builder = tls_builder();
            builder.set_min_proto_version(Some(SslVersion::TLS1_3)).unwrap();
            let context = acceptor.into_context();
            builder.set_certificate(context.certificate().unwrap()).unwrap();
            builder.set_private_key(context.private_key().unwrap()).unwrap();
            builder.build()
        },
        ..Stubbed::default()
    });
    new_only.fails("tls", "refuses TLS 1.2");
}

fn tls_builder() -> openssl::ssl::SslAcceptorBuilder {
    SslAcceptor::mozilla_modern_v5(openssl::ssl::SslMethod::tls_server()).unwrap()
}

#[test]
fn names_and_doors_that_are_not_there_are_told() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let said = doctor("nowhere", &["--host", NAME, "--address", &closed, "--json"]);
    assert_eq!(said.code, Some(1));
    finding(&serde_json::from_str(&said.out).unwrap(), "reach", "failed", "refused");
    let said = doctor("nowhere", &["--host", "mdm.transom.invalid", "--json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["domain"], "transom.invalid");
    finding(&report, "name", "failed", "");
    finding(&report, "name", "warning", "it has no address");
    for wrong in [&["--host", "a/b"][..], &[], &["--host", NAME, "--address", "here"]] {
        assert_eq!(doctor("nowhere", wrong).code, Some(2), "{wrong:?}");
    }
    let said = doctor("nowhere", &["--host", NAME, "--ca", "nowhere.pem"]);
    assert!(said.code == Some(1) && said.err.contains("can't read nowhere.pem"), "{}", said.err);
}
