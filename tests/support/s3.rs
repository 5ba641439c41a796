//! A stand-in for an object store that speaks as S3 does: real HTTPS on a port of its own. It believes no signature that
//! it has not made again itself, by the documentation of Signature Version 4 and with OpenSSL.

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::ssl::{SslAcceptor, SslMethod};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tempfile::TempDir;
use transom::model::Timestamp;
use transom::pki::{CertificateAuthority, ServerNames};

pub(crate) const BUCKET: &str = "diagnostics";
pub(crate) const REGION: &str = "eu-test-1";
pub(crate) const KEY: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "s3-secret-wJalrXUtnFEMI";

/// What the signature leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The store. It is gone when it is dropped.
pub(crate) struct S3 {
    port: u16,
    folder: TempDir,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    /// The next requests are refused so: a status and the word of S3.
    script: VecDeque<(u16, &'static str)>,
    /// Method and path of the requests whose signatures were good, with the status of the answer.
    answered: Vec<String>,
    /// What was wrong with those that were not.
    wrong: Vec<String>,
}

impl S3 {
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
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Data::from(Arc::clone(&state));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let serve = async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(shared.clone())
                        .app_data(PayloadConfig::new(64 << 20))
                        .default_service(web::to(object))
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

    /// The settings of a server that keeps archives here.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let root = self.root().to_str().unwrap().to_owned();
        let settings = [
            ("ENDPOINT", format!("https://localhost:{}", self.port)),
            ("BUCKET", BUCKET.to_owned()),
            ("REGION", REGION.to_owned()),
            ("PREFIX", "one/".to_owned()),
            ("ACCESS_KEY_ID", KEY.to_owned()),
            ("SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("ROOTS", root),
        ];
        settings.into_iter().map(|(name, value)| (format!("DIAGNOSTICS_S3_{name}"), value)).collect()
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// What it keeps, by bucket and name.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().objects.clone()
    }

    /// The next requests are refused so.
    pub(crate) fn refuse(&self, answers: impl IntoIterator<Item = (u16, &'static str)>) {
        self.state().script.extend(answers);
    }

    /// Method, path and answer of each request, in order; and what was wrong with any.
    pub(crate) fn answered(&self) -> (Vec<String>, Vec<String>) {
        let state = self.state();
        (state.answered.clone(), state.wrong.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn object(state: Data<Mutex<State>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut state = state.lock().unwrap();
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let asked = Asked { method: &method, path: &path, query: request.query_string(), header: &header };
    let now = jiff::Timestamp::now();
    let (status, code, content) = match asked.verify(SECRET, now) {
        Err(why) => {
            state.wrong.push(format!("{method} {path}: {why}"));
            (403, "SignatureDoesNotMatch", Vec::new())
        }
        Ok(()) => match state.script.pop_front() {
            Some((status, code)) => (status, code, Vec::new()),
            None => state.do_as_asked(&asked, &body),
        },
    };
    state.answered.push(format!("{method} {path} {status}"));
    let mut reply = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap());
    if code.is_empty() {
        return reply.body(content);
    }
    reply.content_type("application/xml").body(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>No.</Message></Error>"
    ))
}

impl State {
    fn do_as_asked(&mut self, asked: &Asked<'_>, body: &[u8]) -> (u16, &'static str, Vec<u8>) {
        if !asked.path.starts_with(&format!("/{BUCKET}/")) {
            return (404, "NoSuchBucket", Vec::new());
        }
        let path = asked.path.to_owned();
        match asked.method {
            "PUT" => {
                if (asked.header)("content-length") != Some(body.len().to_string()) {
                    return (411, "MissingContentLength", Vec::new());
                }
                let digest = STANDARD.encode(openssl::sha::sha256(body));
                if (asked.header)("x-amz-checksum-sha256") != Some(digest) || !asked.signs("x-amz-checksum-sha256") {
                    return (400, "BadDigest", Vec::new());
                }
                self.objects.insert(path, body.to_vec());
                (200, "", Vec::new())
            }
            "GET" => match self.objects.get(&path) {
                Some(content) => (200, "", content.clone()),
                None => (404, "NoSuchKey", Vec::new()),
            },
            // As S3 does: of what is not there it is gone as well.
            "DELETE" => {
                self.objects.remove(&path);
                (204, "", Vec::new())
            }
            _ => (405, "MethodNotAllowed", Vec::new()),
        }
    }
}

/// A request, as far as it is signed.
struct Asked<'a> {
    method: &'a str,
    /// As it was sent.
    path: &'a str,
    /// As it was sent.
    query: &'a str,
    header: &'a dyn Fn(&str) -> Option<String>,
}

impl Asked<'_> {
    fn parameters(&self) -> BTreeMap<String, String> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
    }

    fn signs(&self, header: &str) -> bool {
        self.parameters().get("X-Amz-SignedHeaders").is_some_and(|list| list.split(';').any(|name| name == header))
    }

    /// Whether whoever knows the secret has asked exactly this, not long ago.
    fn verify(&self, secret: &str, now: jiff::Timestamp) -> Result<(), String> {
        let mut parameters = self.parameters();
        let signature = parameters.remove("X-Amz-Signature").ok_or("no signature")?;
        let parameter = |name: &str| parameters.get(name).cloned().ok_or_else(|| format!("no {name}"));
        let (date, names) = (parameter("X-Amz-Date")?, parameter("X-Amz-SignedHeaders")?);
        if parameter("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
            return Err("another algorithm".to_owned());
        }
        let credential = parameter("X-Amz-Credential")?;
        let parts: Vec<&str> = credential.split('/').collect();
        let [_, day, region, "s3", "aws4_request"] = parts.as_slice() else { return Err("another scope".to_owned()) };
        let age = now.as_second() - seconds(&date).ok_or("a date that is none")?;
        let expires: i64 = parameter("X-Amz-Expires")?.parse().map_err(|_| "no number of seconds")?;
        if !(-900..=expires).contains(&age) || !(1..=604_800).contains(&expires) || !date.starts_with(day) {
            return Err(format!("made {age} seconds ago, good for {expires}"));
        }
        if !names.split(';').any(|name| name == "host") {
            return Err("the host is not signed".to_owned());
        }
        let mut headers = String::new();
        for name in names.split(';') {
            let value = (self.header)(name).ok_or_else(|| format!("no {name}"))?;
            headers.extend([name, ":", value.trim(), "\n"]);
        }
        let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let query: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let segments: Vec<String> =
            self.path.split('/').map(|segment| encoded(&percent_decode_str(segment).decode_utf8().unwrap())).collect();
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{names}\nUNSIGNED-PAYLOAD",
            self.method,
            segments.join("/"),
            query.join("&")
        );
        let hash = hex(&openssl::sha::sha256(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{day}/{region}/s3/aws4_request\n{hash}");
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [*day, *region, "s3", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        if hex(&hmac(&key, to_sign.as_bytes())) == signature { Ok(()) } else { Err("another signature".to_owned()) }
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).unwrap();
    Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20130524T000000Z`.
fn seconds(date: &str) -> Option<i64> {
    let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[test]
fn the_stand_in_verifies_the_example_of_the_documentation() {
    let query = |signature: &str| {
        format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F\
             aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=\
             {signature}"
        )
    };
    let host = |name: &str| (name == "host").then(|| "examplebucket.s3.amazonaws.com".to_owned());
    let verify = |method: &str, signature: &str, after: i64| {
        let query = query(signature);
        let asked = Asked { method, path: "/test.txt", query: &query, header: &host };
        let now = jiff::Timestamp::from_second(1_369_353_600 + after).unwrap();
        asked.verify("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", now)
    };
    let good = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert_eq!(verify("GET", good, 60), Ok(()));
    assert_eq!(verify("PUT", good, 60), Err("another signature".to_owned()));
    assert_eq!(verify("GET", &good.replace('a', "b"), 60), Err("another signature".to_owned()));
    assert!(verify("GET", good, 86_401).is_err());
}
